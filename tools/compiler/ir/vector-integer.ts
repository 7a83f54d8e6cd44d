import { Op, Type } from '../wasm/opcodes.ts';
import type { Value } from './value.ts';
import { type Expansions, one, two, type VectorMaker } from './vector-maker.ts';

interface Shape {
  readonly name: string;
  readonly width: 8 | 16 | 32 | 64;
  /** The processor's letter for lanes of that width. */
  readonly letter: string;
}

const SHAPES: readonly Shape[] = [
  { name: 'i8x16', width: 8, letter: 'b' },
  { name: 'i16x8', width: 16, letter: 'w' },
  { name: 'i32x4', width: 32, letter: 'd' },
  { name: 'i64x2', width: 64, letter: 'q' },
];

/** Sums of neighbouring lanes. */
const PAIRWISE: Expansions = {
  'i16x8.extadd_pairwise_i8x16_s': one((m, a) => {
    // The instruction multiplies unsigned bytes by signed ones, and adds neighbours.
    if (m.v2) return m.binary('pmaddubsw', m.every(8, 1n), a);
    const even = m.shift('psraw', m.shift('psllw', a, 8), 8);
    return m.binary('paddw', even, m.shift('psraw', a, 8));
  }),
  'i16x8.extadd_pairwise_i8x16_u': one((m, a) => {
    if (m.v2) return m.binary('pmaddubsw', a, m.every(8, 1n));
    return m.binary('paddw', m.binary('pand', a, m.every(16, 0xffn)), m.shift('psrlw', a, 8));
  }),
  'i32x4.extadd_pairwise_i16x8_s': one((m, a) => m.binary('pmaddwd', a, m.every(16, 1n))),
  'i32x4.extadd_pairwise_i16x8_u': one((m, a) =>
    m.binary('paddd', m.binary('pand', a, m.every(32, 0xffffn)), m.shift('psrld', a, 16)),
  ),
};

/** Lane-wise arithmetic, comparisons and tests of integers. */
export const INTEGER_EXPANSIONS: Expansions = Object.assign(
  {
    'v128.not': one((m, a) => m.not(a)),
    'v128.and': two((m, a, b) => m.binary('pand', a, b)),
    'v128.andnot': two((m, a, b) => m.binary('pandn', b, a)),
    'v128.or': two((m, a, b) => m.binary('por', a, b)),
    'v128.xor': two((m, a, b) => m.binary('pxor', a, b)),
    'v128.bitselect': (m, [yes, no, mask]) => m.choose(mask as Value, yes as Value, no as Value),
    'v128.any_true': one((m, a) => {
      const zeros = m.scalar('pmovmskb', Type.I32, m.binary('pcmpeqb', a, m.zero));
      return m.integers.make(Op.I32_NE, Type.I32, [zeros, m.integers.i32(0xffff)]);
    }),
    'i8x16.bitmask': one((m, a) => m.scalar('pmovmskb', Type.I32, a)),
    'i16x8.bitmask': one((m, a) => m.scalar('pmovmskb', Type.I32, m.binary('packsswb', a, m.zero))),
    'i32x4.bitmask': one((m, a) => m.scalar('movmskps', Type.I32, a)),
    'i64x2.bitmask': one((m, a) => m.scalar('movmskpd', Type.I32, a)),
    'i8x16.popcnt': one(countBits),
    'i16x8.mul': two((m, a, b) => m.binary('pmullw', a, b)),
    'i32x4.mul': two(multiply32),
    'i64x2.mul': two(multiply64),
    'i32x4.dot_i16x8_s': two((m, a, b) => m.binary('pmaddwd', a, b)),
    'i16x8.q15mulr_sat_s': two(multiplyQ15),
    'i8x16.narrow_i16x8_s': two((m, a, b) => m.binary('packsswb', a, b)),
    'i8x16.narrow_i16x8_u': two((m, a, b) => m.binary('packuswb', a, b)),
    'i16x8.narrow_i32x4_s': two((m, a, b) => m.binary('packssdw', a, b)),
    'i16x8.narrow_i32x4_u': two(narrowUnsigned),
  } satisfies Expansions,
  PAIRWISE,
  ...SHAPES.map(arithmetic),
  ...SHAPES.slice(0, 2).map(saturating),
  ...SHAPES.slice(0, 3).map(extremes),
  ...SHAPES.map(comparisons),
  ...SHAPES.slice(0, 3).map(unsignedComparisons),
  ...SHAPES.slice(1).flatMap((shape, i) => [
    extensions(shape, SHAPES[i] as Shape, 'low'),
    extensions(shape, SHAPES[i] as Shape, 'high'),
  ]),
);

