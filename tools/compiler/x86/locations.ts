import type { Fn } from '../ir/value.ts';
import { mapNumbers } from '../lists.ts';
import type { FunctionType, ValueType } from '../object.ts';
import { typeName } from '../wasm/instructions.ts';
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
  /** The same where they are registers, as hints; else -1. */
  readonly paramHints: readonly number[];
  readonly resultHints: readonly number[];
  readonly argumentSize: number;
  readonly stackSize: number;
}

function placeCall(type: FunctionType, stack: typeof OUTGOING | typeof INCOMING): Placement {
  const { params, results, argumentSize, stackSize } = callingSequence(type);
  const place = (location: Location, value: ValueType | undefined): number => {
    if (location.kind === 'integer') return location.register;
    if (location.kind === 'float') return XMM + location.register;
    const at = stack + location.offset;
    return value === 'v128' ? at | WIDE : at;
  };
  const paramsAt = mapNumbers(params, (location, i) => place(location, type.params[i]));
  const resultsAt = mapNumbers(results, (location, i) => place(location, type.results[i]));
  return {
    params: paramsAt,
    results: resultsAt,
    paramHints: mapNumbers(paramsAt, registerHint),
    resultHints: mapNumbers(resultsAt, registerHint),
    argumentSize,
    stackSize,
  };
}

/** By type, of which modules have few: there are as many placements as calls otherwise. */
const OUTGOING_PLACEMENTS = new WeakMap<FunctionType, Placement>();

/** Where the parameters and results of calls of a type are. */
export function placeOutgoing(type: FunctionType): Placement {
  const known = OUTGOING_PLACEMENTS.get(type);
  if (known) return known;
  const placement = placeCall(type, OUTGOING);
  OUTGOING_PLACEMENTS.set(type, placement);
  return placement;
}

/** Where the parameters and results of a function itself are. */
export function placeIncoming({ params, results }: Fn): Placement {
  const type = { params: params.map(typeName), results: results.map(typeName) };
  return placeCall(type, INCOMING);
}

/** The location if it is a register, as a hint; else -1. */
function registerHint(location: number): number {
  return location < 32 ? location : -1;
}
