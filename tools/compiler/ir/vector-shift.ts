import { Op, Type } from '../wasm/opcodes.ts';
import type { Value } from './value.ts';
import { type Expansions, two, type VectorMaker } from './vector-maker.ts';

/** Shifts of every lane by the same count, modulo the lanes' width. */
export const SHIFT_EXPANSIONS: Expansions = {
  'i8x16.shl': two((m, a, n) => {
    const by = count(m, n, 8, 0);
    return shifted(m, 'psllw', m.binary('pand', a, lowBits(m, n, by)), by);
  }),
  'i8x16.shr_s': two((m, a, n) => {
    const by = count(m, n, 8, 8);
    const half = (unpack: string) => shifted(m, 'psraw', m.binary(unpack, a, a), by);
    return m.binary('packsswb', half('punpcklbw'), half('punpckhbw'));
  }),
  'i8x16.shr_u': two((m, a, n) => {
    const by = count(m, n, 8, 0);
    return m.binary('pand', shifted(m, 'psrlw', a, by), lowBits(m, n, by));
  }),
  'i16x8.shl': two((m, a, n) => shifted(m, 'psllw', a, count(m, n, 16, 0))),
  'i16x8.shr_s': two((m, a, n) => shifted(m, 'psraw', a, count(m, n, 16, 0))),
  'i16x8.shr_u': two((m, a, n) => shifted(m, 'psrlw', a, count(m, n, 16, 0))),
  'i32x4.shl': two((m, a, n) => shifted(m, 'pslld', a, count(m, n, 32, 0))),
  'i32x4.shr_s': two((m, a, n) => shifted(m, 'psrad', a, count(m, n, 32, 0))),
  'i32x4.shr_u': two((m, a, n) => shifted(m, 'psrld', a, count(m, n, 32, 0))),
  'i64x2.shl': two((m, a, n) => shifted(m, 'psllq', a, count(m, n, 64, 0))),
  'i64x2.shr_u': two((m, a, n) => shifted(m, 'psrlq', a, count(m, n, 64, 0))),
  'i64x2.shr_s': two((m, a, n) => {
    // The sign bit, where it has come to, is spread upwards by subtracting it.
    const by = count(m, n, 64, 0);
    const sign = shifted(m, 'psrlq', m.every(64, 1n << 63n), by);
    return m.binary('psubq', m.binary('pxor', shifted(m, 'psrlq', a, by), sign), sign);
  }),
};

/** The low bits of every byte that are there still, or have come to be there, when it is shifted by n. */
function lowBits(m: VectorMaker, n: Value, by: Value | number): Value {
  if (typeof by === 'number') return m.every(8, 0xffn >> BigInt(by));
  const words = shifted(m, 'psrlw', m.every(64, -1n), count(m, n, 8, 8));
  return m.binary('packuswb', words, words);
}

/** n modulo the width, and some more: a number if it is known, else in a vector. */
function count(m: VectorMaker, n: Value, width: number, more: number): Value | number {
  const { integers } = m;
  const masked = integers.make(Op.I32_AND, Type.I32, [n, integers.i32(width - 1)]);
  const sum = integers.make(Op.I32_ADD, Type.I32, [masked, integers.i32(more)]);
  return sum.op === Op.I32_CONST ? sum.imm : m.unary('movd', sum);
}

function shifted(m: VectorMaker, row: string, a: Value, by: Value | number): Value {
  return typeof by === 'number' ? m.shift(row, a, by) : m.binary(row, a, by);
}
