import { type Signature, Type } from './opcodes.ts';

/**
 * The vector instructions (prefix FD), numbered 0xfd00 + their number in the binary format. (Wasm 2.0
 * §5.4.8.)
 */
export interface VectorInstruction {
  readonly op: number;
  readonly name: string;
  readonly signature: Signature;
  /** What follows the opcode. */
  readonly immediate: 'none' | 'memory' | 'lane' | 'memory and lane' | 'constant' | 'shuffle';
  /** log2 of the bytes accessed. */
  readonly shift: number;
  /** Number of lanes that a lane index may name. */
  readonly lanes: number;
}

/** First and last number of the prefixed instructions. */
export const VECTOR_FIRST = 0xfd00;
export const VECTOR_LAST = 0xfdff;

/**
 * A run of consecutive instructions: number of the first, names (`.` for a gap), signature (V is v128),
 * then `mN` for a memory access of 2^N bytes, `lN` for a lane index below N, or a constant's kind.
 */
type Run = readonly [first: number, names: string, signature: string, immediates?: string];

const INTEGER_COMPARISONS = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const FLOAT_COMPARISONS = 'eq ne lt gt le ge';

const prefixed = (shape: string, names: string) =>
  names.replaceAll(/[^\s.]\S*/g, (name) => `${shape}.${name}`);

// biome-ignore format: a run a line
const RUNS: readonly Run[] = [
  [0x00, 'v128.load', 'i:V', 'm4'],
  [0x01, prefixed('v128', 'load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u'), 'i:V', 'm3'],
  [0x07, 'v128.load8_splat', 'i:V', 'm0'],
  [0x08, 'v128.load16_splat', 'i:V', 'm1'],
  [0x09, 'v128.load32_splat', 'i:V', 'm2'],
  [0x0a, 'v128.load64_splat', 'i:V', 'm3'],
  [0x0b, 'v128.store', 'iV:', 'm4'],
  [0x0c, 'v128.const', ':V', 'constant'],
  [0x0d, 'i8x16.shuffle', 'VV:V', 'shuffle'],
  [0x0e, 'i8x16.swizzle', 'VV:V'],
  [0x0f, 'i8x16.splat i16x8.splat i32x4.splat', 'i:V'],
  [0x12, 'i64x2.splat', 'I:V'],
  [0x13, 'f32x4.splat', 'f:V'],
  [0x14, 'f64x2.splat', 'F:V'],
  [0x15, 'i8x16.extract_lane_s i8x16.extract_lane_u', 'V:i', 'l16'],
  [0x17, 'i8x16.replace_lane', 'Vi:V', 'l16'],
  [0x18, 'i16x8.extract_lane_s i16x8.extract_lane_u', 'V:i', 'l8'],
  [0x1a, 'i16x8.replace_lane', 'Vi:V', 'l8'],
  [0x1b, 'i32x4.extract_lane', 'V:i', 'l4'],
  [0x1c, 'i32x4.replace_lane', 'Vi:V', 'l4'],
  [0x1d, 'i64x2.extract_lane', 'V:I', 'l2'],
  [0x1e, 'i64x2.replace_lane', 'VI:V', 'l2'],
  [0x1f, 'f32x4.extract_lane', 'V:f', 'l4'],
  [0x20, 'f32x4.replace_lane', 'Vf:V', 'l4'],
  [0x21, 'f64x2.extract_lane', 'V:F', 'l2'],
  [0x22, 'f64x2.replace_lane', 'VF:V', 'l2'],
  [0x23, prefixed('i8x16', INTEGER_COMPARISONS), 'VV:V'],
  [0x2d, prefixed('i16x8', INTEGER_COMPARISONS), 'VV:V'],
  [0x37, prefixed('i32x4', INTEGER_COMPARISONS), 'VV:V'],
  [0x41, prefixed('f32x4', FLOAT_COMPARISONS), 'VV:V'],
  [0x47, prefixed('f64x2', FLOAT_COMPARISONS), 'VV:V'],
  [0x4d, 'v128.not', 'V:V'],
  [0x4e, prefixed('v128', 'and andnot or xor'), 'VV:V'],
  [0x52, 'v128.bitselect', 'VVV:V'],
  [0x53, 'v128.any_true', 'V:i'],
  [0x54, 'v128.load8_lane', 'iV:V', 'm0 l16'],
  [0x55, 'v128.load16_lane', 'iV:V', 'm1 l8'],
  [0x56, 'v128.load32_lane', 'iV:V', 'm2 l4'],
  [0x57, 'v128.load64_lane', 'iV:V', 'm3 l2'],
  [0x58, 'v128.store8_lane', 'iV:', 'm0 l16'],
  [0x59, 'v128.store16_lane', 'iV:', 'm1 l8'],
  [0x5a, 'v128.store32_lane', 'iV:', 'm2 l4'],
  [0x5b, 'v128.store64_lane', 'iV:', 'm3 l2'],
  [0x5c, 'v128.load32_zero', 'i:V', 'm2'],
  [0x5d, 'v128.load64_zero', 'i:V', 'm3'],
  [0x5e, 'f32x4.demote_f64x2_zero f64x2.promote_low_f32x4', 'V:V'],
  [0x60, prefixed('i8x16', 'abs neg popcnt'), 'V:V'],
  [0x63, prefixed('i8x16', 'all_true bitmask'), 'V:i'],
  [0x65, prefixed('i8x16', 'narrow_i16x8_s narrow_i16x8_u'), 'VV:V'],
  [0x67, prefixed('f32x4', 'ceil floor trunc nearest'), 'V:V'],
  [0x6b, prefixed('i8x16', 'shl shr_s shr_u'), 'Vi:V'],
  [0x6e, prefixed('i8x16', 'add add_sat_s add_sat_u sub sub_sat_s sub_sat_u'), 'VV:V'],
  [0x74, prefixed('f64x2', 'ceil floor'), 'V:V'],
  [0x76, prefixed('i8x16', 'min_s min_u max_s max_u'), 'VV:V'],
  [0x7a, 'f64x2.trunc', 'V:V'],
  [0x7b, 'i8x16.avgr_u', 'VV:V'],
  [0x7c, 'i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u', 'V:V'],
  [0x7e, 'i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u', 'V:V'],
  [0x80, prefixed('i16x8', 'abs neg'), 'V:V'],
  [0x82, 'i16x8.q15mulr_sat_s', 'VV:V'],
  [0x83, prefixed('i16x8', 'all_true bitmask'), 'V:i'],
  [0x85, prefixed('i16x8', 'narrow_i32x4_s narrow_i32x4_u'), 'VV:V'],
  [0x87, prefixed('i16x8', 'extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u'), 'V:V'],
  [0x8b, prefixed('i16x8', 'shl shr_s shr_u'), 'Vi:V'],
  [0x8e, prefixed('i16x8', 'add add_sat_s add_sat_u sub sub_sat_s sub_sat_u'), 'VV:V'],
  [0x94, 'f64x2.nearest', 'V:V'],
  [0x95, prefixed('i16x8', 'mul min_s min_u max_s max_u . avgr_u'), 'VV:V'],
  [0x9c, prefixed('i16x8', 'extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u'), 'VV:V'],
  [0xa0, prefixed('i32x4', 'abs neg'), 'V:V'],
  [0xa3, prefixed('i32x4', 'all_true bitmask'), 'V:i'],
  [0xa7, prefixed('i32x4', 'extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u'), 'V:V'],
  [0xab, prefixed('i32x4', 'shl shr_s shr_u'), 'Vi:V'],
  [0xae, 'i32x4.add', 'VV:V'],
  [0xb1, 'i32x4.sub', 'VV:V'],
  [0xb5, prefixed('i32x4', 'mul min_s min_u max_s max_u dot_i16x8_s'), 'VV:V'],
  [0xbc, prefixed('i32x4', 'extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u'), 'VV:V'],
  [0xc0, prefixed('i64x2', 'abs neg'), 'V:V'],
  [0xc3, prefixed('i64x2', 'all_true bitmask'), 'V:i'],
  [0xc7, prefixed('i64x2', 'extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u'), 'V:V'],
  [0xcb, prefixed('i64x2', 'shl shr_s shr_u'), 'Vi:V'],
  [0xce, 'i64x2.add', 'VV:V'],
  [0xd1, 'i64x2.sub', 'VV:V'],
  [0xd5, prefixed('i64x2', 'mul eq ne lt_s gt_s le_s ge_s'), 'VV:V'],
  [0xdc, prefixed('i64x2', 'extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u'), 'VV:V'],
  [0xe0, prefixed('f32x4', 'abs neg . sqrt'), 'V:V'],
  [0xe4, prefixed('f32x4', 'add sub mul div min max pmin pmax'), 'VV:V'],
  [0xec, prefixed('f64x2', 'abs neg . sqrt'), 'V:V'],
  [0xf0, prefixed('f64x2', 'add sub mul div min max pmin pmax'), 'VV:V'],
  [0xf8, 'i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u', 'V:V'],
  [0xfa, 'f32x4.convert_i32x4_s f32x4.convert_i32x4_u', 'V:V'],
  [0xfc, 'i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero', 'V:V'],
  [0xfe, 'f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u', 'V:V'],
];