function arithmetic({ name, width, letter }: Shape): Expansions {
  return {
    [`${name}.add`]: two((m, a, b) => m.binary(`padd${letter}`, a, b)),
    [`${name}.sub`]: two((m, a, b) => m.binary(`psub${letter}`, a, b)),
    [`${name}.neg`]: one((m, a) => m.binary(`psub${letter}`, m.zero, a)),
    [`${name}.abs`]: one((m, a) => {
      if (m.v2 && width < 64) return m.unary(`pabs${letter}`, a);
      const sign = signs(m, a, width, letter);
      return m.binary(`psub${letter}`, m.binary('pxor', a, sign), sign);
    }),
    [`${name}.all_true`]: one((m, a) => {
      const zeros = m.scalar('pmovmskb', Type.I32, equal(m, a, m.zero, letter));
      return m.integers.make(Op.I32_EQZ, Type.I32, [zeros]);
    }),
  };
}

/** All ones in the lanes that are negative. */
function signs(m: VectorMaker, a: Value, width: number, letter: string): Value {
  if (width < 64) return m.binary(`pcmpgt${letter}`, m.zero, a);
  return m.unary('pshufd', m.shift('psrad', a, 31), 0xf5);
}

function saturating({ name, letter }: Shape): Expansions {
  return {
    [`${name}.add_sat_s`]: two((m, a, b) => m.binary(`padds${letter}`, a, b)),
    [`${name}.add_sat_u`]: two((m, a, b) => m.binary(`paddus${letter}`, a, b)),
    [`${name}.sub_sat_s`]: two((m, a, b) => m.binary(`psubs${letter}`, a, b)),
    [`${name}.sub_sat_u`]: two((m, a, b) => m.binary(`psubus${letter}`, a, b)),
    [`${name}.avgr_u`]: two((m, a, b) => m.binary(`pavg${letter}`, a, b)),
  };
}

/** Whether SSE2 has the minimum and maximum of lanes of this width, or a later extension that is there. */
function hasExtremes(m: VectorMaker, width: number, isSigned: boolean): boolean {
  return m.v2 || (isSigned ? width === 16 : width === 8);
}

function extremes({ name, width, letter }: Shape): Expansions {
  const extreme = (isMaximum: boolean, isSigned: boolean) =>
    two((m, a, b) => {
      const row = `p${isMaximum ? 'max' : 'min'}${isSigned ? 's' : 'u'}${letter}`;
      if (hasExtremes(m, width, isSigned)) return m.binary(row, a, b);
      const compare = isSigned ? greater : greaterUnsigned;
      const isGreater = compare(m, a, b, width, letter);
      return isMaximum ? m.choose(isGreater, a, b) : m.choose(isGreater, b, a);
    });
  return {
    [`${name}.min_s`]: extreme(false, true),
    [`${name}.min_u`]: extreme(false, false),
    [`${name}.max_s`]: extreme(true, true),
    [`${name}.max_u`]: extreme(true, false),
  };
}

function equal(m: VectorMaker, a: Value, b: Value, letter: string): Value {
  if (letter !== 'q' || m.v2) return m.binary(`pcmpeq${letter}`, a, b);
  const halves = m.binary('pcmpeqd', a, b);
  return m.binary('pand', halves, m.unary('pshufd', halves, 0xb1));
}

function greater(m: VectorMaker, a: Value, b: Value, width: number, letter: string): Value {
  if (width < 64 || m.v2) return m.binary(`pcmpgt${letter}`, a, b);
  // The high halves decide; where they are equal, the borrow of b - a into the high half does.
  const borrow = m.binary('pand', m.binary('pcmpeqd', a, b), m.binary('psubq', b, a));
  return m.unary('pshufd', m.binary('por', borrow, m.binary('pcmpgtd', a, b)), 0xf5);
}

function greaterUnsigned(m: VectorMaker, a: Value, b: Value, width: number, letter: string): Value {
  const sign = m.every(width, 1n << BigInt(width - 1));
  return greater(m, m.binary('pxor', a, sign), m.binary('pxor', b, sign), width, letter);
}

function comparisons({ name, width, letter }: Shape): Expansions {
  return {
    [`${name}.eq`]: two((m, a, b) => equal(m, a, b, letter)),
    [`${name}.ne`]: two((m, a, b) => m.not(equal(m, a, b, letter))),
    [`${name}.lt_s`]: two((m, a, b) => greater(m, b, a, width, letter)),
    [`${name}.gt_s`]: two((m, a, b) => greater(m, a, b, width, letter)),
    [`${name}.le_s`]: two((m, a, b) => m.not(greater(m, a, b, width, letter))),
    [`${name}.ge_s`]: two((m, a, b) => m.not(greater(m, b, a, width, letter))),
  };
}

function unsignedComparisons({ name, width, letter }: Shape): Expansions {
  const atMost = (m: VectorMaker, a: Value, b: Value) =>
    hasExtremes(m, width, false)
      ? equal(m, m.binary(`pminu${letter}`, a, b), a, letter)
      : m.not(greaterUnsigned(m, a, b, width, letter));
  return {
    [`${name}.lt_u`]: two((m, a, b) => greaterUnsigned(m, b, a, width, letter)),
    [`${name}.gt_u`]: two((m, a, b) => greaterUnsigned(m, a, b, width, letter)),
    [`${name}.le_u`]: two(atMost),
    [`${name}.ge_u`]: two((m, a, b) => atMost(m, b, a)),
  };
}

