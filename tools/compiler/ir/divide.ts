import { Op, Type } from '../wasm/opcodes.ts';
import type { Value } from './value.ts';

/** Makes an operation, simplified, at the place where the division stood. */
export interface Maker {
  make(op: number, type: number, args: Value[]): Value;
  i32(n: number): Value;
  i64(n: bigint): Value;
}

/**
 * An i32 division or remainder by a constant other than 0, 1 and -1, without a division:
 * shifts for powers of two, else a multiplication by the reciprocal (Hacker's Delight, chapter 10),
 * done in 64 bits. Undefined for divisors that it does not handle.
 */
export function divideByConstant(m: Maker, op: number, x: Value, d: number): Value | undefined {
  switch (op) {
    case Op.I32_DIV_U:
      return unsignedQuotient(m, x, d >>> 0);
    case Op.I32_REM_U: {
      if (isPowerOfTwo(d >>> 0)) return m.make(Op.I32_AND, Type.I32, [x, m.i32(d - 1)]);
      return remainder(m, x, unsignedQuotient(m, x, d >>> 0), d);
    }
    case Op.I32_DIV_S:
      return signedQuotient(m, x, d);
    case Op.I32_REM_S: {
      const quotient = signedQuotient(m, x, d);
      return quotient && remainder(m, x, quotient, d);
    }
    default:
      return undefined;
  }
}

function remainder(m: Maker, x: Value, quotient: Value, d: number): Value {
  const product = m.make(Op.I32_MUL, Type.I32, [quotient, m.i32(d)]);
  return m.make(Op.I32_SUB, Type.I32, [x, product]);
}

function unsignedQuotient(m: Maker, x: Value, d: number): Value {
  if (isPowerOfTwo(d)) return m.make(Op.I32_SHR_U, Type.I32, [x, m.i32(log2(d))]);
  const bits = 32 - Math.clz32(d - 1);
  // The reciprocal rounded up at 32 + bits has up to 33 bits; where 32 - 1 + bits serves, 32.
  const short = reciprocal(d, 31 + bits);
  if (short.error <= 1n << BigInt(bits - 1)) return scaled(m, x, short.factor, 31 + bits);
  const { factor } = reciprocal(d, 32 + bits);
  // factor = 2^32 + low: x * factor >> 32+bits = ((x - t) / 2 + t) >> bits-1 with t = x * low >> 32.
  const t = scaled(m, x, factor - (1n << 32n), 32);
  const difference = m.make(Op.I32_SUB, Type.I32, [x, t]);
  const half = m.make(Op.I32_SHR_U, Type.I32, [difference, m.i32(1)]);
  const sum = m.make(Op.I32_ADD, Type.I32, [half, t]);
  return m.make(Op.I32_SHR_U, Type.I32, [sum, m.i32(bits - 1)]);
}

/** ceil(2^shift / d), and by how much factor * d exceeds 2^shift. */
function reciprocal(d: number, shift: number): { factor: bigint; error: bigint } {
  const power = 1n << BigInt(shift);
  const factor = (power + BigInt(d) - 1n) / BigInt(d);
  return { factor, error: factor * BigInt(d) - power };
}

/** Low 32 bits of (x * factor) >> shift for factor < 2^32, x unsigned. */
function scaled(m: Maker, x: Value, factor: bigint, shift: number): Value {
  const wide = m.make(Op.I64_EXTEND_I32_U, Type.I64, [x]);
  const product = m.make(Op.I64_MUL, Type.I64, [wide, m.i64(factor)]);
  const shifted = m.make(Op.I64_SHR_U, Type.I64, [product, m.i64(BigInt(shift))]);
  return m.make(Op.I32_WRAP_I64, Type.I32, [shifted]);
}

function signedQuotient(m: Maker, x: Value, d: number): Value | undefined {
  if (d === -0x8000_0000) return undefined;
  const magnitude = Math.abs(d);
  const quotient = isPowerOfTwo(magnitude)
    ? signedShift(m, x, log2(magnitude))
    : signedScaled(m, x, magnitude);
  if (d > 0) return quotient;
  return m.make(Op.I32_SUB, Type.I32, [m.i32(0), quotient]);
}

function signedShift(m: Maker, x: Value, shift: number): Value {
  const sign = m.make(Op.I32_SHR_S, Type.I32, [x, m.i32(31)]);
  const bias = m.make(Op.I32_SHR_U, Type.I32, [sign, m.i32(32 - shift)]);
  const sum = m.make(Op.I32_ADD, Type.I32, [x, bias]);
  return m.make(Op.I32_SHR_S, Type.I32, [sum, m.i32(shift)]);
}

function signedScaled(m: Maker, x: Value, d: number): Value {
  const shift = 32 + (31 - Math.clz32(d));
  const { factor } = reciprocal(d, shift);
  const wide = m.make(Op.I64_EXTEND_I32_S, Type.I64, [x]);
  const product = m.make(Op.I64_MUL, Type.I64, [wide, m.i64(factor)]);
  const shifted = m.make(Op.I64_SHR_S, Type.I64, [product, m.i64(BigInt(shift))]);
  const floor = m.make(Op.I32_WRAP_I64, Type.I32, [shifted]);
  const negative = m.make(Op.I32_SHR_U, Type.I32, [x, m.i32(31)]);
  return m.make(Op.I32_ADD, Type.I32, [floor, negative]);
}

function isPowerOfTwo(n: number): boolean {
  return (n & (n - 1)) === 0;
}

function log2(n: number): number {
  return 31 - Math.clz32(n);
}
