import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

const threaded = (condition: string) =>
  afterPass('thread', moduleWith('(param i32 i32)', `(if ${condition} (then (call $other)))`)).join(
    '\n',
  );
const below = '(i32.lt_s (local.get 0) (i32.const 9))';
const above = '(i32.gt_s (local.get 1) (i32.const 2))';

describe('a condition of several', () => {
  it.each([
    ['and', `(i32.and ${below} ${above})`],
    ['or', `(i32.or ${below} ${above})`],
  ])('is branched on one by one: %s', (name, condition) => {
    const text = threaded(condition);
    expect(text.match(/branch v\d+/g)).toHaveLength(2);
    expect(
      afterPass(
        'dce',
        moduleWith('(param i32 i32)', `(if ${condition} (then (call $other)))`),
      ).join(),
    ).not.toContain(`i32.${name}`);
  });

  it('is branched on one by one however deep it is', () => {
    expect(threaded(`(i32.and (i32.or ${below} ${above}) ${above})`).match(/branch/g)).toHaveLength(
      3,
    );
  });

  it('is branched on one by one though its opposite is asked for', () => {
    const text = threaded(`(i32.eqz (i32.and ${below} ${above}))`);
    expect(text.match(/branch v\d+/g)).toHaveLength(2);
  });

  it('is computed where it is branched on', () => {
    const lines = threaded(`(i32.and ${below} ${above})`).split('\n');
    const second = lines.findLastIndex((line) => line.includes('branch'));
    expect(lines[second - 1]).toContain(`${lines[second]?.split(' ')[3]?.replace(',', '')}: i32`);
  });

  it('stays a number where it is one', () => {
    expect(threaded('(i32.and (local.get 0) (local.get 1))').match(/branch/g)).toHaveLength(1);
  });

  it('is not tested again where the way tells it', () => {
    const shortCircuit = `(if (result i32) ${below} (then ${above}) (else (i32.const 0)))`;
    const text = threaded(shortCircuit);
    expect(text.match(/branch/g)).toHaveLength(2);
    expect(text).not.toContain('phi');
  });

  it('is tested where what is known of it decides nothing', () => {
    const mixed = `(if (result i32) ${below} (then ${above}) (else (local.get 0)))`;
    expect(threaded(mixed)).toContain('phi');
  });
});

describe('a value that is known on one way', () => {
  it('arrives where it is used after the branch', () => {
    const lines = afterPass(
      'thread',
      moduleWith(
        '(param i32 i32) (result i32) (local i32)',
        `(local.set 2 (if (result i32) (local.get 0) (then (local.get 1)) (else (i32.const 0))))
         (if (local.get 2) (then (call $other)))
         (local.get 2)`,
      ),
    );
    const result = /v\d+/.exec(lines.find((line) => line.includes('return')) as string)?.[0];
    const phi = lines.find((line) => line.includes(`${result}: i32 = phi`)) as string;
    expect(phi.split('phi ')[1]?.split(', ')).toContain('0');
    expect(phi.split('phi ')[1]?.split(', ')).toContain('v1');
  });
});
