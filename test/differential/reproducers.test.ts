import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileRuntime } from '../../tools/compiler/linux/runtime.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { root } from '../../tools/root.ts';
import { wat } from '../wat.ts';
import { compare, LEVELS } from './compare.ts';
import { atLowMemory, DIGEST } from './low-memory.ts';

/** Modules that were once compiled wrongly, made smaller. Their comments say why, and after `;;$` what to call. */
const folder = join(root, 'test/differential/reproducers');

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

describe.each(readdirSync(folder))('%s', (file) => {
  const text = readFileSync(join(folder, file), 'utf8');
  const wasm = wat(text);
  const lines = [...text.matchAll(/^;;\$ (.*)$/gm)].map(([, line]) => line ?? '');
  const low = atLowMemory(wasm);
  const digests = lines.map((line) => (line === '!memory' ? JSON.stringify(DIGEST) : line));

  it.each(LEVELS)('answers as it does in V8 (%s)', (cpu) => {
    const given = { wasm, lines, cpu, atBase0: false, isChecked: true };
    const { calls } = compare(given, runtime);
    expect(calls).toBeGreaterThan(0);
  });

  it.skipIf(!low).each(LEVELS)('so does the kernel’s form (%s)', (cpu) => {
    const moved = { wasm: low ?? wasm, lines: digests, cpu, atBase0: true, isChecked: true };
    expect(compare(moved, runtime).calls).toBeGreaterThan(0);
  });
});
