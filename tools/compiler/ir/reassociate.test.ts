import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

/** A loop that makes local 0 from itself, and counts in local 1. */
const loop = (next: string) =>
  afterPass(
    'reassociate',
    moduleWith(
      '(param i32 i32 i32)',
      `(loop $l
        (local.set 0 ${next})
        (call $other)
        (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
      (i32.store (i32.const 0) (local.get 0))`,
    ),
  );
const rotated = '(i32.rotl (local.get 0) (i32.const 7))';
const loaded = (offset: number) => `(i32.load offset=${offset} (local.get 1))`;
const add = (a: string, b: string) => `(i32.add ${a} ${b})`;

describe('the parts of a sum in a loop', () => {
  it('are added first that do not wait for the round before', () => {
    const lines = loop(add(add(rotated, loaded(0)), loaded(4)));
    const sum = lines.findIndex((line) => /i32\.add v\d+, v\d+$/.test(line));
    const operands = /v(\d+), v(\d+)$/.exec(lines[sum] as string)?.slice(1) as string[];
    for (const operand of operands) {
      expect(lines.find((line) => line.includes(`v${operand}: `))).toContain('i32.load');
    }
  });

  it('are all in it still, once each', () => {
    const text = loop(add(add(rotated, loaded(0)), add(loaded(4), loaded(8)))).join('\n');
    expect(text.match(/i32\.add v\d+, v\d+/g)).toHaveLength(3);
    expect(text.match(/i32\.load/g)).toHaveLength(3);
  });

  it('stay as they are if nothing is gained', () => {
    const sum = add(add(loaded(0), loaded(4)), rotated);
    expect(loop(sum).filter((line) => line.includes('i32.add'))[0]).toMatch(/i32\.add v\d+, v\d+/);
    const before = afterPass(
      'dce',
      moduleWith('(param i32 i32 i32)', `(loop $l (br_if $l ${sum}))`),
    );
    const after = afterPass(
      'reassociate',
      moduleWith('(param i32 i32 i32)', `(loop $l (br_if $l ${sum}))`),
    );
    expect(after).toEqual(before);
  });
});