/** extend and extmul of one half of the lanes of `from`. */
function extensions(to: Shape, from: Shape, half: 'low' | 'high'): Expansions {
  const unpack = `punpck${half[0]}${from.letter}${to.letter}`;
  const pair = `${from.letter}${to.letter}`;
  const extend = (m: VectorMaker, a: Value, isSigned: boolean): Value => {
    if (m.v2 && half === 'low') return m.unary(`pmov${isSigned ? 's' : 'z'}x${pair}`, a);
    if (!isSigned) return m.binary(unpack, a, m.zero);
    if (from.width === 32) return m.binary(unpack, a, m.shift('psrad', a, 31));
    return m.shift(`psra${to.letter}`, m.binary(unpack, a, a), from.width);
  };
  const multiply = (isSigned: boolean) =>
    two((m, a, b) => {
      if (to.width === 64 && (m.v2 || !isSigned)) {
        const spread = half === 'low' ? 0x50 : 0xfa;
        const row = isSigned ? 'pmuldq' : 'pmuludq';
        return m.binary(row, m.unary('pshufd', a, spread), m.unary('pshufd', b, spread));
      }
      const [x, y] = [extend(m, a, isSigned), extend(m, b, isSigned)];
      if (to.width === 16) return m.binary('pmullw', x, y);
      return to.width === 32 ? multiply32(m, x, y) : multiply64(m, x, y);
    });
  return {
    [`${to.name}.extend_${half}_${from.name}_s`]: one((m, a) => extend(m, a, true)),
    [`${to.name}.extend_${half}_${from.name}_u`]: one((m, a) => extend(m, a, false)),
    [`${to.name}.extmul_${half}_${from.name}_s`]: multiply(true),
    [`${to.name}.extmul_${half}_${from.name}_u`]: multiply(false),
  };
}

function multiply32(m: VectorMaker, a: Value, b: Value): Value {
  if (m.v2) return m.binary('pmulld', a, b);
  const even = m.binary('pmuludq', a, b);
  const odd = m.binary('pmuludq', m.shift('psrlq', a, 32), m.shift('psrlq', b, 32));
  return m.binary('punpckldq', m.unary('pshufd', even, 8), m.unary('pshufd', odd, 8));
}

function multiply64(m: VectorMaker, a: Value, b: Value): Value {
  const low = m.binary('pmuludq', a, b);
  const left = m.binary('pmuludq', m.shift('psrlq', a, 32), b);
  const right = m.binary('pmuludq', a, m.shift('psrlq', b, 32));
  return m.binary('paddq', low, m.shift('psllq', m.binary('paddq', left, right), 32));
}

/** (a * b + 2^14) >> 15 in 32 bits, saturated: only -1 * -1 does not fit. */
function multiplyQ15(m: VectorMaker, a: Value, b: Value): Value {
  if (m.v2) {
    const product = m.binary('pmulhrsw', a, b);
    return m.binary('pxor', product, m.binary('pcmpeqw', product, m.every(16, 0x8000n)));
  }
  const [low, high] = [m.binary('pmullw', a, b), m.binary('pmulhw', a, b)];
  const rounded = (unpack: string) => {
    const product = m.binary(unpack, low, high);
    return m.shift('psrad', m.binary('paddd', product, m.every(32, 0x4000n)), 15);
  };
  return m.binary('packssdw', rounded('punpcklwd'), rounded('punpckhwd'));
}

function narrowUnsigned(m: VectorMaker, a: Value, b: Value): Value {
  if (m.v2) return m.binary('packusdw', a, b);
  // Below zero to zero; then 2^15 less, so that saturation to signed lanes is the one that is wanted.
  const lowered = (x: Value) =>
    m.binary('psubd', m.binary('pandn', m.shift('psrad', x, 31), x), m.every(32, 0x8000n));
  return m.binary('paddw', m.binary('packssdw', lowered(a), lowered(b)), m.every(16, 0x8000n));
}

/** The ones in 0 to 15, a byte each. */
const ONES_OF_4_BITS = 0x04030302_03020201_03020201_02010100n;

/** The ones of every byte: of its halves by a table, or by adding neighbouring fields of 1, 2 and 4 bits. */
function countBits(m: VectorMaker, a: Value): Value {
  const half = m.every(8, 0x0fn);
  if (m.v2) {
    const ones = (x: Value) =>
      m.binary('pshufb', m.constant(ONES_OF_4_BITS), m.binary('pand', x, half));
    return m.binary('paddb', ones(a), ones(m.shift('psrlw', a, 4)));
  }
  const masked = (x: Value, byte: bigint) => m.binary('pand', x, m.every(8, byte));
  const right = (x: Value, n: number) => m.shift('psrlw', x, n);
  const pairs = m.binary('psubb', a, masked(right(a, 1), 0x55n));
  const fours = m.binary('paddb', masked(pairs, 0x33n), masked(right(pairs, 2), 0x33n));
  return masked(m.binary('paddb', fours, right(fours, 4)), 0x0fn);
}
