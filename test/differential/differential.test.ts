import { beforeAll, describe, expect, it } from 'vitest';
import { compileRuntime } from '../../tools/compiler/linux/runtime.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { chosenSeed } from '../random.ts';
import { witness } from '../witness.ts';
import { compareSeed } from './seed.ts';

/** How many modules: TACIT_MODULES, as `make fuzz` sets it. They have seeds one after the other. */
const modules = Number(process.env.TACIT_MODULES ?? 200);
const wasmOpt = witness('wasm-opt');
const first = chosenSeed();

/** Modules of one test: small enough for progress to be seen. */
const GROUP = 25;
const groups = Array.from({ length: Math.ceil(modules / GROUP) }, (_, i) => i * GROUP);

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

describe(`compiled modules answer as they do in V8, TACIT_SEED=${first} (wasm-opt)`, () => {
  it.skipIf(!wasmOpt).each(groups)('from module %i on', { timeout: 600_000 }, async (start) => {
    let calls = 0;
    for (let i = start; i < Math.min(start + GROUP, modules); i++) {
      const tallies = await compareSeed(wasmOpt ?? '', (first + i) >>> 0, runtime);
      for (const tally of tallies) calls += tally.calls;
    }
    expect(calls).toBeGreaterThan(0);
  });
});
