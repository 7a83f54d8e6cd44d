import { load } from './access.ts';
import type { Instruction, Operand } from './instruction.ts';
import type { State } from './state.ts';
import { U32, type Value } from './value.ts';
import { RSP, readRegister, stackOffset, truncated, type Visit } from './visit.ts';

/** What an operand holds, as a number of its width unless it is 64 bits wide. */
export function operandValue(
  visit: Visit,
  state: State,
  instruction: Instruction,
  operand: Operand | undefined,
  width: number,
): Value {
  const { ids } = visit.analysis;
  switch (operand?.kind) {
    case 'register':
      if (operand.file === 'xmm') return ids.number(width >= 64 ? Infinity : 2 ** width - 1);
      return truncated(visit, readRegister(state, operand.number), width);
    case 'memory':
      return load(visit, state, instruction, operand, width);
    case 'immediate': {
      const value = BigInt.asUintN(width, operand.value);
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? ids.constant(Number(value)) : ids.number();
    }
    default:
      return ids.number();
  }
}

/** Puts a value into (the low bits of) a general register. */
export function setRegister(
  visit: Visit,
  state: State,
  register: number,
  width: number,
  value: Value,
): void {
  const { ids } = visit.analysis;
  if (register === RSP && value.kind === 'stack') moveStack(state, value.offset);
  if (width >= 32) {
    state.registers[register] = truncated(visit, value, width);
    return;
  }
  const old = state.registers[register] as Value;
  const mask = 2 ** width - 1;
  const low = value.kind === 'number' ? Math.min(value.most, mask) : mask;
  if (old.kind === 'number' && old.most <= mask) state.registers[register] = ids.number(low);
  else if (old.kind === 'number' && old.most <= U32)
    state.registers[register] = ids.number((old.most | mask) >>> 0);
  else state.registers[register] = ids.number();
}

/** RSP moves up: what lies below it is gone. */
export function moveStack(state: State, offset: number): void {
  const old = stackOffset(state) ?? offset;
  state.registers[RSP] = { kind: 'stack', offset };
  if (offset > old) state.slots.forget(old, offset);
}
