import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkImage } from '../tools/check/check.ts';
import { makeExecutable } from '../tools/compiler/linux/executable.ts';
import { compileRuntime } from '../tools/compiler/linux/runtime.ts';
import { disassemble } from '../tools/compiler/x86/disassemble.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { finish, prepare } from '../tools/emulator/run.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../tools/image/build.ts';
import { parseManifest } from '../tools/image/manifest.ts';
import { runExecutable } from './differential/native.ts';
import { vectorProgram } from './vector-program.ts';
import { wat } from './wat.ts';
import { witness } from './witness.ts';

const MIB = 0x10_0000;
const MODES: readonly Mode[] = ['none', 'sev', 'sev-es', 'snp'];
const hasAvx2 = /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
const wasm = wat(vectorProgram());

let folder: string;
let kernel: BuiltKernel;
let image: Build;
let sum: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-vectors-'));
  writeFileSync(join(folder, 'vectors.wasm'), wasm);
  const fields = {
    name: 'vectors',
    program: 'vectors.wasm',
    modes: MODES,
    imports: ['wasi_snapshot_preview1.fd_write'],
  };
  const manifest = parseManifest(JSON.stringify(fields), folder, 'tacit.json');
  kernel = await buildKernel('x86-64-v3');
  image = await buildImage(manifest, { cpu: 'x86-64-v3', kernel });
  sum = run('snp').lines[1] ?? '';
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(mode: Mode) {
  const bytes: number[] = [];
  const console = (byte: number) => bytes.push(byte);
  const machine = prepare(image.igvm, 'vectors.igvm', { mode, memory: 16 * MIB, console });
  return { ...finish(machine, 50_000_000), lines: Buffer.from(bytes).toString().split('\n') };
}

describe('an image for x86-64-v3', () => {
  it('uses AVX on every number that it adds up, in each mode the same', () => {
    expect(sum).toMatch(/^[0-9a-f]{32}$/);
    for (const mode of MODES) {
      const { lines, termination } = run(mode);
      expect([lines[1], termination]).toEqual([sum, { kind: 'exit', code: 0 }]);
    }
  });

  it.skipIf(!hasAvx2)('adds up to what this CPU does', async () => {
    const executable = makeExecutable({ wasm }, [], await compileRuntime(), 'x86-64-v3');
    expect(runExecutable(executable).stdout).toBe(`${sum}\n`);
  });

  it('has vector registers changed by what the program calls alone, not by traps', () => {
    const { sections, functions } = kernel.object;
    const users = functions.filter(({ start, end }) =>
      disassemble(sections.text.bytes, start, end).includes('xmm'),
    );
    expect(users.length).toBeGreaterThan(0);
    for (const { symbol } of users) expect(symbol).toMatch(/^kernel!kernel\/crypto\//);
  });

  it('keeps to its compartment', () => {
    expect(() => checkImage(image.elf)).not.toThrow();
  });

  const qemu = witness('qemu-system-x86_64');
  it.skipIf(!qemu)('adds up to the same in QEMU (qemu-system-x86_64 -cpu max)', () => {
    const elf = join(folder, 'vectors.elf');
    writeFileSync(elf, image.elf);
    const machine = ['-M', 'microvm', '-cpu', 'max', '-accel', 'tcg', '-m', '64M', '-nodefaults'];
    const devices = ['-display', 'none', '-serial', 'stdio'];
    const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
    const { stdout } = spawnSync(qemu ?? '', [...machine, ...devices, ...exit, '-kernel', elf], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(stdout.replaceAll('\r', '').split('\n')).toContain(sum);
  });
});
