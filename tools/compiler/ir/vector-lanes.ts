import { Op, Type } from '../wasm/opcodes.ts';
import type { Value } from './value.ts';
import { type Expansions, one, two, type VectorMaker } from './vector-maker.ts';

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
  'f32x4.extract_lane': (m, [a], lane) => m.scalar('pshufd', Type.F32, a as Value, lane),
  'f64x2.extract_lane': (m, [a], lane) =>
    m.scalar('pshufd', Type.F64, a as Value, lane === 0 ? 0x44 : 0xee),
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

/** Byte `i` in all lanes; `twice` has the vector's low and high bytes, each twice. */
function spread(m: VectorMaker, [low, high]: readonly [Value, Value], i: number): Value {
  const half = i < 8 ? low : high;
  const word = i & 7;
  const quarter = m.unary(word < 4 ? 'pshuflw' : 'pshufhw', half, 0x55 * (word & 3));
  return m.unary('pshufd', quarter, word < 4 ? 0 : 0xff);
}

function twice(m: VectorMaker, a: Value): readonly [Value, Value] {
  return [m.binary('punpcklbw', a, a), m.binary('punpckhbw', a, a)];
}

function swizzle(m: VectorMaker, a: Value, indices: Value): Value {
  if (m.v2) {
    // pshufb gives 0 for indices with bit 7, which 16 and above get, saturated.
    return m.binary('pshufb', a, m.binary('paddusb', indices, m.every(8, 0x70n)));
  }
  const bytes = twice(m, a);
  let result: Value | undefined;
  for (let i = 0; i < 16; i++) {
    const isHere = m.binary('pcmpeqb', indices, m.every(8, BigInt(i)));
    const part = m.binary('pand', spread(m, bytes, i), isHere);
    result = result ? m.binary('por', result, part) : part;
  }
  return result as Value;
}

/** @param mask sixteen lane indices, 0 to 31, the first in the low byte */
function shuffle(m: VectorMaker, a: Value, b: Value, mask: bigint): Value {
  const indices = Array.from({ length: 16 }, (_, i) => Number((mask >> BigInt(8 * i)) & 0xffn));
  const words = wordsOf(indices);
  if (words) return shuffleWords(m, a, b, words);
  const shift = rotation(indices);
  if (shift !== undefined) {
    const low = m.shift('psrldq', a, shift);
    return m.binary('por', low, m.shift('pslldq', b, 16 - shift));
  }
  const unpack = UNPACKS.get(indices.join());
  if (unpack !== undefined) return m.binary(unpack, a, b);
  return m.v2 ? shuffleBytes(m, a, b, indices) : gatherBytes(m, a, b, indices);
}

/** The shuffle as one of four-byte lanes, 0 to 7, if it is one. */
function wordsOf(indices: readonly number[]): number[] | undefined {
  const words = [0, 4, 8, 12].map((at) => (indices[at] as number) >> 2);
  const isWhole = indices.every((index, i) => index === 4 * (words[i >> 2] as number) + (i & 3));
  return isWhole ? words : undefined;
}

function shuffleWords(m: VectorMaker, a: Value, b: Value, words: readonly number[]): Value {
  const order = words.reduce((imm, word, i) => imm | ((word & 3) << (2 * i)), 0);
  const from = (x: Value) => (order === 0xe4 ? x : m.unary('pshufd', x, order));
  if (words.every((word) => word < 4)) return from(a);
  if (words.every((word) => word >= 4)) return from(b);
  const mask = words.reduce(
    (bits, word, i) => (word < 4 ? bits | (0xffff_ffffn << BigInt(32 * i)) : bits),
    0n,
  );
  return m.choose(m.constant(mask), from(a), from(b));
}

/** n, if the lanes are 16 neighbours from n on, some of each vector. */
function rotation(indices: readonly number[]): number | undefined {
  const first = indices[0] as number;
  if (first < 1 || first > 15) return undefined;
  return indices.every((index, i) => index === first + i) ? first : undefined;
}

/** Instructions that interleave two vectors, by the indices they have as a shuffle. */
const UNPACKS: ReadonlyMap<string, string> = new Map(
  [
    ['bw', 1],
    ['wd', 2],
  ].flatMap(([pair, size]) =>
    ['l', 'h'].map((half) => {
      const bytes = size as number;
      const start = half === 'l' ? 0 : 8;
      const indices = Array.from({ length: 16 }, (_, i) => {
        const lane = Math.floor(i / (2 * bytes));
        const isSecond = Math.floor(i / bytes) % 2 === 1;
        return start + lane * bytes + (i % bytes) + (isSecond ? 16 : 0);
      });
      return [indices.join(), `punpck${half}${pair}`] as const;
    }),
  ),
);

/** By pshufb, which gives 0 for indices with bit 7. */
function shuffleBytes(m: VectorMaker, a: Value, b: Value, indices: readonly number[]): Value {
  const from = (x: Value, first: number) => {
    const lanes = indices.map((index) => {
      const lane = index - first;
      return lane >= 0 && lane < 16 ? lane : 0x80;
    });
    if (lanes.every((lane) => lane === 0x80)) return undefined;
    const mask = lanes.reduce((bits, lane, i) => bits | (BigInt(lane) << BigInt(8 * i)), 0n);
    return m.binary('pshufb', x, m.constant(mask));
  };
  const [left, right] = [from(a, 0), from(b, 16)];
  if (left && right) return m.binary('por', left, right);
  return (left ?? right) as Value;
}

/** Without pshufb: every byte that is wanted, in all the places that it is wanted in. */
function gatherBytes(m: VectorMaker, a: Value, b: Value, indices: readonly number[]): Value {
  const sources = [twice(m, a), twice(m, b)] as const;
  let result: Value | undefined;
  for (const index of new Set(indices)) {
    const mask = indices.reduce(
      (bits, each, i) => (each === index ? bits | (0xffn << BigInt(8 * i)) : bits),
      0n,
    );
    const source = sources[index < 16 ? 0 : 1];
    const part = m.binary('pand', spread(m, source, index & 15), m.constant(mask));
    result = result ? m.binary('por', result, part) : part;
  }
  return result as Value;
}
