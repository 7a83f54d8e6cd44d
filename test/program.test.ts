import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { finish, prepare } from '../tools/emulator/run.ts';
import { buildImage, buildKernel } from '../tools/image/build.ts';
import { parseManifest } from '../tools/image/manifest.ts';
import { wat } from './wat.ts';

const MIB = 0x10_0000;
const kernel = await buildKernel();
const folder = mkdtempSync(join(tmpdir(), 'tacit-program-'));
afterAll(() => rmSync(folder, { recursive: true }));

const WASI = `
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))`;

/** Builds a module in the text format as the program of an image, and boots it under SNP. */
async function boot(text: string, fields: object = {}) {
  writeFileSync(join(folder, 'made.wasm'), wat(text));
  const manifest = {
    name: 'made',
    program: 'made.wasm',
    imports: ['wasi_snapshot_preview1.*'],
    ...fields,
  };
  const parsed = parseManifest(JSON.stringify(manifest), folder, 'tacit.json');
  const { igvm } = await buildImage(parsed, { kernel });
  const bytes: number[] = [];
  const console = (byte: number) => bytes.push(byte);
  const machine = prepare(igvm, 'made.igvm', { mode: 'snp', memory: 16 * MIB, console });
  return { ...finish(machine, 20_000_000), lines: Buffer.from(bytes).toString().split('\n') };
}

describe('a program that is a Wasm module', () => {
  it('has its data, its globals and its exit code', async () => {
    const { lines, termination } = await boot(`(module ${WASI}
      (memory (export "memory") 1)
      (data (i32.const 64) "one line\\n")
      (data (i32.const 8) "\\40\\00\\00\\00\\09\\00\\00\\00")
      (global $code (mut i32) (i32.const 41))
      (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
        (global.set $code (i32.add (global.get $code) (i32.const 1)))
        (call $exit (global.get $code))))`);
    expect(lines[1]).toBe('one line');
    expect(termination).toEqual({ kind: 'exit', code: 42 });
  });

  it('may grow its memory as far as the manifest says, and finds zeros there', async () => {
    const { termination } = await boot(
      `(module ${WASI}
        (memory (export "memory") 1)
        (func (export "_start") (local $sum i32)
          ;; 1 page; 1 -> 40; no further than 64; 40 -> 64.
          (local.set $sum (memory.grow (i32.const 39)))
          (i32.store (i32.const 0x27fffc) (i32.const 5))
          (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 0x27fffc))))
          (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 0x200000))))
          (if (i32.ne (memory.grow (i32.const 25)) (i32.const -1)) (then unreachable))
          (local.set $sum (i32.add (local.get $sum) (memory.grow (i32.const 24))))
          (local.set $sum (i32.add (local.get $sum) (memory.size)))
          (call $exit (local.get $sum))))`,
      { memory: '4M' },
    );
    expect(termination).toEqual({ kind: 'exit', code: 1 + 5 + 0 + 40 + 64 });
  });

  it('calls through its table, and traps on a wrong type', async () => {
    const table = (index: number) => `(module ${WASI}
      (memory (export "memory") 1)
      (type $number (func (result i32)))
      (table 3 funcref)
      (elem (i32.const 0) $seven $nothing)
      (func $seven (result i32) (i32.const 7))
      (func $nothing)
      (func (export "_start") (call $exit (call_indirect (type $number) (i32.const ${index})))))`;
    expect((await boot(table(0))).termination).toEqual({ kind: 'exit', code: 7 });
    const wrong = await boot(table(1));
    expect(wrong.termination).toMatchObject({ kind: 'panic', name: 'PROGRAM_TRAP' });
    expect(wrong.lines[1]).toMatch(/indirect call type mismatch/);
  });

  it('traps with the names of its functions where it has no source map', async () => {
    const { lines, termination } = await boot(`(module
      (memory (export "memory") 1)
      (func $deep (param i32) (result i32) (i32.load (local.get 0)))
      (func $start (export "_start")
        (i32.store (i32.const 0) (i32.add (call $deep (i32.const 0x7fff0000)) (i32.const 1)))))`);
    expect(termination).toMatchObject({ kind: 'panic', name: 'PROGRAM_TRAP' });
    expect(lines.slice(1, 4)).toEqual([
      'panic 717: out of bounds memory access',
      '  at made!deep',
      '  at made!start',
    ]);
  });

  it('runs its start function first, and computes with floats', async () => {
    const { termination } = await boot(`(module ${WASI}
      (memory (export "memory") 1)
      (global $root (mut f64) (f64.const 0))
      (func $before (global.set $root (f64.sqrt (f64.const 2))))
      (start $before)
      (func (export "_start")
        (call $exit (i32.trunc_f64_s (f64.mul (global.get $root) (f64.const 100))))))`);
    expect(termination).toEqual({ kind: 'exit', code: 141 });
  });

  it('needs no memory, and has exit code 0 when it returns', async () => {
    const { termination } = await boot('(module (func (export "_start")))');
    expect(termination).toEqual({ kind: 'exit', code: 0 });
  });
});
