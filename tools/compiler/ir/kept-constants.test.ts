import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

/** Names of the kept constants' uses, by whether they are before the loop or in it. */
function constants(body: string): { kept: number; read: number } {
  const signature = '(param i32 f64) (result f64)';
  const lines = afterPass(
    'constants',
    moduleWith(
      signature,
      `(loop $l ${body} (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)`,
    ),
  );
  const inLoop = lines.slice(lines.findIndex((line) => line.includes('depth 1')));
  return {
    kept: lines.filter((line) => line.includes('= kept ')).length,
    read: inLoop.filter((line) => /f64:(?!0\b)/.test(line)).length,
  };
}

const add = (number: number) => `(local.set 1 (f64.add (local.get 1) (f64.const ${number})))`;

describe('constants of a loop', () => {
  it('stay in registers', () => {
    expect(constants(add(1) + add(2) + add(1))).toEqual({ kept: 2, read: 0 });
  });

  it('are read from memory where there are too few registers', () => {
    const sums = Array.from({ length: 40 }, (_, i) => add(i + 1)).join(' ');
    expect(constants(sums)).toEqual({ kept: 8, read: 32 });
  });

  it('are read from memory where a call destroys the registers', () => {
    expect(constants(`${add(1)} (call $other)`)).toEqual({ kept: 0, read: 1 });
  });
});
