import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

/** Lines with loads after a pass; those before a loop's header and those in it. */
function loads(body: string, pass = 'loads'): { outside: number; inLoop: number } {
  const lines = afterPass(pass, moduleWith('(param i32 i32) (result i32)', body));
  let inLoop = false;
  const counts = { outside: 0, inLoop: 0 };
  for (const line of lines) {
    if (/^b\d+:/.test(line)) inLoop = line.includes('depth');
    if (/i32\.load|i64\.load/.test(line)) counts[inLoop ? 'inLoop' : 'outside']++;
  }
  return counts;
}

const total = (body: string) => {
  const { outside, inLoop } = loads(body);
  return outside + inLoop;
};

const LOAD = '(i32.load offset=4 (local.get 0))';

describe('a load of what is known', () => {
  it('is not done twice', () => {
    expect(total(`(i32.add ${LOAD} ${LOAD})`)).toBe(1);
  });

  it('is what was stored there', () => {
    expect(total(`(i32.store offset=4 (local.get 0) (local.get 1)) ${LOAD}`)).toBe(0);
  });

  it('stays known across a store beside it, by the same pointer', () => {
    expect(total(`(drop ${LOAD}) (i32.store offset=8 (local.get 0) (i32.const 1)) ${LOAD}`)).toBe(
      1,
    );
  });

  it.each([
    ['a store that overlaps it', '(i64.store offset=0 (local.get 0) (i64.const 1))'],
    ['a store by another pointer', '(i32.store8 (local.get 1) (i32.const 1))'],
    ['a call', '(call $other)'],
    ['a copy', '(memory.copy (i32.const 0) (i32.const 1) (i32.const 2))'],
  ])('is done again after %s', (_, between) => {
    expect(total(`(drop ${LOAD}) ${between} ${LOAD}`)).toBe(2);
  });

  it('is done again if it reads fewer bits or extends them otherwise', () => {
    expect(
      total(`(drop (i32.load8_s (local.get 0))) (drop (i32.load8_u (local.get 0))) ${LOAD}`),
    ).toBe(3);
  });

  it('is known after a branch only if both ways know it', () => {
    const one = `(if (local.get 1) (then (drop ${LOAD})) (else)) ${LOAD}`;
    const both = `(drop ${LOAD}) (if (local.get 1) (then (global.set $g (i32.const 1)))) ${LOAD}`;
    expect(total(one)).toBe(2);
    expect(total(both)).toBe(1);
  });
});

describe('a load in a loop', () => {
  const loop = (inside: string) =>
    loads(
      `(loop ${inside} (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) (i32.const 0)`,
      'hoist',
    );

  it('leaves it if it is done first of all and nothing is written', () => {
    expect(loop(`(global.set $g ${LOAD})`)).toEqual({ outside: 1, inLoop: 0 });
  });

  it('stays if something in the loop writes memory', () => {
    const text = `(global.set $g ${LOAD}) (i32.store8 (local.get 1) (i32.const 1))`;
    expect(loop(text)).toEqual({ outside: 0, inLoop: 1 });
  });

  it('stays if it may not be reached, unless another one shows that it cannot trap', () => {
    const maybe = `(if (i32.and (local.get 1) (i32.const 1)) (then (global.set $g ${LOAD})))`;
    expect(loop(maybe)).toEqual({ outside: 0, inLoop: 1 });
    expect(loop(`(drop (i32.load offset=8 (local.get 0))) ${maybe}`)).toEqual({
      outside: 2,
      inLoop: 0,
    });
    expect(loop(`(drop (i32.load offset=0 (local.get 0))) ${maybe}`)).toEqual({
      outside: 1,
      inLoop: 1,
    });
  });

  it('stays if another trap comes first', () => {
    const text = `(drop (i32.div_u (i32.const 1) (local.get 1))) (drop ${LOAD})`;
    expect(loop(text)).toEqual({ outside: 0, inLoop: 1 });
  });
});
