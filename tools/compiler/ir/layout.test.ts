import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

const blocks = (body: string) =>
  afterPass('layout', moduleWith('(param i32 i32)', body)).filter((line) => /^b\d+:/.test(line));

describe('the order of blocks', () => {
  it('keeps a loop in one piece, its exits after it', () => {
    const order = blocks(
      `(block $out
         (loop $l
           (if (local.get 1) (then (call $other) (br $out)))
           (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`,
    );
    const inLoop = order.map((line) => line.includes('depth 1'));
    expect(inLoop.lastIndexOf(true) - inLoop.indexOf(true) + 1).toBe(inLoop.filter(Boolean).length);
  });

  it('puts what only traps at the end', () => {
    const order = blocks('(if (local.get 0) (then (call $other) (unreachable))) (call $other)');
    expect(order.map((line) => line.includes('cold'))).toEqual([false, false, true]);
  });

  it('joins blocks that can only follow each other', () => {
    const text = afterPass(
      'layout',
      moduleWith('(param i32 i32)', '(block (block (call $other))) (block (call $other))'),
    );
    expect(text.filter((line) => /^b\d+:/.test(line))).toHaveLength(1);
    expect(text.filter((line) => line.includes('call'))).toHaveLength(2);
    expect(text.at(-1)).toContain('return');
  });

  it('counts how deep loops are nested', () => {
    const order = blocks(`(loop $a (loop $b (br_if $b (local.get 0))) (br_if $a (local.get 1)))`);
    expect(order.some((line) => line.includes('loop, depth 2'))).toBe(true);
    expect(order.filter((line) => line.includes('loop,')).length).toBe(2);
  });

  it('knows that a loop without a way back is none', () => {
    expect(blocks('(loop (call $other))').some((line) => line.includes('loop'))).toBe(false);
  });
});
