import type { Analysis, FunctionState } from './analysis.ts';
import type { Instruction } from './instruction.ts';
import type { State } from './state.ts';
import type { Numeric, Value } from './value.ts';

/** One look at a function: what its instructions are judged with. */
export interface Visit {
  readonly analysis: Analysis;
  readonly fn: FunctionState;
  /** Set when something new was found that the look at the function should have started with. */
  restart: boolean;
  /** Notes that the instruction breaks a rule. */
  violate(instruction: Instruction, rule: string): void;
  /** Notes that the kernel does something of its own. */
  list(instruction: Instruction): void;
}

/** General registers by number. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RSP = 4;
export const RSI = 6;
export const RDI = 7;
export const R14 = 14;

/** The integer argument registers in their order, and what a callee keeps: tools/compiler/x86/abi.ts. */
export const ARGUMENTS: readonly number[] = [7, 6, 2, 1, 8, 9];
export const SAVED: readonly number[] = [3, 5, 12, 13, 14, 15];
/** Registers with integer results. */
export const RESULTS: readonly number[] = [0, 2];

/** What a register holds. */
export function readRegister(state: State, register: number): Value {
  return state.registers[register] as Value;
}

/** RSP's distance from where it was at entry; undefined when it is lost. */
export function stackOffset(state: State): number | undefined {
  const value = state.registers[RSP] as Value;
  return value.kind === 'stack' ? value.offset : undefined;
}

/** A value as a number of `width` bits: itself where it is known to have no more. */
export function truncated({ analysis }: Visit, value: Value, width: number): Value {
  if (width >= 64) return value;
  const mask = 2 ** width - 1;
  if (value.kind === 'number' && value.most <= mask) return value;
  return analysis.ids.number(mask);
}

/** Any value as a number: of an address nothing is known but that it is one. */
export function asNumber({ analysis }: Visit, value: Value): Numeric {
  return value.kind === 'number' ? value : analysis.ids.number();
}
