import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import { launchIgvm } from '../tools/emulator/launch/igvm.ts';
import { createMachine } from '../tools/emulator/machine.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { finish, prepare } from '../tools/emulator/run.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../tools/image/build.ts';
import { type Manifest, readManifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';
import { witness } from './witness.ts';

const MODES: readonly Mode[] = ['none', 'sev', 'sev-es', 'snp'];
const MIB = 0x10_0000;
const PAGE = 4096;
const PACKED = 'luggage: packed and locked; the password stays in here';
/** Well above what any boot takes, so that one that goes astray ends. */
const LIMIT = 20_000_000;

let folder: string;
let manifest: Manifest;
let kernel: BuiltKernel;
let luggage: Build;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-boot-'));
  manifest = readManifest(join(root, 'examples/luggage/tacit.json'));
  kernel = await buildKernel();
  luggage = await buildImage(manifest, { kernel });
  writeFileSync(join(folder, 'luggage.elf'), luggage.elf);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Options {
  readonly image?: Uint8Array;
  readonly memory?: number;
  readonly host?: HostName;
}

/** Boots luggage in the machine; what it wrote to the console, and how it ended. */
function boot(mode: Mode, { image = luggage.igvm, memory = 16 * MIB, host }: Options = {}) {
  const bytes: number[] = [];
  const machine = prepare(image, 'luggage.igvm', {
    mode,
    memory,
    ...(host !== undefined && { host }),
    console: (byte) => bytes.push(byte),
  });
  return { ...finish(machine, LIMIT), lines: text(bytes).split('\n') };
}

const text = (bytes: readonly number[]) => Buffer.from(bytes).toString();

describe('luggage', () => {
  it.each(MODES)('boots from IGVM in mode %s, says its word and stops for good', (mode) => {
    const { lines, termination } = boot(mode);
    expect(lines).toEqual([`Tacit, mode ${mode}`, PACKED, '']);
    expect(termination).toEqual({ kind: 'idle' });
  });

  it.each(['none', 'sev', 'sev-es'] as const)('boots from ELF in mode %s', (mode) => {
    const { lines, termination } = boot(mode, { image: luggage.elf });
    expect(lines).toEqual([`Tacit, mode ${mode}`, PACKED, '']);
    expect(termination).toEqual({ kind: 'idle' });
  });

  it.each([
    ['none', 4],
    ['none', 512],
    ['snp', 4],
    ['snp', 64],
  ] as const)('boots in mode %s with %i MiB, within 10 million instructions', (mode, mebibytes) => {
    const { lines, report } = boot(mode, { memory: mebibytes * MIB });
    expect(lines).toEqual([`Tacit, mode ${mode}`, PACKED, '']);
    expect(report.lines[1]?.instructions).toBeLessThan(10_000_000);
  });

  it.each(['sev-es', 'snp'] as const)('takes no #VC once it has a GHCB (mode %s)', (mode) => {
    const { report } = boot(mode);
    expect(report.vc.total).toBe(report.vc.beforeGhcb);
  });

  it.each([4, 64])(
    'leaves for the host no oftener than it must, with %i MiB',
    async (mebibytes) => {
      const memory = mebibytes * MIB;
      const shared = boot('snp', { memory });
      // RAM starts as the host's: batches of 253 entries ask for it, 2 MiB or 4 KiB each.
      const entries = memory / (2 * MIB) - 1 + 512;
      const asked = Math.ceil(entries / 253);
      const most = shared.lines.length - 1 + 12;
      expect(shared.report.lines[1]?.vmgexits).toBeLessThanOrEqual(most + asked);
      const { igvm } = await buildImage({ ...manifest, host: 'hv' }, { kernel });
      const own = boot('snp', { memory, host: 'hv', image: igvm });
      expect(own.report.lines[1]?.vmgexits).toBeLessThanOrEqual(most);
      expect(own.report.vc.total).toBe(own.report.vc.beforeGhcb);
    },
  );

  it('validates by 2 MiB what is wholly RAM and has no page of the image, at 64 MiB', () => {
    const { pvalidates } = boot('snp', { memory: 64 * MIB }).report;
    expect(pvalidates.validate2m).toBe(31);
    // Of the first 2 MiB what is neither the image's nor page 0; then the GHCB is given away.
    expect(pvalidates.validate4k).toBeLessThan(511);
    expect(pvalidates.rescind).toBe(1);
  });

  it('validates each page of RAM outside its image once', () => {
    const times = new Map<number, number>();
    const machine = createMachine({
      mode: 'snp',
      memory: 16 * MIB,
      onPvalidate: (gpa, huge, validate, unchanged) => {
        expect(unchanged).toBe(false);
        const first = Number(gpa) / PAGE;
        for (let i = first; validate && i < first + (huge ? 512 : 1); i++) {
          times.set(i, (times.get(i) ?? 0) + 1);
        }
      },
    });
    launchIgvm(machine, luggage.igvm);
    expect(finish(machine, LIMIT).termination).toEqual({ kind: 'idle' });
    for (const count of times.values()) expect(count).toBe(1);
    // 2 MiB and up are all RAM; below, page 0 and what is no RAM is not.
    for (let frame = 512; frame < (16 * MIB) / PAGE; frame++) expect(times.get(frame)).toBe(1);
    expect(times.has(0)).toBe(false);
  });

  it('accepts RAM beyond what its manifest says only when it is used', async () => {
    const { igvm } = await buildImage({ ...manifest, lazyAbove: 4 * MIB }, { kernel });
    for (const host of ['kvm', 'hv'] as const) {
      const image = host === 'kvm' ? igvm : await lazyFor(host);
      const { lines, report } = boot('snp', { image, host, memory: 64 * MIB });
      expect(lines).toEqual(['Tacit, mode snp', PACKED, '']);
      // 31 of them with all of RAM.
      expect(report.pvalidates.validate2m).toBeLessThanOrEqual(4);
    }
  });

  async function lazyFor(host: HostName): Promise<Uint8Array> {
    return (await buildImage({ ...manifest, host, lazyAbove: 4 * MIB }, { kernel })).igvm;
  }

  it('ends before its program starts in a mode that is not in its manifest', async () => {
    const expected = [
      expect.stringMatching(
        /^panic 703: the image may not run in this mode at kernel\/platform\.ts:\d+$/,
      ),
      expect.stringMatching(
        /^ {2}at kernel!kernel\/platform\/decidePlatform kernel\/platform\.ts:\d+$/,
      ),
      expect.stringMatching(/^ {2}at kernel!kernel\/main\/main kernel\/main\.ts:\d+$/),
    ];
    for (const allowed of ['none', 'sev'] as const) {
      const { igvm } = await buildImage({ ...manifest, modes: [allowed] }, { kernel });
      for (const mode of MODES.filter((other) => other !== allowed)) {
        const { lines, termination } = boot(mode, { image: igvm });
        expect(termination).toMatchObject({ kind: 'panic', name: 'MODE_NOT_ALLOWED' });
        // With the host's registers out of its sight, the kernel cannot speak before it has a GHCB.
        const mute = mode === 'sev-es' || mode === 'snp';
        expect(lines.slice(0, 3)).toEqual(mute ? [''] : expected);
      }
    }
  });

  it('ends with its reason on a host that it was not built for', async () => {
    const other = await buildImage({ ...manifest, host: 'hv' }, { kernel });
    const on = (host: HostName, image: Uint8Array) => boot('snp', { host, image });
    expect(on('hv', luggage.igvm).termination).toMatchObject({ name: 'FEATURE_REFUSED' });
    expect(on('kvm', other.igvm).termination).toMatchObject({ name: 'FEATURE_MISSING' });
    const { lines, report, termination } = on('hv', other.igvm);
    expect(lines).toEqual(['Tacit, mode snp', PACKED, '']);
    expect(termination).toEqual({ kind: 'idle' });
    // Nothing has to be asked for where RAM starts as the guest's; the GHCB and the doorbell page are given away.
    const { byReason } = report.exits;
    expect(byReason['VMGEXIT:PAGE_STATE_CHANGE']).toBeUndefined();
    expect(byReason['VMGEXIT:MSR:PAGE_STATE_CHANGE_REQUEST']).toBe(2);
  });

  it('is the same bytes at each build', async () => {
    const again = await buildImage(manifest);
    expect(Buffer.compare(again.elf, luggage.elf)).toBe(0);
    expect(Buffer.compare(again.igvm, luggage.igvm)).toBe(0);
  });

  it('is measured by the machine as the build says', () => {
    const { machine } = boot('snp');
    expect(machine.launchDigest).toEqual(luggage.launchDigest);
  });

  it('holds the text that it will keep nowhere in its image', () => {
    for (const file of [luggage.elf, luggage.igvm]) {
      expect(Buffer.from(file).includes('password is 12345')).toBe(false);
    }
  });
});

describe('luggage in QEMU', () => {
  const qemu = witness('qemu-system-x86_64');

  it.skipIf(!qemu).each(['microvm', 'q35'])(
    'writes what it writes in the machine (qemu-system-x86_64 -M %s)',
    async (type) => {
      const output = await emulate(qemu ?? '', type);
      const first = output.indexOf('Tacit,');
      expect(output.slice(first).replaceAll('\r', '').split('\n')).toEqual(boot('none').lines);
    },
  );

  /** The console of a run that is ended once luggage has said its word: it halts for good. */
  async function emulate(program: string, type: string): Promise<string> {
    const machine = ['-M', type, '-accel', 'tcg', '-m', '64M', '-nodefaults', '-no-reboot'];
    const devices = ['-display', 'none', '-serial', 'stdio'];
    const kernel = ['-kernel', join(folder, 'luggage.elf')];
    const child = spawn(program, [...machine, ...devices, ...kernel], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    for await (const bytes of child.stdout) {
      output += bytes;
      if (output.includes(PACKED) && output.endsWith('\n')) child.kill('SIGKILL');
    }
    clearTimeout(timer);
    return output;
  }
});

/** An image of a program of a few lines of AssemblyScript. */
async function imageOf(source: string): Promise<Build> {
  writeFileSync(join(folder, 'program.ts'), source);
  return buildImage({ ...manifest, folder, program: 'program.ts' }, { kernel });
}

describe('a program that ends itself', () => {
  const SOURCE = "import { proc_exit } from './wasi_snapshot_preview1';\nproc_exit(7);\n";
  let image: Build;
  beforeAll(async () => {
    const wasi = join(folder, 'wasi_snapshot_preview1.ts');
    writeFileSync(wasi, 'export declare function proc_exit(code: u32): void;\n');
    image = await imageOf(SOURCE);
  });

  it.each(MODES)('tells the host its code (mode %s)', (mode) => {
    const { termination, exitCode } = boot(mode, { image: image.igvm });
    expect(termination).toEqual({ kind: 'exit', code: 7 });
    expect(exitCode).toBe(7);
  });

  const qemu = witness('qemu-system-x86_64');
  it.skipIf(!qemu)('tells QEMU’s isa-debug-exit (qemu-system-x86_64)', () => {
    writeFileSync(join(folder, 'program.elf'), image.elf);
    const { status } = spawnSync(
      qemu ?? '',
      [
        ...['-M', 'microvm', '-accel', 'tcg', '-m', '64M', '-nodefaults', '-display', 'none'],
        ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
        ...['-kernel', join(folder, 'program.elf')],
      ],
      { timeout: 30_000 },
    );
    // QEMU makes an exit code of what is written: twice that and one.
    expect(status).toBe(15);
  });
});

describe('a program that goes wrong', () => {
  const run = async (mode: Mode, source: string) =>
    boot(mode, { image: (await imageOf(source)).igvm });

  it.each(['none', 'snp'] as const)(
    'is told by the name of its trap, and where it was (mode %s)',
    async (mode) => {
      const { lines, termination } = await run(
        mode,
        'let zero: i32 = 0;\n\nexport function f(): i32 {\n  return 7 / zero;\n}\n\nf();\n',
      );
      expect(termination).toMatchObject({ kind: 'panic', name: 'PROGRAM_TRAP' });
      expect(lines[1]).toBe('panic 717: integer divide by zero at program.ts:4');
    },
  );

  it('is ended by running out of stack, and told with its callers', async () => {
    const { lines, termination } = await run(
      'snp',
      'let depth: i32 = 0;\n\nfunction f(n: i32): i32 {\n  depth++;\n  return f(n + 1) + f(n + 2);\n}\n\nf(0);\n',
    );
    expect(termination).toMatchObject({ kind: 'panic', name: 'STACK_EXHAUSTED' });
    expect(lines[1]).toMatch(/^panic 715: call stack exhausted at program\.ts:\d$/);
    expect(lines[2]).toMatch(/^ {2}at \S+!program\/f program\.ts:\d$/);
    expect(lines[3]).toMatch(/^ {2}at \S+!program\/f program\.ts:5$/);
    expect(lines[4]).toBe(lines[3]);
  });

  it('ends the guest by reaching beyond its memory', async () => {
    const { termination } = await run('snp', 'export const x = load<u32>(0x7000_0000);\n');
    expect(termination).toMatchObject({ kind: 'panic', name: 'PROGRAM_TRAP' });
  });
});
