import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { random } from '../random.ts';
import { exportGlobals } from './export-globals.ts';

/** What the compiler takes, in the names of wasm-opt 108. */
const features = [
  '--mvp-features',
  '--enable-sign-ext',
  '--enable-nontrapping-float-to-int',
  '--enable-bulk-memory',
  '--enable-multivalue',
  '--enable-mutable-globals',
];

/** Later features, each set with those before it: the further down, the less often V8 knows all of it. */
const later = [
  [],
  ['--enable-simd'],
  ['--enable-tail-call', '--enable-threads'],
  ['--enable-reference-types'],
];

/** Passes give the code other shapes than a fuzzer alone does: what optimizers leave, and flat code. */
const shapes = [[], ['-O2'], ['--flatten'], ['-O1']];

/** Bytes that the module is made of: a few functions to some dozens, now and then some hundreds. */
const SMALLEST = 500;
const LARGEST = 16_000;
const HUGE = 120_000;

/**
 * The module that `wasm-opt --translate-to-fuzz` makes of a seed, every global exported. `wasmOpt` is
 * that program: another version makes another module. NaNs are taken out, whose bits Wasm leaves open.
 */
export function generateModule(wasmOpt: string, seed: number): Uint8Array<ArrayBuffer> {
  const next = random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'tacit-ttf-'));
  try {
    const largest = next() % 16 === 0 ? HUGE : LARGEST;
    const bytes = new Uint8Array(SMALLEST + (next() % (largest - SMALLEST)));
    for (let i = 0; i < bytes.length; i++) bytes[i] = next() >>> 13;
    const input = join(folder, 'seed');
    const output = join(folder, 'module.wasm');
    writeFileSync(input, bytes);
    const shape = shapes[next() % shapes.length] ?? [];
    // With reference types wasm-opt 108 may use those of garbage collection too, or fail: then without.
    for (let sets = (next() % later.length) + 1; ; sets--) {
      const enabled = [...features, ...later.slice(0, sets).flat()];
      const flags = ['-ttf', '--denan', ...enabled, ...shape, input, '-o', output];
      const { status, stderr } = spawnSync(wasmOpt, flags, { encoding: 'utf8' });
      if (status !== 0 && sets > 1) continue;
      if (status !== 0) throw new Error(`wasm-opt, TACIT_SEED=${seed}: ${stderr}`);
      const wasm = readFileSync(output);
      if (sets === 1 || WebAssembly.validate(wasm)) return exportGlobals(wasm);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
