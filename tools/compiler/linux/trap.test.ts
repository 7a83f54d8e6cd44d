import { beforeAll, describe, expect, it } from 'vitest';
import { linesOf, runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import { assembleModule, flagsFor } from '../assemblyscript.ts';
import type { WasmObject } from '../object.ts';
import { readSourceMap } from '../source-map.ts';
import { makeExecutable } from './executable.ts';
import { compileRuntime } from './runtime.ts';

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

/** A function of each name, which traps. */
const TRAPPING: Readonly<Record<string, readonly [words: string, body: string]>> = {
  nothing: ['unreachable', 'unreachable'],
  quotient: ['integer divide by zero', '(drop (i32.div_u (i32.const 1) (global.get $zero)))'],
  remainder: [
    'integer divide by zero',
    '(drop (i64.rem_s (i64.const 1) (i64.extend_i32_u (global.get $zero))))',
  ],
  lowest: [
    'integer overflow',
    '(drop (i32.div_s (i32.const 0x80000000) (i32.sub (global.get $zero) (i32.const 1))))',
  ],
  large: ['integer overflow', '(drop (i32.trunc_f64_s (f64.const 3e9)))'],
  nan: ['invalid conversion to integer', '(drop (i64.trunc_f32_u (f32.const nan)))'],
  beyond: ['out of bounds memory access', '(drop (i32.load offset=0xfffd (global.get $zero)))'],
  far: [
    'out of bounds memory access',
    '(i64.store8 (i32.sub (global.get $zero) (i32.const 1)) (i64.const 1))',
  ],
  filling: [
    'out of bounds memory access',
    '(memory.fill (i32.const 0xffff) (i32.const 0) (i32.const 2))',
  ],
  odd: ['unaligned atomic', '(drop (i32.atomic.load (i32.const 2)))'],
  alone: [
    'expected shared memory',
    '(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))',
  ],
  table: ['out of bounds table access', '(drop (table.get $t (i32.const 3)))'],
  undefined: ['undefined element', '(call_indirect $t (i32.const 3))'],
  empty: ['uninitialized element', '(call_indirect $t (i32.const 1))'],
  other: ['indirect call type mismatch', '(drop (call_indirect $t (result i32) (i32.const 0)))'],
  recursion: ['call stack exhausted', '(call $recursion) (global.set $zero (i32.const 0))'],
};

const names = Object.keys(TRAPPING);

describe('a trap in a module with names but no source map', () => {
  let program: Uint8Array;
  beforeAll(() => {
    const functions = Object.entries(TRAPPING).map(
      ([name, [, body]]) => `(func $${name} (export "call ${name}") ${body})`,
    );
    const module = `(module (memory 1) (global $zero (mut i32) (i32.const 0))
      (table $t 2 funcref) (elem (table $t) (i32.const 0) func $nothing) ${functions.join('\n')})`;
    program = makeExecutable({ wasm: wat(module) }, [], runtime);
  });

  it.each(names)('names reason and function: %s', (name) => {
    const { stderr, status } = runExecutable(program, ['--invoke', `call ${name}`]);
    expect(linesOf(stderr)).toEqual([`trap: ${TRAPPING[name]?.[0]}`, `  in main!${name}`]);
    expect(status).toBe(134);
  });
});

const SOURCE = `let zero: i32 = 0;
let depth: i32 = 0;
export function quotient(): i32 {
  depth++;
  return 7 / zero;
}
export function beyond(): i32 {
  return load<i32>(0x7fff_0000);
}
export function missing(): i32 {
  const none: Array<i32> | null = depth > 5 ? [1] : null;
  return none!.length;
}
export function recursion(n: i32): i32 {
  depth++;
  return recursion(n + 1) + recursion(n + 2);
}
`;

describe('a trap in a module with a source map', () => {
  let program: Uint8Array;
  beforeAll(async () => {
    const { wasm, sourceMap } = await assembleModule('program.ts', {
      flags: flagsFor.program.filter((flag) => flag !== '--exportStart' && flag !== '_start'),
      sources: new Map([['program.ts', SOURCE]]),
    });
    program = makeExecutable({ wasm, sources: readSourceMap(sourceMap ?? '') }, [], runtime);
  });

  it.each([
    ['quotient', 'integer divide by zero', 5],
    ['beyond', 'out of bounds memory access', 8],
    ['missing', 'unreachable', 12],
  ])('names the line too: %s', (name, words, line) => {
    const { stderr } = runExecutable(program, ['--invoke', name]);
    expect(linesOf(stderr)).toEqual([
      `trap: ${words}`,
      `  in main!program/${name} at program.ts:${line}`,
    ]);
  });

  it('names a line of the function that ran out of stack', () => {
    const { stderr } = runExecutable(program, ['--invoke', 'recursion', '0']);
    expect(stderr).toMatch(
      /^trap: call stack exhausted\n {2}in main!program\/recursion at program\.ts:1[56]\n$/,
    );
  });
});
