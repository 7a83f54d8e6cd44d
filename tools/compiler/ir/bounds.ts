import { Op, Type } from '../wasm/opcodes.ts';
import { Ir, isComparison, resolve, type Value } from './value.ts';

const MAX_DEPTH = 6;
const U32 = 0xffff_ffff;

/**
 * The largest value, unsigned, that an i32 may have, as far as its operations tell. An i64's is
 * given where it is below 2^53, else Infinity.
 *
 * Address selection relies on it: an addition is only folded into an address if it can not wrap.
 */
export function upperBound(unresolved: Value, depth = 0): number {
  const value = resolve(unresolved);
  const { op } = value;
  if (op === Op.I32_CONST) return value.imm >>> 0;
  if (op === Op.I64_CONST) {
    return value.bits >= 0n && value.bits < 1n << 53n ? Number(value.bits) : Infinity;
  }
  if (isComparison(op)) return 1;
  if (op === Ir.PHI && value.type === Type.I32) return value.bound < 0 ? U32 : value.bound;
  const worst = value.type === Type.I32 ? U32 : Infinity;
  if (depth >= MAX_DEPTH) return worst;
  return Math.min(worst, ofOperation(value, depth + 1));
}

function ofOperation(value: Value, depth: number): number {
  const bound = (i: number) => upperBound(value.args[i] as Value, depth);
  switch (value.op) {
    case Op.I32_LOAD8_U:
    case Op.I64_LOAD8_U:
      return 0xff;
    case Op.I32_LOAD16_U:
    case Op.I64_LOAD16_U:
      return 0xffff;
    case Op.I64_LOAD32_U:
      return U32;
    case Op.I64_EXTEND_I32_U:
      return bound(0);
    case Op.I32_WRAP_I64: {
      const wide = bound(0);
      return Math.min(wide, U32);
    }
    case Op.I32_CLZ:
    case Op.I32_CTZ:
    case Op.I32_POPCNT:
      return 32;
    case Op.I64_CLZ:
    case Op.I64_CTZ:
    case Op.I64_POPCNT:
      return 64;
    case Op.I32_AND:
    case Op.I64_AND:
      return Math.min(bound(0), bound(1));
    case Op.I32_OR:
    case Op.I32_XOR:
      return 2 ** (32 - Math.clz32(Math.max(bound(0), bound(1)))) - 1;
    case Op.I32_ADD:
      return exact(bound(0) + bound(1));
    case Op.I32_MUL:
      return exact(bound(0) * bound(1));
    case Op.I32_SHL: {
      const shift = constantShift(value, 31);
      return shift === undefined ? U32 : exact(bound(0) * 2 ** shift);
    }
    case Op.I32_SHR_U:
    case Op.I64_SHR_U: {
      const isI32 = value.op === Op.I32_SHR_U;
      const shift = constantShift(value, isI32 ? 31 : 63);
      if (shift === undefined) return bound(0);
      const from = bound(0);
      if (from !== Infinity) return Math.floor(from / 2 ** shift);
      return shift > 11 ? 2 ** (64 - shift) - 1 : Infinity;
    }
    case Op.I32_DIV_U:
      return bound(0);
    case Op.I32_REM_U: {
      const divisor = bound(1);
      return Math.min(bound(0), divisor > 0 ? divisor - 1 : U32);
    }
    case Op.SELECT:
      return Math.max(bound(0), bound(1));
    default:
      return Infinity;
  }
}

/** A sum or product that has left 32 bits has wrapped: it may be anything. */
function exact(n: number): number {
  return Math.min(n, U32);
}

function constantShift(value: Value, mask: number): number | undefined {
  const amount = resolve(value.args[1] as Value);
  if (amount.op === Op.I32_CONST) return amount.imm & mask;
  if (amount.op === Op.I64_CONST) return Number(amount.bits & BigInt(mask));
  return undefined;
}
