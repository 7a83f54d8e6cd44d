import type { Value } from './value.ts';
import type { VectorMaker } from './vector-maker.ts';
import { V128_CONST } from './vector-ops.ts';

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

/** Bytes of `a` by the indices, 0 where they are 16 and above. */
export function swizzle(m: VectorMaker, a: Value, indices: Value): Value {
  if (m.v2) {
    if (indices.op === V128_CONST) {
      const lanes = bytesOf(indices.bits).map((lane) => (lane < 16 ? lane : 0x80));
      return m.binary('pshufb', a, m.constant(vectorOf(lanes)));
    }
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

/**
 * The bytes of `a` and `b` that are wanted, in the cheapest of several ways.
 *
 * @param mask sixteen lane indices, 0 to 31, the first in the low byte
 */
export function shuffle(m: VectorMaker, a: Value, b: Value, mask: bigint): Value {
  const wanted = bytesOf(mask);
  const within = wanted.map((index) => index & 15);
  if (a === b || wanted.every((index) => index < 16)) return shuffleOne(m, a, within);
  if (wanted.every((index) => index >= 16)) return shuffleOne(m, b, within);
  const exchanged = wanted.map((index) => index ^ 16);
  return (
    shuffleTwo(m, a, b, wanted) ??
    shuffleTwo(m, b, a, exchanged) ??
    shuffleWords(m, a, b, wanted) ??
    (m.v2 ? shuffleBytes : gatherBytes)(m, a, b, wanted)
  );
}

/** @param wanted indices below 16 */
function shuffleOne(m: VectorMaker, a: Value, wanted: readonly number[]): Value {
  const words = lanesOf(wanted, 4);
  if (words) {
    const order = orderOf(words);
    return order === IN_ORDER ? a : m.unary('pshufd', a, order);
  }
  const unpack = UNPACKS.find(({ indices }) => indices.every((n, i) => (n & 15) === wanted[i]));
  if (unpack) return m.binary(unpack.name, a, a);
  const halves = lanesOf(wanted, 2);
  if (halves) {
    const [low, high] = [halves.slice(0, 4), halves.slice(4).map((lane) => lane - 4)];
    if (isWithin(low) && isWithin(high)) {
      if (orderOf(high) === IN_ORDER) return m.unary('pshuflw', a, orderOf(low));
      if (orderOf(low) === IN_ORDER) return m.unary('pshufhw', a, orderOf(high));
    }
  }
  return (m.v2 ? shuffleBytes : gatherBytes)(m, a, a, wanted);
}

/** What one instruction does, or few, of two vectors in this order. */
function shuffleTwo(
  m: VectorMaker,
  a: Value,
  b: Value,
  wanted: readonly number[],
): Value | undefined {
  const unpack = UNPACKS.find(({ indices }) => indices.every((index, i) => index === wanted[i]));
  if (unpack) return m.binary(unpack.name, a, b);
  const first = wanted[0] as number;
  if (first > 0 && first < 16 && wanted.every((index, i) => index === first + i)) {
    if (m.v2) return m.binary('palignr', b, a, first);
    return m.binary('por', m.shift('psrldq', a, first), m.shift('pslldq', b, 16 - first));
  }
  const words = lanesOf(wanted, 4);
  if (words?.every((lane, i) => lane >> 2 === i >> 1)) {
    return m.binary('shufps', a, b, orderOf(words));
  }
  const halves = lanesOf(wanted, 2);
  if (halves?.every((lane, i) => (lane & 7) === i)) return blend(m, a, b, halves);
  return undefined;
}

/** Four-byte lanes, put in their places first. */
function shuffleWords(
  m: VectorMaker,
  a: Value,
  b: Value,
  wanted: readonly number[],
): Value | undefined {
  const words = lanesOf(wanted, 4);
  if (!words) return undefined;
  const order = orderOf(words);
  const from = (x: Value) => (order === IN_ORDER ? x : m.unary('pshufd', x, order));
  const sources = words.flatMap((lane) => (lane < 4 ? [0, 0] : [8, 8]));
  return blend(m, from(a), from(b), sources);
}

/** Two-byte lanes of `a` where they are below 8, else of `b`, without moving any. */
function blend(m: VectorMaker, a: Value, b: Value, lanes: readonly number[]): Value {
  if (m.v2) {
    return m.binary(
      'pblendw',
      a,
      b,
      lanes.reduce((imm, lane, i) => imm | ((lane >> 3) << i), 0),
    );
  }
  const fromA = lanes.flatMap((lane) => (lane < 8 ? [0xff, 0xff] : [0, 0]));
  return m.choose(m.constant(vectorOf(fromA)), a, b);
}

/** The shuffle as one of lanes of `size` bytes, if it is one. */
function lanesOf(wanted: readonly number[], size: number): number[] | undefined {
  const lanes = wanted.filter((_, i) => i % size === 0).map((index) => Math.floor(index / size));
  const isWhole = wanted.every(
    (index, i) => index === size * (lanes[Math.floor(i / size)] as number) + (i % size),
  );
  return isWhole ? lanes : undefined;
}

/** Four lanes as the immediate of pshufd. */
function orderOf(lanes: readonly number[]): number {
  return lanes.reduce((imm, lane, i) => imm | ((lane & 3) << (2 * i)), 0);
}

const IN_ORDER = 0xe4;

function isWithin(lanes: readonly number[]): boolean {
  return lanes.every((lane) => lane >= 0 && lane < 4);
}

/** Instructions that interleave two vectors, with the indices they have as a shuffle. */
const UNPACKS: readonly { readonly name: string; readonly indices: readonly number[] }[] = [
  { letters: 'bw', size: 1 },
  { letters: 'wd', size: 2 },
  { letters: 'dq', size: 4 },
  { letters: 'qdq', size: 8 },
].flatMap(({ letters, size }) =>
  ['l', 'h'].map((half) => ({
    name: `punpck${half}${letters}`,
    indices: Array.from({ length: 16 }, (_, i) => {
      const lane = Math.floor(i / (2 * size));
      const isSecond = Math.floor(i / size) % 2 === 1;
      return (half === 'l' ? 0 : 8) + lane * size + (i % size) + (isSecond ? 16 : 0);
    }),
  })),
);

/** By pshufb, which gives 0 for indices with bit 7. */
function shuffleBytes(m: VectorMaker, a: Value, b: Value, indices: readonly number[]): Value {
  const from = (x: Value, first: number) => {
    const lanes = indices.map((index) => {
      const lane = index - first;
      return lane >= 0 && lane < 16 ? lane : 0x80;
    });
    if (lanes.every((lane) => lane === 0x80)) return undefined;
    return m.binary('pshufb', x, m.constant(vectorOf(lanes)));
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
    const mask = vectorOf(indices.map((each) => (each === index ? 0xff : 0)));
    const source = sources[index < 16 ? 0 : 1];
    const part = m.binary('pand', spread(m, source, index & 15), m.constant(mask));
    result = result ? m.binary('por', result, part) : part;
  }
  return result as Value;
}

function bytesOf(bits: bigint): number[] {
  return Array.from({ length: 16 }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
}

/** The vector of sixteen bytes, the first the lowest. */
function vectorOf(bytes: readonly number[]): bigint {
  return bytes.reduce((bits, byte, i) => bits | (BigInt(byte) << BigInt(8 * i)), 0n);
}
