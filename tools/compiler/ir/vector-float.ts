import type { Value } from './value.ts';
import { type Expansions, one, two, type VectorMaker } from './vector-maker.ts';

interface Shape {
  readonly name: string;
  readonly width: 32 | 64;
  /** The processor's letters for packed numbers of that width. */
  readonly packed: 'ps' | 'pd';
  readonly one: bigint;
  /** From here on every number is an integer. */
  readonly integral: bigint;
  /** Bits of a NaN below the top bit of its payload. */
  readonly payload: number;
}

const SHAPES: readonly Shape[] = [
  {
    name: 'f32x4',
    width: 32,
    packed: 'ps',
    one: 0x3f80_0000n,
    integral: 0x4b00_0000n,
    payload: 10,
  },
  {
    name: 'f64x2',
    width: 64,
    packed: 'pd',
    one: 0x3ff0_0000_0000_0000n,
    integral: 0x4330_0000_0000_0000n,
    payload: 13,
  },
];

/** Predicates of cmpps and cmppd, and modes of roundps and roundpd. APM4, CMPPS, ROUNDPS. */
const Compare = { EQ: 0, LT: 1, LE: 2, UNORDERED: 3, NE: 4 } as const;
const ROUNDING = { nearest: 8, floor: 9, ceil: 10, trunc: 11 } as const;
type Rounding = keyof typeof ROUNDING;

const TWO_31_F32 = 0x4f00_0000n;
const TWO_16_F32 = 0x4780_0000n;
const I32_MAX_F64 = 0x41df_ffff_ffc0_0000n;
const U32_MAX_F64 = 0x41ef_ffff_ffe0_0000n;
const TWO_52_F64 = 0x4330_0000_0000_0000n;
/** High half of a double of 2^52 and more, whose low half is then its integer. */
const TWO_52_HIGH = 0x4330_0000n;

/** Lane-wise arithmetic and comparisons of floats, and conversions. */
export const FLOAT_EXPANSIONS: Expansions = Object.assign(
  {
    'f32x4.demote_f64x2_zero': one((m, a) => m.unary('cvtpd2ps', a)),
    'f64x2.promote_low_f32x4': one((m, a) => m.unary('cvtps2pd', a)),
    'f32x4.convert_i32x4_s': one((m, a) => m.unary('cvtdq2ps', a)),
    'f32x4.convert_i32x4_u': one((m, a) => {
      // Both halves are exact, so that only the sum is rounded.
      const high = m.unary('cvtdq2ps', m.shift('psrld', a, 16));
      const low = m.unary('cvtdq2ps', m.binary('pand', a, m.every(32, 0xffffn)));
      return m.binary('addps', m.binary('mulps', high, m.every(32, TWO_16_F32)), low);
    }),
    'f64x2.convert_low_i32x4_s': one((m, a) => m.unary('cvtdq2pd', a)),
    'f64x2.convert_low_i32x4_u': one((m, a) => {
      const raised = m.binary('unpcklps', a, m.every(32, TWO_52_HIGH));
      return m.binary('subpd', raised, m.every(64, TWO_52_F64));
    }),
    'i32x4.trunc_sat_f32x4_s': one((m, a) => {
      const number = m.binary('andps', a, m.binary('cmpps', a, a, Compare.EQ));
      const above = m.binary('cmpps', m.every(32, TWO_31_F32), number, Compare.LE);
      return m.binary('pxor', m.unary('cvttps2dq', number), above);
    }),
    'i32x4.trunc_sat_f32x4_u': one((m, a) => {
      // What lies below 2^31, and what is more than that, each as a signed number.
      const number = m.binary('maxps', a, m.zero);
      const rest = m.binary('subps', number, m.every(32, TWO_31_F32));
      const above = m.binary('cmpps', m.every(32, TWO_31_F32), rest, Compare.LE);
      const more = m.binary('pxor', m.unary('cvttps2dq', rest), above);
      const positive = m.binary('pandn', m.shift('psrad', more, 31), more);
      return m.binary('paddd', m.unary('cvttps2dq', number), positive);
    }),
    'i32x4.trunc_sat_f64x2_s_zero': one((m, a) => {
      const isNumber = m.binary('cmppd', a, a, Compare.EQ);
      const limit = m.binary('andps', isNumber, m.every(64, I32_MAX_F64));
      return m.unary('cvttpd2dq', m.binary('minpd', a, limit));
    }),
    'i32x4.trunc_sat_f64x2_u_zero': one((m, a) => {
      const number = m.binary('minpd', m.binary('maxpd', a, m.zero), m.every(64, U32_MAX_F64));
      const integer = rounded(m, number, SHAPES[1] as Shape, 'trunc');
      const raised = m.binary('addpd', integer, m.every(64, TWO_52_F64));
      return m.binary('shufps', raised, m.zero, 0x88);
    }),
  } satisfies Expansions,
  ...SHAPES.map(arithmetic),
  ...SHAPES.map(comparisons),
);

