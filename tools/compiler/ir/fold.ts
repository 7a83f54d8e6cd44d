import { Op } from '../wasm/opcodes.ts';

/** The result of an i32 operation on constants (signed), or undefined if it traps or is not one. */
export function foldI32(op: number, x: number, y: number): number | undefined {
  switch (op) {
    case Op.I32_ADD:
      return (x + y) | 0;
    case Op.I32_SUB:
      return (x - y) | 0;
    case Op.I32_MUL:
      return Math.imul(x, y);
    case Op.I32_AND:
      return x & y;
    case Op.I32_OR:
      return x | y;
    case Op.I32_XOR:
      return x ^ y;
    case Op.I32_SHL:
      return x << y;
    case Op.I32_SHR_S:
      return x >> y;
    case Op.I32_SHR_U:
      return (x >>> y) | 0;
    case Op.I32_ROTL:
      return (x << y) | (x >>> -y);
    case Op.I32_ROTR:
      return (x >>> y) | (x << -y);
    case Op.I32_DIV_U:
      return y === 0 ? undefined : Math.floor((x >>> 0) / (y >>> 0)) | 0;
    case Op.I32_REM_U:
      return y === 0 ? undefined : ((x >>> 0) % (y >>> 0)) | 0;
    case Op.I32_DIV_S:
      return y === 0 || (y === -1 && x === -0x8000_0000) ? undefined : (x / y) | 0;
    case Op.I32_REM_S:
      return y === 0 ? undefined : (x % y) | 0;
    default:
      return compare(op - Op.I32_EQ, x, y, x >>> 0, y >>> 0);
  }
}

/** The result of an i64 operation on constants: a bigint, a number (i32) for comparisons. */
export function foldI64(op: number, x: bigint, y: bigint): bigint | number | undefined {
  switch (op) {
    case Op.I64_ADD:
      return x + y;
    case Op.I64_SUB:
      return x - y;
    case Op.I64_MUL:
      return x * y;
    case Op.I64_AND:
      return x & y;
    case Op.I64_OR:
      return x | y;
    case Op.I64_XOR:
      return x ^ y;
    case Op.I64_SHL:
      return x << (y & 63n);
    case Op.I64_SHR_S:
      return x >> (y & 63n);
    case Op.I64_SHR_U:
      return BigInt.asUintN(64, x) >> (y & 63n);
    default:
      return compare(op - Op.I64_EQ, x, y, BigInt.asUintN(64, x), BigInt.asUintN(64, y));
  }
}

/** The ten comparisons in the order of their opcodes, given signed and unsigned operands. */
function compare<T extends number | bigint>(
  which: number,
  x: T,
  y: T,
  ux: T,
  uy: T,
): number | undefined {
  const results = [x === y, x !== y, x < y, ux < uy, x > y, ux > uy, x <= y, ux <= uy, x >= y];
  results.push(ux >= uy);
  const result = results[which];
  return result === undefined ? undefined : Number(result);
}

/** The result of an operation on one i32 constant: a bigint where it is an i64. */
export function foldUnaryI32(op: number, x: number): number | bigint | undefined {
  switch (op) {
    case Op.I32_EQZ:
      return Number(x === 0);
    case Op.I32_CLZ:
      return Math.clz32(x);
    case Op.I32_CTZ:
      return x === 0 ? 32 : 31 - Math.clz32(x & -x);
    case Op.I32_EXTEND8_S:
      return (x << 24) >> 24;
    case Op.I32_EXTEND16_S:
      return (x << 16) >> 16;
    case Op.I64_EXTEND_I32_S:
      return BigInt(x);
    case Op.I64_EXTEND_I32_U:
      return BigInt(x >>> 0);
    default:
      return undefined;
  }
}

/** The result of an operation on one i64 constant: a number where it is an i32. */
export function foldUnaryI64(op: number, x: bigint): number | bigint | undefined {
  switch (op) {
    case Op.I64_EQZ:
      return Number(x === 0n);
    case Op.I32_WRAP_I64:
      return Number(BigInt.asIntN(32, x));
    case Op.I64_EXTEND8_S:
      return BigInt.asIntN(8, x);
    case Op.I64_EXTEND16_S:
      return BigInt.asIntN(16, x);
    case Op.I64_EXTEND32_S:
      return BigInt.asIntN(32, x);
    default:
      return undefined;
  }
}
