import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

const calls = (body: string) =>
  afterPass('build', moduleWith('(param i32) (result i32)', body)).filter((line) =>
    /= call/.test(line),
  ).length;
const again = '(call $f (i32.sub (local.get 0) (i32.const 1)))';

describe("a function's call of itself", () => {
  it('is replaced by its body a few times', () => {
    const body = `(if (i32.eqz (local.get 0)) (then (return (i32.const 1)))) (i32.add ${again} ${again})`;
    expect(calls(body)).toBeGreaterThan(2);
  });

  it('stays a call in a function with a loop', () => {
    expect(calls(`(loop (br_if 0 (local.get 0))) ${again}`)).toBe(1);
  });

  it('stays a call in a long function', () => {
    const long = '(i32.store (i32.const 8) (local.get 0)) '.repeat(100);
    expect(calls(`${long} ${again}`)).toBe(1);
  });

  it('gives it locals of its own, which start at zero', () => {
    const lines = afterPass(
      'build',
      moduleWith(
        '(param i32) (result i32) (local i32)',
        `(local.set 1 (i32.add (local.get 1) (local.get 0)))
         (if (local.get 0) (then (drop ${again})))
         (local.get 1)`,
      ),
    );
    expect(lines.find((line) => line.includes('return'))).toContain('v0');
  });
});