function arithmetic(shape: Shape): Expansions {
  const { name, width, packed } = shape;
  const sign = 1n << BigInt(width - 1);
  const row = (operation: string) => two((m, a, b) => m.binary(`${operation}${packed}`, a, b));
  const round = (mode: Rounding) => one((m, a) => rounded(m, a, shape, mode));
  return {
    [`${name}.abs`]: one((m, a) => m.binary('andps', a, m.every(width, sign - 1n))),
    [`${name}.neg`]: one((m, a) => m.binary('xorps', a, m.every(width, sign))),
    [`${name}.sqrt`]: one((m, a) => m.unary(`sqrt${packed}`, a)),
    [`${name}.add`]: row('add'),
    [`${name}.sub`]: row('sub'),
    [`${name}.mul`]: row('mul'),
    [`${name}.div`]: row('div'),
    [`${name}.min`]: two((m, a, b) => minimum(m, a, b, shape)),
    [`${name}.max`]: two((m, a, b) => maximum(m, a, b, shape)),
    // The processor's own minimum is b < a ? b : a.
    [`${name}.pmin`]: two((m, a, b) => m.binary(`min${packed}`, b, a)),
    [`${name}.pmax`]: two((m, a, b) => m.binary(`max${packed}`, b, a)),
    [`${name}.ceil`]: round('ceil'),
    [`${name}.floor`]: round('floor'),
    [`${name}.trunc`]: round('trunc'),
    [`${name}.nearest`]: round('nearest'),
  };
}

function comparisons({ name, packed }: Shape): Expansions {
  const compare = (predicate: number) =>
    two((m, a, b) => m.binary(`cmp${packed}`, a, b, predicate));
  const exchanged = (predicate: number) =>
    two((m, a, b) => m.binary(`cmp${packed}`, b, a, predicate));
  return {
    [`${name}.eq`]: compare(Compare.EQ),
    [`${name}.ne`]: compare(Compare.NE),
    [`${name}.lt`]: compare(Compare.LT),
    [`${name}.gt`]: exchanged(Compare.LT),
    [`${name}.le`]: compare(Compare.LE),
    [`${name}.ge`]: exchanged(Compare.LE),
  };
}

/** Both orders of the operands differ for NaN and for zeros: `or` keeps either's NaN and minus. */
function minimum(m: VectorMaker, a: Value, b: Value, shape: Shape): Value {
  const row = `min${shape.packed}`;
  const both = m.binary('orps', m.binary(row, a, b), m.binary(row, b, a));
  const isNan = m.binary(`cmp${shape.packed}`, both, both, Compare.UNORDERED);
  return canonical(m, m.binary('orps', both, isNan), isNan, shape);
}

/** Where both orders differ, subtracting the difference makes +0 of zeros and quiets a NaN. */
function maximum(m: VectorMaker, a: Value, b: Value, shape: Shape): Value {
  const row = `max${shape.packed}`;
  const first = m.binary(row, a, b);
  const difference = m.binary('xorps', first, m.binary(row, b, a));
  const either = m.binary('orps', first, difference);
  const result = m.binary(`sub${shape.packed}`, either, difference);
  const isNan = m.binary(`cmp${shape.packed}`, result, result, Compare.UNORDERED);
  return canonical(m, result, isNan, shape);
}

/** Clears a NaN's payload but its top bit. */
function canonical(m: VectorMaker, a: Value, isNan: Value, { width, payload }: Shape): Value {
  return m.binary('andnps', m.shift(width === 32 ? 'psrld' : 'psrlq', isNan, payload), a);
}

/**
 * Rounds to integers. Without SSE4.1: adding and subtracting what makes every number an integer rounds to
 * the nearest one, and one more or less corrects that.
 */
function rounded(m: VectorMaker, a: Value, shape: Shape, mode: Rounding): Value {
  const { width, packed } = shape;
  if (m.v2) return m.unary(`round${packed}`, a, ROUNDING[mode]);
  const sign = m.every(width, 1n << BigInt(width - 1));
  const integral = m.every(width, shape.integral);
  const unit = m.every(width, shape.one);
  const magnitude = m.binary('pandn', sign, a);
  const signOfA = m.binary('pand', a, sign);
  const isFraction = m.binary(`cmp${packed}`, magnitude, integral, Compare.LT);
  const sum = m.binary(`add${packed}`, magnitude, integral);
  const near = m.binary(`sub${packed}`, sum, integral);
  const less = (x: Value, y: Value) =>
    m.binary('pand', m.binary(`cmp${packed}`, x, y, Compare.LT), unit);
  const signed = (x: Value) => m.binary('por', x, signOfA);
  const results: Record<Rounding, () => Value> = {
    nearest: () => signed(near),
    trunc: () => signed(m.binary(`sub${packed}`, near, less(magnitude, near))),
    floor: () => signed(m.binary(`sub${packed}`, signed(near), less(a, signed(near)))),
    ceil: () => signed(m.binary(`add${packed}`, signed(near), less(signed(near), a))),
  };
  // What has no fraction stays, but a NaN is quieted.
  return m.choose(isFraction, results[mode](), m.binary(`add${packed}`, a, m.zero));
}
