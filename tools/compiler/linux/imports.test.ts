import { beforeAll, describe, expect, it } from 'vitest';
import { linesOf, runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import type { WasmObject } from '../object.ts';
import { makeExecutable } from './executable.ts';
import { compileRuntime } from './runtime.ts';

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

/** What `main` answers to `calls`, linked to these modules. */
function answers(main: string, links: readonly (readonly [string, string])[], ...calls: string[]) {
  const linked = links.map(([name, text]) => ({ name, wasm: wat(text) }));
  const program = makeExecutable({ wasm: wat(main) }, linked, runtime);
  return linesOf(
    runExecutable(program, ['--batch'], calls.map((each) => `${each}\n`).join('')).stdout,
  );
}

describe('a global that is imported twice', () => {
  const owner = ['A', '(module (global (export "g") (mut i32) (i32.const 5)))'] as const;
  const other = [
    'B',
    '(module (import "A" "g" (global (mut i32))) (export "same" (global 0)))',
  ] as const;

  it.each([
    ['under one name', '"A" "g"'],
    ['as another module exports it again', '"B" "same"'],
  ])('is one: %s', (_, second) => {
    const main = `(module
      (import "A" "g" (global $x (mut i32))) (import ${second} (global $y (mut i32)))
      (func (export "f") (param i32) (result i32 i32)
        (global.get $y) (global.set $x (local.get 0)) (global.get $y))
      (func (export "h") (param i32) (result i32 i32)
        (global.set $y (i32.const 1)) (global.set $x (local.get 0))
        (global.get $y) (global.get $x)))`;
    expect(answers(main, [owner, other], 'f i32:0000000a', 'h i32:0000000c')).toEqual([
      'i32:00000005 i32:0000000a',
      'i32:0000000c i32:0000000c',
    ]);
  });
});
