import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { base0, baseRegister, type Engine, findC, wasm2c } from './engines.ts';
import { assembleWorkload, WORKLOADS, type Workload } from './workloads.ts';

const folder = mkdtempSync(join(tmpdir(), 'tacit-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ours = await baseRegister();
const c = findC();

/** What two calls give, the second one where the first has left the module. */
async function checksums(engine: Engine, wasm: Uint8Array, { name, isSimd }: Workload) {
  const worker = engine(wasm, join(folder, name), isSimd)?.start();
  if (!worker) return undefined;
  try {
    return [(await worker.call(1)).checksum, (await worker.call(2)).checksum];
  } finally {
    worker.close();
  }
}

async function checksumsOfV8(wasm: Uint8Array): Promise<number[]> {
  const module = await WebAssembly.compile(Uint8Array.from(wasm));
  const instance = await WebAssembly.instantiate(module);
  const { run } = instance.exports as { run: (n: number) => number };
  return [run(1), run(2)];
}

describe('a workload of the bench', () => {
  it.each(WORKLOADS)('has the checksum that V8 gives it: $name', async (workload) => {
    const wasm = await assembleWorkload(workload);
    const expected = await checksumsOfV8(wasm);
    expect(new Set(expected).size).toBe(2);
    expect(await checksums(ours, wasm, workload)).toEqual(expected);
    expect(await checksums(base0, wasm, workload)).toEqual(expected);
  });

  it.skipIf('missing' in c)('has it from wasm2c and gcc too (wasm2c, gcc)', async () => {
    const trees = WORKLOADS.find(({ name }) => name === 'trees') as Workload;
    const wasm = await assembleWorkload(trees);
    expect(await checksums(wasm2c(c), wasm, trees)).toEqual(await checksumsOfV8(wasm));
  });
});
