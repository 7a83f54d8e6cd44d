/**
 * The six arithmetic flags, worked out only when something asks.
 *
 * The last operation that set flags leaves its result shifted to the top of 64 bits, so that ZF is
 * "zero" and SF "negative" for every operand size; two values of which CF is "first below second",
 * unsigned; and its kind, which tells the rest. Kind: one of those below, the shift in bits 15:8.
 */
import {
  RFLAGS_AF,
  RFLAGS_CF,
  RFLAGS_OF,
  RFLAGS_PF,
  RFLAGS_SF,
  RFLAGS_ZF,
} from '../../../../spec/cpu';
import * as Cpu from './cpu';

/** OF and AF are clear. */
export const LOGIC: u32 = 0;
/** The values are the result and the second operand. */
export const ADD: u32 = 1;
/** The values are the operands. */
export const SUB: u32 = 2;
/** By one; the values are of an earlier operation, whose CF stays. */
export const INC: u32 = 3;
export const DEC: u32 = 4;
/** OF and AF are in `bits`. */
export const PARTIAL: u32 = 5;
/** OF, AF, SF and PF are in `bits`. */
export const FULL: u32 = 6;

/** All six. */
export const ARITHMETIC: u32 =
  RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF;

const TOP: u64 = 0x8000_0000_0000_0000;

/** OF, as 0 or 1. */
export function overflow(kind: u32, result: u64, a: u64, b: u64, bits: u32): u32 {
  switch (kind & 0xff) {
    case LOGIC:
      return 0;
    case ADD: {
      const first = a - b;
      return <u32>((~(first ^ b) & (first ^ result)) >> 63);
    }
    case SUB:
      return <u32>(((a ^ b) & (a ^ result)) >> 63);
    case INC:
      return <u32>(result === TOP);
    case DEC:
      // 7f…f at the operand's size, so one unit of it below the top.
      return <u32>(result === TOP - ((<u64>1) << ((kind >> 8) & 0xff)));
    default:
      return (bits & RFLAGS_OF) !== 0 ? 1 : 0;
  }
}

/** SF, as 0 or 1. */
export function sign(kind: u32, result: u64, bits: u32): u32 {
  if ((kind & 0xff) === FULL) return (bits & RFLAGS_SF) !== 0 ? 1 : 0;
  return <u32>(result >> 63);
}

/** PF, as 0 or 1. */
export function parity(kind: u32, result: u64, bits: u32): u32 {
  if ((kind & 0xff) === FULL) return (bits & RFLAGS_PF) !== 0 ? 1 : 0;
  return (<u32>popcnt<u64>((result >> ((kind >> 8) & 0xff)) & 0xff) & 1) ^ 1;
}

/** AF, as 0 or 1. */
function adjust(kind: u32, result: u64, a: u64, b: u64, bits: u32): u32 {
  const shift = <u64>((kind >> 8) & 0xff);
  switch (kind & 0xff) {
    case LOGIC:
      return 0;
    case ADD:
      return <u32>(((a - b) ^ b ^ result) >> (shift + 4)) & 1;
    case SUB:
      return <u32>((a ^ b ^ result) >> (shift + 4)) & 1;
    case INC:
      return <u32>(((result >> shift) & 15) === 0);
    case DEC:
      return <u32>(((result >> shift) & 15) === 15);
    default:
      return (bits & RFLAGS_AF) !== 0 ? 1 : 0;
  }
}

/** The six flags in their places in RFLAGS. */
export function arithmetic(kind: u32, result: u64, a: u64, b: u64, bits: u32): u32 {
  return (
    (a < b ? RFLAGS_CF : 0) |
    (parity(kind, result, bits) << 2) |
    (adjust(kind, result, a, b, bits) << 4) |
    (result === 0 ? RFLAGS_ZF : 0) |
    (sign(kind, result, bits) << 7) |
    (overflow(kind, result, a, b, bits) << 11)
  );
}

/** OF and AF only: what {@link PARTIAL} keeps. */
export function partial(kind: u32, result: u64, a: u64, b: u64, bits: u32): u32 {
  return (adjust(kind, result, a, b, bits) << 4) | (overflow(kind, result, a, b, bits) << 11);
}

/** Puts the flags that `mask` names into RFLAGS. */
export function setFlags(mask: u32, flags: u32): void {
  store<u64>(Cpu.RFLAGS, (load<u64>(Cpu.RFLAGS) & ~(<u64>mask)) | (flags & mask));
}

export function flag(mask: u32): bool {
  return (load<u32>(Cpu.RFLAGS) & mask) !== 0;
}

/** Sets all six by the result of an operation on `n` bytes; see the kinds. */
export function setArithmetic(kind: u32, n: u32, result: u64, a: u64, b: u64): void {
  const shift: u64 = 64 - ((<u64>n) << 3);
  setFlags(
    ARITHMETIC,
    arithmetic(kind | ((<u32>shift) << 8), result << shift, a << shift, b << shift, 0),
  );
}

/** Sets SF, ZF, PF by a result of `n` bytes, clears AF, and takes CF and OF as given. */
export function setResult(n: u32, result: u64, carry: bool, over: bool): void {
  setArithmetic(LOGIC, n, result, 0, 0);
  setFlags(RFLAGS_CF | RFLAGS_OF, (carry ? RFLAGS_CF : 0) | (over ? RFLAGS_OF : 0));
}

/** Whether condition code `code` (0 to 15, as in Jcc) holds. */
export function condition(code: u32): bool {
  const flags = load<u32>(Cpu.RFLAGS);
  const signed = ((flags >> 7) ^ (flags >> 11)) & 1;
  let holds: bool;
  switch (code >> 1) {
    case 0:
      holds = (flags & RFLAGS_OF) !== 0;
      break;
    case 1:
      holds = (flags & RFLAGS_CF) !== 0;
      break;
    case 2:
      holds = (flags & RFLAGS_ZF) !== 0;
      break;
    case 3:
      holds = (flags & (RFLAGS_CF | RFLAGS_ZF)) !== 0;
      break;
    case 4:
      holds = (flags & RFLAGS_SF) !== 0;
      break;
    case 5:
      holds = (flags & RFLAGS_PF) !== 0;
      break;
    case 6:
      holds = signed !== 0;
      break;
    default:
      holds = signed !== 0 || (flags & RFLAGS_ZF) !== 0;
  }
  return holds !== ((code & 1) !== 0);
}

/** Whether SF and OF differ: "less" of a signed comparison. */
export function less(kind: u32, result: u64, a: u64, b: u64, bits: u32): bool {
  if ((kind & 0xff) === SUB) return <i64>a < <i64>b;
  return sign(kind, result, bits) !== overflow(kind, result, a, b, bits);
}
