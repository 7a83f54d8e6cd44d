import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESET_REFUSED } from '../spec/abi/termination.ts';
import * as Event from '../spec/ghcb-event.ts';
import { view } from '../spec/layout.ts';
import { CertificateEntry } from '../spec/layouts/guest-message.ts';
import * as SevStatus from '../spec/sev-status.ts';
import { countPages, pageRuns } from '../tools/emulator/debug/page-states.ts';
import { HostileHost } from '../tools/emulator/hostile.ts';
import { launchIgvm } from '../tools/emulator/launch/igvm.ts';
import { createMachine, type Machine } from '../tools/emulator/machine.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { resetMachine } from '../tools/emulator/reset.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../tools/image/build.ts';
import type { Host, Manifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';
import { witness } from './witness.ts';

const LIMIT = 100_000_000;
const MODES = ['none', 'sev', 'sev-es', 'snp'] as const;
const NONCE = Buffer.from(Uint8Array.from({ length: 64 }, (_, i) => 0xa0 ^ i)).toString('hex');

let kernel: BuiltKernel;
const images = new Map<string, Build>();

/** The image of a program. */
async function imageOf(
  program: string,
  args: readonly string[] = [],
  host: Host = 'kvm',
): Promise<Build> {
  const manifest: Manifest = {
    folder: join(root, 'test/fixtures/attest'),
    name: 'attest',
    program,
    args,
    env: {},
    modes: MODES,
    host,
    memory: 0x10_0000,
    imports: ['wasi_snapshot_preview1.*', 'tacit.*'],
    drivers: [],
  };
  return buildImage(manifest, { kernel });
}

beforeAll(async () => {
  kernel = await buildKernel();
  images.set('once', await imageOf('attest.ts'));
  images.set('hv', await imageOf('attest.ts', ['again'], 'hv'));
  images.set('twice', await imageOf('twice.ts'));
  images.set('reset', await imageOf('attest.ts', ['again']));
}, 60_000);

interface Line {
  readonly what: string;
  readonly errno: number;
  readonly bytes: string;
}

interface Running {
  readonly image?: 'once' | 'reset' | 'hv';
  readonly host?: Host;
  readonly features?: bigint;
  /** What happens at a reset; by default the run ends. */
  readonly reset?: (machine: Machine) => void;
}

/** Runs the program in a machine: how it ended, and the lines of its console. */
function run(mode: Mode, { image = 'once', features = 0n, host = 'kvm', reset }: Running = {}) {
  const console: number[] = [];
  const machine = createMachine({
    mode,
    host,
    memory: 0x80_0000,
    features,
    reset: false,
    console: (byte) => console.push(byte),
  });
  if (reset) machine.hypervisor.onReset = () => reset(machine);
  launchIgvm(machine, (images.get(image) as Build).igvm);
  const termination = machine.hypervisor.run(LIMIT);
  return { machine, termination, lines: linesOf(Buffer.from(console).toString()) };
}

function linesOf(console: string): Line[] {
  const found = console.matchAll(/^(\w+) (\d\d) (\w*)\r?$/gm);
  return [...found].map(([, what = '', errno, bytes = '']) => {
    return { what, errno: Number(errno), bytes };
  });
}

const all = (lines: readonly Line[], wanted: string) =>
  lines.filter(({ what }) => what === wanted).map(({ bytes }) => Buffer.from(bytes, 'hex'));

const littleEndian = (bytes: Buffer | undefined) => bytes?.readBigUInt64LE(0) ?? -1n;

describe('a program in the machine', () => {
  it('gets from the AMD-SP what it asks for', () => {
    const { machine, termination, lines } = run('snp');
    expect(termination).toEqual({ kind: 'exit', code: 0 });
    expect(lines.map(({ what, errno }) => `${what} ${errno}`)).toEqual([
      ...['report 0', 'extended 0', 'certificates 0', 'key 0', 'key 0', 'tsc 0'],
      ...['random 0', 'random 0', 'clock 0', 'clock 0'],
    ]);
    const [report = Buffer.alloc(0)] = all(lines, 'report');
    expect(report.subarray(0x50, 0x90).toString('hex')).toBe(NONCE);
    const digest = Buffer.from(machine.launchDigest ?? []).toString('hex');
    expect(report.subarray(0x90, 0xc0).toString('hex')).toBe(digest);
    const [plain, mixed] = all(lines, 'key');
    expect(plain).not.toEqual(mixed);
    // A message of each kind, none of them by #VC.
    expect(machine.statistics.vcs).toBe(0);
  });

  it('gets the same of a host with restricted injection, and resets it', () => {
    let shared = -1;
    const { termination, lines } = run('snp', {
      image: 'hv',
      host: 'hv',
      reset: (machine) => {
        shared = countPages(pageRuns(machine)).shared;
        machine.hypervisor.end({ kind: 'exit', code: 77 });
      },
    });
    expect(termination).toEqual({ kind: 'exit', code: 77 });
    expect(shared).toBe(1); // the GHCB: the doorbell page is the guest's again
    expect(lines.map(({ errno }) => errno)).toEqual(Array.from({ length: 10 }, () => 0));
  });

  it('gets certificates that the table tells the places of', () => {
    const [table = Buffer.alloc(0)] = all(run('snp').lines, 'certificates');
    expect(table.length).toBeGreaterThan(0);
    const bytes = Uint8Array.from(table);
    const sizes: number[] = [];
    for (let at = 0; ; at += CertificateEntry.size) {
      const { guid, offset, size } = view(CertificateEntry, bytes, at);
      if (guid.every((byte) => byte === 0)) break;
      // Each is DER: a SEQUENCE whose length has two bytes.
      expect([...bytes.subarray(offset, offset + 2)]).toEqual([0x30, 0x82]);
      sizes.push(size);
    }
    expect(sizes).toHaveLength(3);
  });

  it('has a message sealed and opened in as many instructions whatever the key (constant time)', () => {
    const counts = [1n, 2n, 3n, 4n].map((seed) => {
      const machine = createMachine({ mode: 'snp', memory: 0x80_0000, seed });
      const host = new HostileHost(machine);
      const at: number[] = [];
      host.onEvent(Event.GUEST_REQUEST, (_, honest) => {
        at.push(host.instructions);
        honest();
      });
      launchIgvm(machine, (images.get('twice') as Build).igvm);
      expect(machine.hypervisor.run(LIMIT)).toEqual({ kind: 'exit', code: 0 });
      // From a request to the next: one answer is opened, and one request sealed.
      const [first = 0, second = 0] = at;
      return second - first;
    });
    expect(counts[0]).toBeGreaterThan(1000);
    expect(new Set(counts).size).toBe(1);
  });

  it.each(['none', 'sev', 'sev-es'] as const)('gets nothing from it in mode %s', (mode) => {
    const { termination, lines } = run(mode);
    expect(termination).toEqual({ kind: 'exit', code: 0 });
    const refused = lines.filter(({ errno }) => errno === 58).map(({ what }) => what);
    expect(refused).toEqual(['report', 'extended', 'key', 'key', 'tsc']);
  });

  it.each(MODES)('gets random numbers and a clock in mode %s', (mode) => {
    const { lines } = run(mode);
    const [one, two] = all(lines, 'random');
    expect(one).toHaveLength(32);
    expect(one).not.toEqual(two);
    const [before, after] = all(lines, 'clock');
    const passed = littleEndian(after) - littleEndian(before);
    // A line of the console lies between them, and an instruction is a nanosecond here.
    expect(passed).toBeGreaterThan(0n);
    expect(passed).toBeLessThan(1_000_000n);
  });

  it('has its time from Secure TSC where that is on', () => {
    const features = BigInt(SevStatus.SECURE_TSC) >> BigInt(SevStatus.FEATURES_SHIFT);
    const { termination, lines } = run('snp', { features });
    expect(termination).toEqual({ kind: 'exit', code: 0 });
    const [before, after] = all(lines, 'clock');
    expect(littleEndian(after)).toBeGreaterThan(littleEndian(before));
  });

  it.each(MODES)('has the machine reset, and is the same again (mode %s)', (mode) => {
    let shared = -1;
    let before: string | undefined;
    const { machine, termination, lines } = run(mode, {
      image: 'reset',
      // The first time the machine starts again, the second time it ends.
      reset: (again) => {
        const digest = again.launchDigest && Buffer.from(again.launchDigest).toString('hex');
        if (again.statistics.resets === 1) {
          expect(digest).toBe(before);
          again.hypervisor.end({ kind: 'exit', code: 77 });
          return;
        }
        before = digest;
        shared = countPages(pageRuns(again)).shared;
        resetMachine(again);
      },
    });
    expect(termination).toEqual({ kind: 'exit', code: 77 });
    expect(machine.statistics.resets).toBe(1);
    expect(all(lines, 'clock')).toHaveLength(4);
    if (mode === 'snp') {
      // Nothing but the GHCB, which carried the request; reports say that nothing has changed.
      expect(shared).toBe(1);
      expect(before).toMatch(/^[0-9a-f]{96}$/);
      const measurements = all(lines, 'report').map((one) => one.subarray(0x90, 0xc0));
      expect(measurements.map((one) => one.toString('hex'))).toEqual([before, before]);
    }
  });
});

describe('a program in QEMU', () => {
  const qemu = witness('qemu-system-x86_64');
  const folder = mkdtempSync(join(tmpdir(), 'tacit-attest-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs the program; the console, and QEMU's status: twice what the guest says and one, 0 for a reset. */
  const emulate = (image: 'once' | 'reset', type: string, ...more: string[]) => {
    const elf = join(folder, `${image}.elf`);
    writeFileSync(elf, (images.get(image) as Build).elf);
    const args = ['-M', type, '-accel', 'tcg', '-m', '64M', '-nodefaults', '-no-reboot'];
    const devices = ['-display', 'none', '-serial', 'stdio'];
    const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', elf];
    const { status, stdout } = spawnSync(qemu ?? '', [...args, ...devices, ...exit, ...more], {
      encoding: 'latin1',
      timeout: 30_000,
    });
    return { status, stdout, lines: linesOf(stdout) };
  };

  it.skipIf(!qemu).each(['microvm', 'q35'])(
    'has a clock by the 8254, and no random numbers of a CPU without them (qemu-system-x86_64 -M %s)',
    (type) => {
      const { status, lines } = emulate('once', type);
      expect(status).toBe(1);
      const errnos = (wanted: string) =>
        lines.filter(({ what }) => what === wanted).map(({ errno }) => errno);
      expect(errnos('random')).toEqual([58, 58]);
      expect(errnos('clock')).toEqual([0, 0]);
      const [before, after] = all(lines, 'clock');
      const passed = littleEndian(after) - littleEndian(before);
      expect(passed).toBeGreaterThan(0n);
      expect(passed).toBeLessThan(10n ** 9n);
    },
  );

  it.skipIf(!qemu)('has random numbers of a CPU that makes them (qemu-system-x86_64)', () => {
    const { lines } = emulate('once', 'microvm', '-cpu', 'max');
    const [one, two] = all(lines, 'random');
    expect(one).toHaveLength(32);
    expect(one).not.toEqual(two);
  });

  it.skipIf(!qemu)(
    'resets a machine that can be, and says if it cannot (qemu-system-x86_64)',
    () => {
      expect(emulate('reset', 'q35').status).toBe(0);
      const { status, stdout } = emulate('reset', 'microvm');
      expect(stdout).toContain('the host refuses to reset the machine');
      expect(status).toBe(((RESET_REFUSED << 1) | 1) & 0xff);
    },
  );
});
