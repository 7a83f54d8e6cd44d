import { beforeAll, describe, expect, it } from 'vitest';
import { compileRuntime } from '../../tools/compiler/linux/runtime.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { chosenSeed, random } from '../random.ts';
import { wat } from '../wat.ts';
import { witness } from '../witness.ts';
import { generateModule } from './generate.ts';
import { loopModule } from './loops.ts';
import { compareModule, isCheckedSeed } from './seed.ts';

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
      const seed = (first + i) >>> 0;
      const wasm = generateModule(wasmOpt ?? '', seed);
      const tallies = await compareModule(wasm, seed, isCheckedSeed(seed), runtime);
      for (const tally of tallies) calls += tally.calls;
    }
    expect(calls).toBeGreaterThan(0);
  });
});

describe(`modules full of loops answer as they do in V8, TACIT_SEED=${first}`, () => {
  it.each(groups.slice(0, Math.ceil(groups.length / 4)))(
    'from module %i on',
    { timeout: 600_000 },
    async (start) => {
      for (let i = start; i < start + GROUP; i++) {
        const seed = (first + i) >>> 0;
        const wasm = wat(loopModule(random(seed)));
        const tallies = await compareModule(wasm, seed, isCheckedSeed(seed), runtime);
        expect(tallies.length).toBeGreaterThan(0);
      }
    },
  );
});
