import { describe, expect, it } from 'vitest';
import { random } from '../../../test/random.ts';
import { orderMoves } from './parallel-move.ts';

const SCRATCH = 1000;

describe('moves that happen at once', () => {
  it('give every place what its source held before, whatever their cycles', () => {
    const next = random();
    for (let round = 0; round < 2000; round++) {
      const places = 2 + (next() % 8);
      const targets = Array.from({ length: places }, (_, i) => i).filter(() => next() % 3 !== 0);
      const moves = targets.map((to) => ({ to, from: (next() % (places + 2)) - 1 }));
      const holds = new Map<number, string>();
      for (let i = 0; i < places + 2; i++) holds.set(i, `value ${i}`);
      const expected = new Map(holds);
      for (const { to, from } of moves) {
        expected.set(to, from < 0 ? `constant ${from}` : (holds.get(from) as string));
      }
      orderMoves(
        moves,
        (to, from) => holds.set(to, from < 0 ? `constant ${from}` : (holds.get(from) as string)),
        () => SCRATCH,
      );
      holds.delete(SCRATCH);
      expect([holds, next.seed]).toEqual([expected, next.seed]);
    }
  });

  it('use the scratch place only to break a cycle', () => {
    const used: number[] = [];
    const place = (location: number) => {
      used.push(location);
      return SCRATCH;
    };
    orderMoves(
      [
        { to: 1, from: 0 },
        { to: 2, from: 1 },
        { to: 3, from: 1 },
      ],
      () => {},
      place,
    );
    expect(used).toEqual([]);
    orderMoves(
      [
        { to: 1, from: 0 },
        { to: 0, from: 1 },
      ],
      () => {},
      place,
    );
    expect(used).toHaveLength(1);
  });
});
