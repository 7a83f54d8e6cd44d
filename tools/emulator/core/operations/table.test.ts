import { describe, expect, it } from 'vitest';
import { INSTRUCTIONS } from '../../../../spec/x86/table.ts';
import { keyOf } from './operation.ts';
import { OPERATIONS } from './table.ts';

const rowKeys = new Set(
  INSTRUCTIONS.flatMap((row) => [keyOf(row, false), keyOf(row, true), row.effect.name]),
);

describe('the operations of the interpreter', () => {
  it('are each for some row of the instruction table', () => {
    const own = OPERATIONS.map(({ key }) => key.replace(/\.(quiet|near)$|\+jcc\d+$/, ''));
    expect([...new Set(own.filter((key) => !rowKeys.has(key)))]).toEqual([]);
  });

  it('have different keys', () => {
    const keys = OPERATIONS.map(({ key }) => key);
    expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  });

  it('go in pairs where a branch has a fixed target: into another page, then within its own', () => {
    OPERATIONS.forEach(({ key }, i) => {
      if (key.endsWith('.near')) expect(OPERATIONS[i - 1]?.key).toBe(key.slice(0, -'.near'.length));
    });
  });
});
