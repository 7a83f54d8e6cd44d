import type { Instruction } from '../../../../spec/x86/instruction.ts';
import { branches } from './branch.ts';
import { float } from './float.ts';
import { fused } from './fused.ts';
import { integer } from './integer.ts';
import { move } from './move.ts';
import { keyOf, type Operation, type Operations, type Traits } from './operation.ts';
import { NEXT } from './parts.ts';
import { shifts } from './shift.ts';

/** Number of the first operation made here; the ones before are in as/record.ts. */
export const FIRST_OPERATION = 8;
/** As in as/record.ts: carry out the row's effect. */
const SLOW = 2;

export const OPERATIONS: readonly Operation[] = [
  { key: 'nop', body: NEXT, flags: 'ignores' },
  ...integer,
  ...shifts,
  ...move,
  ...branches,
  ...float,
  ...fused,
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

const FLAG_USES = ['sets', 'replaces', 'changes', 'ignores'];

/** Traits by number of the operation, from the first number on. */
export function traits(): Traits[] {
  const numberOf = (key: string) => {
    const found = numbers.get(key);
    return found === undefined ? 0 : FIRST_OPERATION + found;
  };
  return OPERATIONS.map(({ key, flags }) => ({
    flags: flags === undefined ? 0 : 1 + FLAG_USES.indexOf(flags),
    quiet: numberOf(`${key}.quiet`),
    condition: 1 + Number(/^jcc(\d+)\.(?:32|64)\.j/.exec(key)?.[1] ?? -1),
    fused: Array.from({ length: 16 }, (_, code) => numberOf(`${key}+jcc${code}`)),
  }));
}
