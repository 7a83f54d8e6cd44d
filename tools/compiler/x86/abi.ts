import type { FunctionType, ValueType } from '../object.ts';

/**
 * How compiled functions call each other.
 *
 * Integers and references go in RDI RSI RDX RCX R8 R9, floats and vectors in XMM0..7, the rest
 * left to right on the stack from [RSP] at the call upwards, 8 bytes each (a v128 16, aligned).
 * Results: the first two integers in RAX RDX, the first two floats or vectors in XMM0 XMM1, the
 * rest in the caller's frame right after the stack arguments (padded to 16 bytes), in order. The
 * callee pops the stack arguments: so a tail call can replace them by more or by fewer. An i32 is zero-extended to 64 bits everywhere. RSP is a multiple of 16 at the call.
 * The callee keeps RBX RBP R12 R13 R14 R15, in mode basereg r14 is the memory's base.
 */
export type Location =
  | { readonly kind: 'integer'; readonly register: number }
  | { readonly kind: 'float'; readonly register: number }
  /** Bytes above RSP as it is right before the call instruction. */
  | { readonly kind: 'stack'; readonly offset: number };

export interface CallingSequence {
  readonly params: readonly Location[];
  readonly results: readonly Location[];
  /** Bytes of stack arguments, which the callee pops: a multiple of 16. */
  readonly argumentSize: number;
  /** Bytes of outgoing stack area that the caller provides: arguments and results, a multiple of 16. */
  readonly stackSize: number;
}

const INTEGER_ARGUMENTS = [7, 6, 2, 1, 8, 9];
const FLOAT_ARGUMENTS = [0, 1, 2, 3, 4, 5, 6, 7];
const INTEGER_RESULTS = [0, 2];
const FLOAT_RESULTS = [0, 1];

/** Where the parameters and results of a function of this type are. */
export function callingSequence(type: FunctionType): CallingSequence {
  const params = assign(type.params, INTEGER_ARGUMENTS, FLOAT_ARGUMENTS, 0);
  const argumentSize = (params.end + 15) & ~15;
  const results = assign(type.results, INTEGER_RESULTS, FLOAT_RESULTS, argumentSize);
  return {
    params: params.locations,
    results: results.locations,
    argumentSize,
    stackSize: (results.end + 15) & ~15,
  };
}

/** Whether values of a type live in XMM registers. */
export function isFloat(type: ValueType): boolean {
  return type === 'f32' || type === 'f64' || type === 'v128';
}

function assign(
  types: readonly ValueType[],
  integers: readonly number[],
  floats: readonly number[],
  stackStart: number,
): { locations: Location[]; end: number } {
  let integer = 0;
  let float = 0;
  let end = stackStart;
  const locations = types.map((type): Location => {
    const register = isFloat(type) ? floats[float++] : integers[integer++];
    if (register !== undefined) return { kind: isFloat(type) ? 'float' : 'integer', register };
    const size = type === 'v128' ? 16 : 8;
    const offset = (end + size - 1) & -size;
    end = offset + size;
    return { kind: 'stack', offset };
  });
  return { locations, end };
}