const LETTERS: Readonly<Record<string, number>> = {
  i: Type.I32,
  I: Type.I64,
  f: Type.F32,
  F: Type.F64,
  V: Type.V128,
};

/** By opcode. */
export const VECTOR_INSTRUCTIONS: ReadonlyMap<number, VectorInstruction> = new Map(
  RUNS.flatMap(([first, names, types, immediates = '']) => {
    const [params = '', result = ''] = types.split(':');
    const signature = {
      params: Array.from(params, (letter) => LETTERS[letter] as number),
      result: LETTERS[result] ?? 0,
    };
    const number = (letter: string) =>
      Number(new RegExp(`${letter}(\\d+)`).exec(immediates)?.[1] ?? 0);
    return names.split(' ').flatMap((name, i) => {
      if (name === '.') return [];
      const op = VECTOR_FIRST + first + i;
      const rest = { shift: number('m'), lanes: number('l') };
      return [[op, { op, name, signature, immediate: kindOf(immediates), ...rest }] as const];
    });
  }),
);

function kindOf(immediates: string): VectorInstruction['immediate'] {
  if (immediates === 'constant' || immediates === 'shuffle') return immediates;
  if (/^m\d l/.test(immediates)) return 'memory and lane';
  if (immediates.startsWith('m')) return 'memory';
  return immediates === '' ? 'none' : 'lane';
}

const BY_NAME = new Map([...VECTOR_INSTRUCTIONS.values()].map(({ name, op }) => [name, op]));

/** The opcode of a vector instruction by its name. Throws for a name that there is not. */
export function vectorOp(name: string): number {
  const op = BY_NAME.get(name);
  if (op === undefined) throw new TypeError(`no vector instruction ${name}`);
  return op;
}
