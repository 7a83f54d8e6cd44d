import type { Instruction } from '../../../../spec/x86/instruction.ts';
import type { Operations } from '../decoder-tables.ts';
import { branches } from './branch.ts';
import { integer } from './integer.ts';
import { move } from './move.ts';
import { keyOf, type Operation } from './operation.ts';
import { NEXT } from './parts.ts';

/** Number of the first operation made here; the ones before are in as/record.ts. */
export const FIRST_OPERATION = 8;
/** As in as/record.ts: carry out the row's effect. */
const SLOW = 2;

export const OPERATIONS: readonly Operation[] = [
  { key: 'nop', body: NEXT },
  ...integer,
  ...move,
  ...branches,
];

const numbers = new Map(OPERATIONS.map(({ key }, i) => [key, i]));

/** The operations for a row: those of its own, or the one that goes by the effect. */
export function operationsOf(row: Instruction): Operations {
  const find = (memory: boolean) => {
    const key = row.effect.name === 'nop' ? 'nop' : keyOf(row, memory);
    return numbers.get(key);
  };
  const register = find(false);
  const memory = find(true);
  const chosen = [register, memory].flatMap((n) => (n === undefined ? [] : [OPERATIONS[n]]));
  return {
    register: register === undefined ? SLOW : FIRST_OPERATION + register,
    memory: memory === undefined ? SLOW : FIRST_OPERATION + memory,
    longModeOnly: chosen.some((operation) => operation?.longMode === true),
  };
}
