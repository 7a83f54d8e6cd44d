import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

/** Blocks for the cases 0 to 5 and the default, each of which returns another number. */
const cases = (body: string) =>
  `(block (block (block (block (block (block (block ${body}
    (br_table 0 1 2 3 4 5 6 (local.get 0)))
    (return (i32.const 10))) (return (i32.const 11))) (return (i32.const 12)))
    (return (i32.const 13))) (return (i32.const 14))) (return (i32.const 15))) (i32.const 16)`;

const merged = (test: string, between = '') =>
  afterPass(
    'switches',
    moduleWith(
      '(param i32 i32) (result i32)',
      cases(`(if ${test} (then (return (i32.const 99)))) ${between}`),
    ),
  ).join('\n');

describe('a test before a switch over the same number', () => {
  it.each([
    ['(i32.eq (local.get 0) (i32.const 8))', 10],
    ['(i32.eqz (i32.ne (local.get 0) (i32.const 8)))', 10],
    ['(i32.eq (local.get 0) (i32.const 6))', 8],
    ['(i32.eq (local.get 0) (i32.const 2))', 7],
    ['(i32.eqz (local.get 0))', 7],
  ])('is a case of it: %s', (test, ways) => {
    const text = merged(test);
    expect(text).not.toContain('branch');
    expect(/switch v0, (.*)/.exec(text)?.[1]?.split(' ')).toHaveLength(ways);
  });

  it('takes the place of the case that the switch has for it', () => {
    expect(merged('(i32.eq (local.get 0) (i32.const 2))')).not.toMatch(/return 12\b/);
  });

  it.each([
    ['over another number', '(i32.eq (local.get 1) (i32.const 2))'],
    ['far away', '(i32.eq (local.get 0) (i32.const 100))'],
    ['below zero', '(i32.eq (local.get 0) (i32.const -1))'],
    ['of an order', '(i32.lt_u (local.get 0) (i32.const 2))'],
  ])('stays if it is one %s', (_what, test) => {
    expect(merged(test)).toContain('branch');
  });

  it('stays if something happens in between', () => {
    expect(merged('(i32.eqz (local.get 0))', '(call $other)')).toContain('branch');
  });
});
