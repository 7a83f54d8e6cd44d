import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as Apic from '../spec/apic.ts';
import * as Injection from '../spec/event-injection.ts';
import * as Exit from '../spec/exit.ts';
import { X2APIC } from '../spec/msr.ts';
import { EXIT_LIMIT } from '../tools/emulator/core.ts';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import type { Machine, Snapshot } from '../tools/emulator/machine.ts';
import { prepare } from '../tools/emulator/run.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../tools/image/build.ts';
import { readManifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';
import { mutantKernel } from './kernel-image.ts';
import { random } from './random.ts';

const MIB = 0x10_0000;
const TIMER = 0x40n;
const SPURIOUS = 0xffn;
const VALID = BigInt(Injection.VALID);
/** Boundaries before and after the first HLT: from the program's call to its next. */
const BEFORE = 1000;
/** MSR of the APIC's register. */
const INITIAL_COUNT = X2APIC + (Apic.INITIAL_COUNT >> 4);
const AFTER = 1500;
/** One boundary in so many is tried, each in `make soak`. */
const STRIDE = Number(process.env.TACIT_STRIDE ?? 17);

/** Sleeps twice, and says so. */
const SLEEPER = `
  import { fd_write, poll_oneoff, proc_exit } from './wasi_snapshot_preview1';
  const words = memory.data(16, 8);
  const asked = memory.data(48, 8);
  const event = memory.data(32, 8);
  const text = memory.data<u8>([0x73, 0x6c, 0x65, 0x70, 0x74, 0x0a]);
  function sleep(): void {
    store<u32>(asked, 1, 16);
    store<u64>(asked, 50_000, 24);
    if (poll_oneoff(asked, event, 1, words) !== 0) proc_exit(101);
  }
  sleep();
  sleep();
  store<u32>(words, u32(text));
  store<u32>(words, 6, 4);
  fd_write(1, words, 1, words + 8);
  proc_exit(0);
`;
const WASI = `
  export declare function poll_oneoff(from: usize, to: usize, n: u32, events: usize): u32;
  export declare function fd_write(fd: u32, buffers: usize, count: u32, written: usize): u32;
  export declare function proc_exit(code: u32): void;
`;

const HOSTS: readonly HostName[] = ['kvm', 'hv'];
let folder: string;
let build: (host: HostName, kernel: BuiltKernel) => Promise<Build>;
const images = new Map<HostName, Build>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-interrupts-'));
  writeFileSync(join(folder, 'sleeper.ts'), SLEEPER);
  writeFileSync(join(folder, 'wasi_snapshot_preview1.ts'), WASI);
  const luggage = readManifest(join(root, 'examples/luggage/tacit.json'));
  const manifest = {
    ...luggage,
    folder,
    program: 'sleeper.ts',
    imports: ['wasi_snapshot_preview1.*'],
  };
  build = (host, kernel) => buildImage({ ...manifest, host }, { kernel });
  const kernel = await buildKernel();
  for (const host of HOSTS) images.set(host, await build(host, kernel));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A sleeping guest that can be taken back to before its first HLT, as often as wanted. */
class Sleeper {
  readonly machine: Machine;
  /** Instructions until the first HLT. */
  readonly halt: number;
  readonly #start: Snapshot;
  #console = '';

  constructor(host: HostName, image = images.get(host)?.igvm ?? new Uint8Array()) {
    const make = () =>
      prepare(image, 'sleeper.igvm', {
        mode: 'snp',
        host,
        memory: 4 * MIB,
        console: (byte) => {
          this.#console += String.fromCharCode(byte);
        },
      });
    let halt = 0;
    const scout = make();
    const { exits } = scout.hypervisor.answers;
    const answer = exits.get(Exit.HLT);
    exits.set(Exit.HLT, (asked, exit) => {
      halt ||= scout.core.instructions;
      answer?.(asked, exit);
    });
    scout.hypervisor.run(50_000_000);
    this.halt = halt;
    this.machine = make();
    runTo(this.machine, halt - BEFORE);
    this.#start = this.machine.snapshot();
  }

  /** How the guest ends if `meddle` is done at a boundary, counted from the first HLT. */
  endsAfter(boundary: number, meddle: (machine: Machine) => void) {
    const { machine } = this;
    machine.restore(this.#start);
    this.#console = '';
    runTo(machine, this.halt + boundary);
    if (machine.hypervisor.ended === undefined) meddle(machine);
    const end = machine.hypervisor.run(machine.core.instructions + 1_000_000);
    return { end, console: this.#console };
  }
}

/** Runs `machine` on until it has executed `instructions`, or ended. */
function runTo({ hypervisor, core }: Machine, instructions: number): void {
  while (hypervisor.ended === undefined && core.instructions < instructions) {
    const exit = hypervisor.enter(instructions - core.instructions);
    if (exit.code !== EXIT_LIMIT) hypervisor.answer(exit);
  }
}

/** Boundaries to try, and the seed that gives them. */
function boundaries() {
  const next = random();
  const list: number[] = [];
  const first = -BEFORE + (next() % STRIDE);
  for (let at = first; at < AFTER; at += STRIDE) list.push(at);
  // Around the wait and its HLT there is no sampling.
  for (let at = -12; at < 40; at++) list.push(at);
  return { list, seed: next.seed };
}

/** Counts that the timer is set to, so that it fires at every boundary from there to HLT and on. */
const COUNTS = 600;

/** The counts with which the guest does not come out of its first sleep. */
function sleptOver(sleeper: Sleeper): number[] {
  const { answers } = sleeper.machine.hypervisor;
  const { writeMsr } = answers;
  const over: number[] = [];
  for (let count = 1; count <= COUNTS; count++) {
    let first = true;
    answers.writeMsr = (host, index, value) => {
      const changed = index === INITIAL_COUNT && first;
      first &&= !changed;
      return writeMsr(host, index, changed ? BigInt(count) : value);
    };
    const { end, console } = sleeper.endsAfter(-BEFORE, () => {});
    if (end.kind !== 'exit' || console !== 'slept\n') over.push(count);
  }
  answers.writeMsr = writeMsr;
  return over;
}

describe('a guest that sleeps, at every boundary through a tick of its timer', () => {
  it.each([
    ['its timer’s vector', TIMER],
    ['the spurious vector', SPURIOUS],
  ])('takes %s where it waits, and nowhere else (host kvm)', (_, vector) => {
    const sleeper = new Sleeper('kvm');
    const { list, seed } = boundaries();
    const counts = { taken: 0, refused: 0 };
    for (const at of list) {
      const { end, console } = sleeper.endsAfter(at, ({ vcpu }) => vcpu.inject(vector | VALID));
      const message = `at ${at}, ${seed}: ${JSON.stringify(end)}`;
      if (end.kind === 'exit') {
        counts.taken++;
        expect(console, message).toBe('slept\n');
      } else {
        counts.refused++;
        expect(end, message).toMatchObject({ kind: 'panic', name: 'INTERRUPT_WHILE_OFF' });
      }
    }
    expect(counts.taken).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(counts.taken);
  });

  it.each(HOSTS)('is woken by a tick that comes on its way to HLT (host %s)', (host) => {
    expect(sleptOver(new Sleeper(host))).toEqual([]);
  });

  it('sleeps over one that comes right before HLT, if who serves it does not step over HLT', async () => {
    const text = 'if (isWaiting(frame.rip)) frame.rip = waitOut();';
    const mutant = await mutantKernel('kernel/interrupt/interrupts.ts', text, '');
    for (const host of HOSTS) {
      const { igvm } = await build(host, mutant);
      expect(sleptOver(new Sleeper(host, igvm)), host).not.toEqual([]);
    }
  });
});
