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
    const flags = ['-ttf', '--denan', ...features, ...shape, input, '-o', output];
    const { status, stderr } = spawnSync(wasmOpt, flags, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`wasm-opt, TACIT_SEED=${seed}: ${stderr}`);
    return exportGlobals(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
