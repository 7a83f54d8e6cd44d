import type { FunctionType, ValueType } from '../object.ts';
import { callingSequence, type Location } from './abi.ts';
import { WIDE, XMM } from './machine.ts';

/**
 * Locations of stack arguments and results, as moves name them beside registers and spill slots:
 * a byte offset from RSP at the call for a call's own, from above the return address for those of
 * the function itself.
 */
export const OUTGOING = 1 << 24;
export const INCOMING = 1 << 25;

/** Arguments and results of a function type as locations, the stack ones relative to `stack`. */
export interface Placement {
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly argumentSize: number;
  readonly stackSize: number;
}

/** Where a call's parameters and results are. */
export function placeCall(type: FunctionType, stack: typeof OUTGOING | typeof INCOMING): Placement {
  const { params, results, argumentSize, stackSize } = callingSequence(type);
  const place = (location: Location, value: ValueType | undefined): number => {
    if (location.kind === 'integer') return location.register;
    if (location.kind === 'float') return XMM + location.register;
    const at = stack + location.offset;
    return value === 'v128' ? at | WIDE : at;
  };
  return {
    params: params.map((location, i) => place(location, type.params[i])),
    results: results.map((location, i) => place(location, type.results[i])),
    argumentSize,
    stackSize,
  };
}

/** The location if it is a register, as a hint; else -1. */
export function registerHint(location: number): number {
  return location < 32 ? location : -1;
}
