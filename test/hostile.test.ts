import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as Reason from '../spec/abi/termination.ts';
import * as Injection from '../spec/event-injection.ts';
import * as Exit from '../spec/exit.ts';
import { EXIT_LIMIT } from '../tools/emulator/core.ts';
import type { Machine } from '../tools/emulator/machine.ts';
import { prepare } from '../tools/emulator/run.ts';
import { type BuiltKernel, buildImage, buildKernel } from '../tools/image/build.ts';
import { readManifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';
import { random } from './random.ts';

const MIB = 0x10_0000;
const PAGE = 4096;
const SAYS = 'watching\n';

/** Says its word, then reads its memory over and over, as long as it reads the same. */
const WATCHER = `
  import { load32 } from './volatile';
  import { fd_write, proc_exit } from './wasi_snapshot_preview1';
  const words = memory.data(8);
  const text = memory.data<u8>([0x77, 0x61, 0x74, 0x63, 0x68, 0x69, 0x6e, 0x67, 0x0a]);
  store<u32>(words, text);
  store<u32>(words, 9, 4);
  fd_write(1, words, 1, words);
  while (load32(words) === 9) {}
  proc_exit(1);
`;
const VOLATILE = 'export declare function load32(at: usize): u32;';
const WASI = `
  export declare function fd_write(fd: u32, buffers: usize, count: u32, written: usize): u32;
  export declare function proc_exit(code: u32): void;
`;

let folder: string;
let kernel: BuiltKernel;
let luggage: Uint8Array;
let watcher: Uint8Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-hostile-'));
  writeFileSync(join(folder, 'watcher.ts'), WATCHER);
  writeFileSync(join(folder, 'volatile.ts'), VOLATILE);
  writeFileSync(join(folder, 'wasi_snapshot_preview1.ts'), WASI);
  kernel = await buildKernel();
  const manifest = readManifest(join(root, 'examples/luggage/tacit.json'));
  luggage = (await buildImage(manifest, { kernel })).igvm;
  const program = { ...manifest, folder, program: 'watcher.ts' };
  watcher = (await buildImage(program, { kernel })).igvm;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `machine` on until it has executed `instructions`, or ended. */
function runTo(machine: Machine, instructions: number): void {
  const { hypervisor, vcpu, core } = machine;
  while (hypervisor.ended === undefined && core.instructions < instructions) {
    const exit = vcpu.run(instructions - core.instructions);
    if (exit.code !== EXIT_LIMIT) hypervisor.answer(exit);
  }
}

describe('a host that meddles with the memory of a running program', () => {
  /** A machine whose program has said its word, and the frame that its memory begins with. */
  const watching = () => {
    let console = '';
    const machine = prepare(watcher, 'watcher.igvm', {
      mode: 'snp',
      memory: 8 * MIB,
      console: (byte) => {
        console += String.fromCharCode(byte);
      },
    });
    for (let n = 1; !console.endsWith(SAYS); n++) runTo(machine, n * 100_000);
    return { machine, frame: 1, console: () => console };
  };

  const goOn = ({ core, hypervisor }: Machine) => hypervisor.run(core.instructions + 1_000_000);

  it('cannot write it: the write faults, and the program goes on', () => {
    const { machine, frame } = watching();
    const fault = machine.memory.writeGuest(BigInt(frame * PAGE), new Uint8Array(PAGE));
    expect(fault).toMatchObject({ kind: 'fault' });
    expect(goOn(machine)).toEqual({ kind: 'limit' });
  });

  it('takes a page away, and cannot let the guest go on', () => {
    const { machine, frame } = watching();
    machine.pages.makeShared(frame, 1);
    expect(goOn(machine)).toMatchObject({
      kind: 'shutdown',
      cause: expect.stringMatching(/^RMP fault: private/),
    });
  });

  it('takes a page away and gives another back: the guest ends, and says nothing more', () => {
    const { machine, frame, console } = watching();
    machine.pages.makeShared(frame, 1);
    machine.pages.makePrivate(frame, 1);
    expect(goOn(machine)).toMatchObject({ kind: 'panic', name: 'VC_NOT_VALIDATED' });
    expect(console().endsWith(SAYS)).toBe(true);
  });
});

describe('a host that injects events into a boot', () => {
  const VALID = BigInt(Injection.VALID);
  const WITH_ERROR = BigInt(Injection.ERROR_VALID);
  const exception = (vector: number) => BigInt(vector) | (3n << 8n) | VALID;
  /** As WeSee has it: VMRUN refuses vector 29 as an exception. */
  const vc = (code: number) => 29n | WITH_ERROR | VALID | (BigInt(code) << 32n);
  /** By then the shim has loaded the 64-bit IDT; before, a shutdown is the other way to end. */
  const FIRST = 25_000;
  /** Instructions until luggage halts. */
  let last: number;
  beforeAll(() => {
    const machine = prepare(luggage, 'luggage.igvm', { mode: 'snp', memory: 4 * MIB });
    machine.hypervisor.run(10_000_000);
    last = machine.core.instructions;
  });

  const documented = Object.entries(Reason).map(([name]) => name);

  /** How luggage ends after `event` at `boundary`, instructions from its start. */
  const endsAfter = (event: bigint, boundary: number) => {
    const machine = prepare(luggage, 'luggage.igvm', { mode: 'snp', memory: 4 * MIB });
    runTo(machine, boundary);
    machine.vcpu.inject(event);
    return machine.hypervisor.run(2_000_000);
  };

  it.each([
    ['#VC as for CPUID', vc(Exit.CPUID), 'VC_AT_WRONG_SITE'],
    ['#VC as for VMMCALL', vc(Exit.VMMCALL), 'VC_AT_WRONG_SITE'],
    ['#VC as for MMIO', vc(Exit.NPF), 'VC_NESTED_PAGE_FAULT'],
    ['#VC as for a page not validated', vc(Exit.PAGE_NOT_VALIDATED), 'VC_NOT_VALIDATED'],
    ['an NMI', 2n | (2n << 8n) | VALID, 'NMI'],
    ['#HV', 28n | VALID, 'UNEXPECTED_HV'],
    ['a machine check', exception(18), 'MACHINE_CHECK'],
    ['vector 80h', 0x80n | VALID, 'UNEXPECTED_INTERRUPT'],
  ] as const)('ends the guest with its reason: %s', (_, event, name) => {
    const next = random();
    for (let i = 0; i < 3; i++) {
      const boundary = FIRST + (next() % (last - FIRST));
      const message = `at ${boundary}, ${next.seed}`;
      expect(endsAfter(event, boundary), message).toMatchObject({ kind: 'panic', name });
    }
  });

  it('ends the guest for a documented reason, whatever the vector', () => {
    const next = random();
    for (let i = 0; i < 16; i++) {
      const vector = next() % 256;
      const boundary = next() % last;
      const end = endsAfter(BigInt(vector) | VALID, boundary);
      const message = `vector ${vector} at ${boundary}, ${next.seed}: ${JSON.stringify(end)}`;
      const early = boundary < FIRST && end.kind === 'shutdown';
      const named = end.kind === 'panic' && documented.includes(end.name);
      expect(early || named, message).toBe(true);
    }
  });
});
