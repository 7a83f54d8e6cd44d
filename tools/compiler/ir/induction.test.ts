import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

/** The code of a loop that loads from 1024 + 4 * its counter. */
function loop(start: string, step: number, condition: string): string {
  const body = `(local.set 1 ${start})
    (loop
      (drop (i32.load (i32.add (i32.shl (local.get 1) (i32.const 2)) (i32.const 1024))))
      (local.set 1 (i32.add (local.get 1) (i32.const ${step})))
      (br_if 0 ${condition}))`;
  return afterPass('object', moduleWith('(param i32 i32)', body)).join('\n');
}

const FOLDED = /\[r14\+r\w+\*[14]\+0x400\]/;

describe('a counter that stays small', () => {
  it.each([
    ['counted up to a constant', '(i32.const 0)', 1, '(i32.lt_u (local.get 1) (i32.const 100))'],
    ['in signed numbers', '(i32.const 5)', 3, '(i32.lt_s (local.get 1) (i32.const 100))'],
    ['the limit included', '(i32.const 0)', 1, '(i32.le_s (local.get 1) (i32.const 100))'],
    ['by the opposite', '(i32.const 0)', 1, '(i32.eqz (i32.ge_u (local.get 1) (i32.const 100)))'],
  ])('makes addresses that cannot wrap: %s', (_, start, step, condition) => {
    expect(loop(start, step, condition)).toMatch(FOLDED);
  });

  it.each([
    ['an unknown start', '(local.get 0)', 1, '(i32.lt_u (local.get 1) (i32.const 100))'],
    ['a negative start', '(i32.const -5)', 1, '(i32.lt_s (local.get 1) (i32.const 100))'],
    ['an unknown limit', '(i32.const 0)', 1, '(i32.lt_u (local.get 1) (local.get 0))'],
    ['a step back', '(i32.const 0)', -1, '(i32.lt_s (local.get 1) (i32.const 100))'],
    ['a test for inequality', '(i32.const 0)', 1, '(i32.ne (local.get 1) (i32.const 100))'],
    [
      'a start so high that a step wraps',
      '(i32.const 0x7ffffff0)',
      16,
      '(i32.lt_s (local.get 1) (i32.const 9))',
    ],
    [
      'a limit so high that a step wraps',
      '(i32.const 0)',
      16,
      '(i32.lt_s (local.get 1) (i32.const 0x7fffffff))',
    ],
  ])('is not assumed with %s', (_, start, step, condition) => {
    expect(loop(start, step, condition)).not.toMatch(FOLDED);
  });
});

describe('an invariant of a loop', () => {
  const lines = (invariant: string) =>
    afterPass(
      'hoist',
      moduleWith(
        '(param i32 i32) (result i32)',
        `(loop
           (local.set 1 (i32.add (local.get 1) ${invariant}))
           (br_if 0 (i32.lt_u (local.get 1) (i32.const 1000))))
         (local.get 1)`,
      ),
    );

  it('is computed before it', () => {
    const text = lines('(i32.mul (local.get 0) (local.get 0))');
    const at = (what: string) => text.findIndex((line) => line.includes(what));
    expect(at('i32.mul')).toBeLessThan(at('loop'));
  });

  it('stays in it if it may trap', () => {
    const text = lines('(i32.div_u (i32.const 7) (local.get 0))');
    const at = (what: RegExp) => text.findIndex((line) => what.test(line));
    expect(at(/div_u/)).toBeGreaterThan(at(/loop/));
  });
});
