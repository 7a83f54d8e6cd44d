import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

interface Loop {
  readonly start?: string;
  /** How the counter, local 2, goes on. */
  readonly next?: string;
  /** Whether there is one more round. */
  readonly again?: string;
  /** When the body traps. */
  readonly fails?: string;
  /** What comes before the check. */
  readonly before?: string;
  /** What comes after it. */
  readonly work?: string;
}

/** `for (i = 0; i < n; i++) sum ^= …` with a test of i that traps; local 1 is n. */
function loop({
  start = '(i32.const 0)',
  next = '(i32.add (local.get 2) (i32.const 1))',
  again = '(i32.lt_s (local.get 2) (local.get 1))',
  fails = '(i32.ge_u (local.get 2) (local.get 1))',
  before = '',
  work = '(call $other)',
}: Loop): string {
  const body = `(local $i i32)
    (local.set 2 ${start})
    (block $done
      (br_if $done (i32.eqz ${again}))
      (loop $next
        ${before}
        (if ${fails} (then (unreachable)))
        ${work}
        (local.set 2 ${next})
        (br_if $next ${again})))
    (local.get 2)`;
  return afterPass('checks', moduleWith('(param i32 i32) (result i32)', body)).join('\n');
}

describe('a check of a counter against what it counts up to', () => {
  it.each([
    ['below, unsigned', '(i32.ge_u (local.get 2) (local.get 1))'],
    ['not below', '(i32.eqz (i32.lt_u (local.get 2) (local.get 1)))'],
    ['exchanged', '(i32.le_u (local.get 1) (local.get 2))'],
  ])('goes: %s', (_what, fails) => {
    expect(loop({ fails })).not.toContain('trap');
  });

  it('goes in each round of an unrolled loop', () => {
    const text = loop({ work: '(i32.store8 (local.get 2) (i32.const 7))' });
    expect(text.match(/i32\.store8/g)?.length).toBeGreaterThan(1);
    expect(text).not.toContain('trap');
  });

  it('goes if what it counts up to is loaded again each time', () => {
    const length = '(i32.load offset=12 (local.get 0))';
    const text = loop({
      again: `(i32.lt_s (local.get 2) (local.tee 1 ${length}))`,
    });
    expect(text).not.toContain('trap');
  });

  it.each<[string, Loop]>([
    ['compared with something else', { fails: '(i32.ge_u (local.get 2) (local.get 0))' }],
    ['that starts below zero', { start: '(i32.const -1)' }],
    ['that starts anywhere', { start: '(local.get 0)' }],
    ['that may leap over the last number', { next: '(i32.add (local.get 2) (i32.const 2))' }],
    ['that counts down', { next: '(i32.add (local.get 2) (i32.const -1))' }],
    ['that counts to what it reaches', { again: '(i32.le_s (local.get 2) (local.get 1))' }],
    ['that counts until both are the same', { again: '(i32.ne (local.get 2) (local.get 1))' }],
    ['whose limit changes', { before: '(local.set 1 (i32.load (local.get 0)))' }],
    [
      'of its next value',
      { fails: '(i32.ge_u (i32.add (local.get 2) (i32.const 1)) (local.get 1))' },
    ],
  ])('stays: one %s', (_what, changed) => {
    expect(loop(changed)).toContain('trap');
  });
});
