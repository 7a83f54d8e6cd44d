import { Op, Type } from '../wasm/opcodes.ts';
import type { Value } from './value.ts';
import { type Expansions, one, two, type VectorMaker } from './vector-maker.ts';
import { shuffle, swizzle } from './vector-shuffle.ts';

/** Instructions that put lanes in, take them out and move them about. */
export const LANE_EXPANSIONS: Expansions = {
  'i8x16.splat': one((m, x) => splatByte(m, m.unary('movd', x))),
  'i16x8.splat': one((m, x) => {
    if (m.avx) return m.unary('vpbroadcastw', m.unary('movd', x));
    const low = m.unary('pshuflw', m.unary('movd', x), 0);
    return m.unary('pshufd', low, 0);
  }),
  'i32x4.splat': one((m, x) => m.unary('pshufd', m.unary('movd', x), 0)),
  'i64x2.splat': one((m, x) => m.unary('pshufd', m.unary('movq', x), 0x44)),
  'f32x4.splat': one((m, x) => (m.avx ? m.unary('vbroadcastss', x) : m.binary('shufps', x, x, 0))),
  'f64x2.splat': one((m, x) => (m.v2 ? m.unary('movddup', x) : m.binary('unpcklpd', x, x))),
  'i8x16.extract_lane_s': (m, [a], lane) =>
    m.integers.make(Op.I32_EXTEND8_S, Type.I32, [byte(m, a as Value, lane)]),
  'i8x16.extract_lane_u': (m, [a], lane) => byte(m, a as Value, lane),
  'i16x8.extract_lane_s': (m, [a], lane) =>
    m.integers.make(Op.I32_EXTEND16_S, Type.I32, [m.scalar('pextrw', Type.I32, a as Value, lane)]),
  'i16x8.extract_lane_u': (m, [a], lane) => m.scalar('pextrw', Type.I32, a as Value, lane),
  'i32x4.extract_lane': (m, [a], lane) => {
    const low = lane === 0 ? (a as Value) : m.unary('pshufd', a as Value, lane);
    return m.scalar('movd>', Type.I32, low);
  },
  'i64x2.extract_lane': (m, [a], lane) => {
    const low = lane === 0 ? (a as Value) : m.unary('pshufd', a as Value, 0xee);
    return m.scalar('movq>', Type.I64, low);
  },
  'f32x4.extract_lane': (m, [a], lane) => {
    const x = a as Value;
    const copied = () => (m.avx ? m.binary('shufps', x, x, lane) : m.unary('pshufd', x, lane));
    return m.scalar('movaps', Type.F32, lane === 0 ? x : copied());
  },
  'f64x2.extract_lane': (m, [a], lane) => {
    const x = a as Value;
    const copied = () => (m.avx ? m.binary('unpckhpd', x, x) : m.unary('pshufd', x, 0xee));
    return m.scalar('movaps', Type.F64, lane === 0 ? x : copied());
  },
  'i8x16.replace_lane': (m, [a, x], lane) => {
    if (m.v2) return m.binary('pinsrb', a as Value, x as Value, lane);
    return replaced(m, a as Value, splatByte(m, m.unary('movd', x as Value)), 8, lane);
  },
  'i16x8.replace_lane': (m, [a, x], lane) => m.binary('pinsrw', a as Value, x as Value, lane),
  'i32x4.replace_lane': (m, [a, x], lane) => {
    if (m.v2) return m.binary('pinsrd', a as Value, x as Value, lane);
    const all = m.unary('pshufd', m.unary('movd', x as Value), 0);
    return replaced(m, a as Value, all, 32, lane);
  },
  'i64x2.replace_lane': (m, [a, x], lane) => {
    if (m.v2) return m.binary('pinsrq', a as Value, x as Value, lane);
    const low = m.unary('movq', x as Value);
    return m.binary(lane === 0 ? 'movsd' : 'punpcklqdq', a as Value, low);
  },
  'f32x4.replace_lane': (m, [a, x], lane) => {
    if (lane === 0) return m.binary('movss', a as Value, x as Value);
    if (m.v2) return m.binary('insertps', a as Value, x as Value, lane << 4);
    return replaced(m, a as Value, m.binary('shufps', x as Value, x as Value, 0), 32, lane);
  },
  'f64x2.replace_lane': (m, [a, x], lane) =>
    m.binary(lane === 0 ? 'movsd' : 'unpcklpd', a as Value, x as Value),
  'i8x16.swizzle': two(swizzle),
  'i8x16.shuffle': (m, [a, b, mask]) => shuffle(m, a as Value, b as Value, (mask as Value).bits),
};

/** The low byte in all lanes. */
function splatByte(m: VectorMaker, a: Value): Value {
  if (m.avx) return m.unary('vpbroadcastb', a);
  if (m.v2) return m.binary('pshufb', a, m.zero);
  const twice = m.binary('punpcklbw', a, a);
  return m.unary('pshufd', m.unary('pshuflw', twice, 0), 0);
}

function byte(m: VectorMaker, a: Value, lane: number): Value {
  if (m.v2) return m.scalar('pextrb', Type.I32, a, lane);
  const { integers } = m;
  const word = m.scalar('pextrw', Type.I32, a, lane >> 1);
  if (lane & 1) return integers.make(Op.I32_SHR_U, Type.I32, [word, integers.i32(8)]);
  return integers.make(Op.I32_AND, Type.I32, [word, integers.i32(0xff)]);
}

/** One lane from `x`, the others from `a`. */
function replaced(m: VectorMaker, a: Value, x: Value, width: number, lane: number): Value {
  const mask = m.constant(((1n << BigInt(width)) - 1n) << BigInt(width * lane));
  return m.choose(mask, x, a);
}
