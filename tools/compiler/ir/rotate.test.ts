import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

const rotated = (body: string, params = '(param i32 i32)') =>
  afterPass('rotate', moduleWith(params, body)).join('\n');
const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

const whileBelow = (limit: string, start: string) => `(local.set 0 ${start})
  (block $out
    (loop $l
      (br_if $out (i32.ge_s (local.get 0) ${limit}))
      (i32.store8 (local.get 0) (i32.const 1))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br $l)))`;

describe('a loop that begins with its test', () => {
  it('ends with it, behind a copy of it', () => {
    const text = rotated(whileBelow('(local.get 1)', '(local.get 0)'));
    expect(count(text, /i32\.ge_s/g)).toBe(2);
    const header = text.split('\n').findIndex((line) => line.includes(', loop'));
    expect(text.split('\n')[header + 2]).toContain('i32.store8');
  });

  it('needs no copy of a test that is known to be passed', () => {
    const text = rotated(whileBelow('(i32.const 9)', '(i32.const 0)'));
    expect(count(text, /branch/g)).toBe(1);
  });

  it('keeps a test that is known to fail', () => {
    const text = rotated(whileBelow('(i32.const 9)', '(i32.const 10)'));
    expect(count(text, /branch/g)).toBe(2);
  });

  it('stays as it is if the test calls', () => {
    const text = rotated('(block $out (loop $l (call $other) (br_if $out (local.get 0)) (br $l)))');
    expect(count(text, /call/g)).toBe(1);
  });

  it('stays as it is if it ends with one too', () => {
    const text = rotated(
      `(block $out (loop $l (br_if $out (local.get 0)) (i32.store (local.get 1) (i32.const 0))
        (br_if $l (i32.load (local.get 1)))))`,
    );
    expect(count(text, /branch/g)).toBe(2);
  });

  it('gives what follows it the values of both ways out', () => {
    const text = rotated(
      `${whileBelow('(local.get 1)', '(i32.const 3)')} (drop (i32.load (local.get 0)))`,
    );
    const load = text.split('\n').find((line) => line.includes('i32.load')) as string;
    const address = /v\d+$/.exec(load)?.[0];
    expect(text).toMatch(
      new RegExp(`${address}: i32 = phi v\\d+, 3|${address}: i32 = phi 3, v\\d+`),
    );
  });
});
