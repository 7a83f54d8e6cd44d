import { beforeAll, describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';
import { linesOf, runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import { makeExecutable } from '../linux/executable.ts';
import { compileRuntime } from '../linux/runtime.ts';
import type { WasmObject } from '../object.ts';

interface Loop {
  readonly start: string;
  readonly step: number;
  readonly condition: string;
  readonly limit: string;
}

/** Goes on while the counter, local 0, fulfils the condition after each round; sums it up in local 1. */
const body = ({ start, step, condition, limit }: Loop) => `(local.set 0 ${start})
  (loop $l
    (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 31)) (local.get 0)))
    (local.set 0 (i32.add (local.get 0) (i32.const ${step})))
    (br_if $l (i32.${condition} (local.get 0) ${limit})))
  (i32.xor (local.get 0) (local.get 1))`;

const loop = (start: number, step: number, condition: string, limit: number): Loop => ({
  start: `(i32.const ${start})`,
  step,
  condition,
  limit: `(i32.const ${limit})`,
});

const tests = (text: string) => text.match(/branch/g)?.length ?? 0;
const unrolled = (of: Loop, pass = 'unroll') =>
  afterPass(pass, moduleWith('(param i32 i32) (result i32)', body(of))).join('\n');

describe('a short loop', () => {
  it('is written several times, with a test for each round', () => {
    const limit = '(local.get 1)';
    expect(tests(unrolled({ ...loop(0, 1, 'lt_s', 0), limit }))).toBe(4);
  });

  it('has one test for several rounds where their number is known', () => {
    expect(tests(unrolled(loop(0, 1, 'lt_s', 64)))).toBe(1);
  });

  it('is no loop any more if it has few rounds', () => {
    const text = unrolled(loop(0, 1, 'lt_s', 5), 'layout');
    expect(tests(text)).toBe(0);
    expect(text).not.toContain(', loop');
  });

  it('is written once if its rounds can not be divided evenly', () => {
    expect(unrolled(loop(0, 1, 'ne', 101)).match(/i32\.mul/g)).toHaveLength(1);
  });

  it('is written more often if values move from local to local in it', () => {
    const rounds = (locals: number) => {
      const state = Array.from({ length: locals }, (_, i) => i + 1);
      const mixed = Array.from({ length: 18 }, (_, i) => i + 3).reduce(
        (value, n) => `(i32.popcnt (i32.mul ${value} (i32.const ${n})))`,
        '(i32.add (local.get 0) (local.get 1))',
      );
      const moves = state.map((i) => `(local.set ${i} (local.get ${i + 1}))`).join(' ');
      const text = `(local i32 ${'i32 '.repeat(locals + 1)})
        (loop $l
          (local.set ${locals + 1} ${mixed})
          ${moves}
          (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get 0) (i32.const 64))))
        (i32.xor (local.get 1) (local.get ${locals}))`;
      const after = afterPass('unroll', moduleWith('(result i32)', text)).join('\n');
      return (after.match(/i32\.popcnt/g)?.length ?? 0) / 18;
    };
    expect(rounds(2)).toBe(2);
    expect(rounds(6)).toBe(4);
  });

  it('is written once if it calls', () => {
    const text = afterPass(
      'unroll',
      moduleWith('(param i32)', '(loop $l (call $other) (br_if $l (i32.load (local.get 0))))'),
    ).join('\n');
    expect(text.match(/call/g)).toHaveLength(1);
  });
});

describe('the rounds of a loop', () => {
  let runtime: WasmObject;
  beforeAll(async () => {
    runtime = await compileRuntime();
  });

  it('are as many as in V8', () => {
    const loops = [0, 1, 7, -3, 0x7fff_fff0].flatMap((start) =>
      [1, 3, -1, 8].flatMap((step) =>
        [0, 1, 8, 12, 100, -2, 0x7fff_fffe].flatMap((limit) =>
          ['lt_s', 'lt_u', 'le_s', 'le_u', 'ne', 'gt_s'].map((condition) => ({
            ...{ start, step, condition, limit },
          })),
        ),
      ),
    );
    const ending = loops.filter(({ start, step, condition, limit }) =>
      ends(start, step, condition, limit),
    );
    const module = wat(
      `(module ${ending
        .map(
          ({ start, step, condition, limit }, i) =>
            `(func (export "f${i}") (result i32) (local i32 i32)
              ${body(loop(start, step, condition, limit))})`,
        )
        .join('')})`,
    );
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
    const expected = ending.map((_, i) => (exports[`f${i}`] as () => number)());
    const calls = ending.map((_, i) => `f${i}\n`).join('');
    const program = makeExecutable({ wasm: module }, [], runtime, 'x86-64-v2');
    const answers = linesOf(runExecutable(program, ['--batch'], calls).stdout);
    expect(ending.length).toBeGreaterThan(200);
    expect(answers).toEqual(
      expected.map((value) => `i32:${(value >>> 0).toString(16).padStart(8, '0')}`),
    );
  });
});

/** Whether a loop ends before long. */
function ends(start: number, step: number, condition: string, limit: number): boolean {
  const holds: Record<string, (a: number, b: number) => boolean> = {
    lt_s: (a, b) => a < b,
    lt_u: (a, b) => a >>> 0 < b >>> 0,
    le_s: (a, b) => a <= b,
    le_u: (a, b) => a >>> 0 <= b >>> 0,
    ne: (a, b) => a !== b,
    gt_s: (a, b) => a > b,
  };
  let counter = start;
  for (let rounds = 0; rounds < 300; rounds++) {
    counter = (counter + step) | 0;
    if (!holds[condition]?.(counter, limit)) return true;
  }
  return false;
}
