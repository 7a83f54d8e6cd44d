import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileRuntime } from '../tools/compiler/linux/runtime.ts';
import type { WasmObject } from '../tools/compiler/object.ts';
import { PROGRAMS } from './wasi/programs.ts';
import { type Files, prepare, runCompiled, runInNode } from './wasi/run.ts';

/** TACIT_WASI_PROGRAMS=all, as `make soak` sets it, for those too that take long to compile. */
const programs = PROGRAMS.filter(
  ({ isLong }) => !isLong || process.env.TACIT_WASI_PROGRAMS === 'all',
);

let runtime: WasmObject;
let folder: string;
beforeAll(async () => {
  runtime = await compileRuntime();
  folder = mkdtempSync(join(tmpdir(), 'tacit-programs-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(programs)('$name, compiled, does what it does in node', (program) => {
  let files: Files;
  beforeAll(() => {
    files = prepare(program, runtime, folder);
  }, 600_000);

  it.each(Object.entries(program.uses))('when it %s', (_, use) => {
    const expected = runInNode(files, program, use);
    expect(runCompiled(files, program, use)).toEqual(expected);
    expect(expected.stdout + expected.stderr + [...expected.files.values()].join('')).not.toBe('');
  });
});

it('the largest of the programs that every test run compiles is over a mebibyte', () => {
  const sizes = programs.map(({ wasm }) => wasm().length);
  expect(Math.max(...sizes)).toBeGreaterThan(1 << 20);
});
