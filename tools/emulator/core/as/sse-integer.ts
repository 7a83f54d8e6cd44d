/** SSE's integer and bitwise operations on whole registers, by lanes. APM4 §1. */
import * as Cpu from './cpu';
import * as Effect from './effects';
import { failed, isMemory0, isMemory1, readOperandMemory, readRegister, set0 } from './operand';
import { FORM, FORM_IMMEDIATE1, IMMEDIATE, SOURCE } from './record';
import { destination, source } from './sse-operand';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function sseInteger(p: usize, effect: u32): bool {
  if (shift(p, effect)) return true;
  if (effect === Effect.PINSRW || effect === Effect.PEXTRW) {
    word(p, effect === Effect.PINSRW);
    return true;
  }
  unknown = false;
  const zero = i64x2.splat(0);
  bitwise(effect, zero, zero, 0);
  if (unknown) return false;
  const from = source(p, 16, true);
  if (from === 0) return true;
  const to = destination(p);
  const result = bitwise(effect, v128.load(to), v128.load(from), <u32>load<u64>(p, IMMEDIATE));
  v128.store(to, result);
  return true;
}

/** Set by {@link bitwise} for an effect that is not built, whose operands are then not to be touched. */
let unknown: bool = false;

function bitwise(effect: u32, a: v128, b: v128, immediate: u32): v128 {
  switch (effect) {
    case Effect.ANDPS:
    case Effect.ANDPD:
    case Effect.PAND:
      return v128.and(a, b);
    case Effect.ANDNPS:
    case Effect.ANDNPD:
    case Effect.PANDN:
      return v128.andnot(b, a);
    case Effect.ORPS:
    case Effect.ORPD:
    case Effect.POR:
      return v128.or(a, b);
    case Effect.XORPS:
    case Effect.XORPD:
    case Effect.PXOR:
      return v128.xor(a, b);
    default:
      return arithmetic(effect, a, b, immediate);
  }
}

function arithmetic(effect: u32, a: v128, b: v128, immediate: u32): v128 {
  switch (effect) {
    case Effect.PADDB:
      return i8x16.add(a, b);
    case Effect.PADDW:
      return i16x8.add(a, b);
    case Effect.PADDD:
      return i32x4.add(a, b);
    case Effect.PADDQ:
      return i64x2.add(a, b);
    case Effect.PSUBB:
      return i8x16.sub(a, b);
    case Effect.PSUBW:
      return i16x8.sub(a, b);
    case Effect.PSUBD:
      return i32x4.sub(a, b);
    case Effect.PSUBQ:
      return i64x2.sub(a, b);
    case Effect.PADDSB:
      return i8x16.add_sat_s(a, b);
    case Effect.PADDSW:
      return i16x8.add_sat_s(a, b);
    case Effect.PADDUSB:
      return i8x16.add_sat_u(a, b);
    case Effect.PADDUSW:
      return i16x8.add_sat_u(a, b);
    case Effect.PSUBSB:
      return i8x16.sub_sat_s(a, b);
    case Effect.PSUBSW:
      return i16x8.sub_sat_s(a, b);
    case Effect.PSUBUSB:
      return i8x16.sub_sat_u(a, b);
    case Effect.PSUBUSW:
      return i16x8.sub_sat_u(a, b);
    case Effect.PMULLW:
      return i16x8.mul(a, b);
    case Effect.PMULLD:
      return i32x4.mul(a, b);
    case Effect.PMULHW:
      return highWords(i32x4.extmul_low_i16x8_s(a, b), i32x4.extmul_high_i16x8_s(a, b));
    case Effect.PMULHUW:
      return highWords(i32x4.extmul_low_i16x8_u(a, b), i32x4.extmul_high_i16x8_u(a, b));
    case Effect.PMULUDQ: {
      const low = v128.extract_lane<u32>(a, 0);
      const high = v128.extract_lane<u32>(a, 2);
      const first = <u64>low * <u64>v128.extract_lane<u32>(b, 0);
      const second = <u64>high * <u64>v128.extract_lane<u32>(b, 2);
      return i64x2.replace_lane(i64x2.splat(<i64>first), 1, <i64>second);
    }
    case Effect.PMADDWD:
      return i32x4.dot_i16x8_s(a, b);
    case Effect.PAVGB:
      return i8x16.avgr_u(a, b);
    case Effect.PAVGW:
      return i16x8.avgr_u(a, b);
    case Effect.PMINUB:
      return i8x16.min_u(a, b);
    case Effect.PMAXUB:
      return i8x16.max_u(a, b);
    case Effect.PMINSW:
      return i16x8.min_s(a, b);
    case Effect.PMAXSW:
      return i16x8.max_s(a, b);
    case Effect.PSADBW: {
      const difference = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
      const pairs = i16x8.extadd_pairwise_i8x16_u(difference);
      const fours = i32x4.extadd_pairwise_i16x8_u(pairs);
      const mask = i64x2.splat(0xffff_ffff);
      return i64x2.add(v128.and(fours, mask), i64x2.shr_u(fours, 32));
    }
    default:
      return arrange(effect, a, b, immediate);
  }
}

/** The upper halves of eight 32-bit products. */
function highWords(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}

function arrange(effect: u32, a: v128, b: v128, immediate: u32): v128 {
  switch (effect) {
    case Effect.PCMPEQB:
      return i8x16.eq(a, b);
    case Effect.PCMPEQW:
      return i16x8.eq(a, b);
    case Effect.PCMPEQD:
      return i32x4.eq(a, b);
    case Effect.PCMPGTB:
      return i8x16.gt_s(a, b);
    case Effect.PCMPGTW:
      return i16x8.gt_s(a, b);
    case Effect.PCMPGTD:
      return i32x4.gt_s(a, b);
    case Effect.PACKSSWB:
      return i8x16.narrow_i16x8_s(a, b);
    case Effect.PACKUSWB:
      return i8x16.narrow_i16x8_u(a, b);
    case Effect.PACKSSDW:
      return i16x8.narrow_i32x4_s(a, b);
    case Effect.PUNPCKLBW:
      return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    case Effect.PUNPCKHBW:
      return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    case Effect.PUNPCKLWD:
      return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    case Effect.PUNPCKHWD:
      return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    case Effect.PUNPCKLDQ:
    case Effect.UNPCKLPS:
      return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    case Effect.PUNPCKHDQ:
    case Effect.UNPCKHPS:
      return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    case Effect.PUNPCKLQDQ:
    case Effect.UNPCKLPD:
      return v128.shuffle<i64>(a, b, 0, 2);
    case Effect.PUNPCKHQDQ:
    case Effect.UNPCKHPD:
      return v128.shuffle<i64>(a, b, 1, 3);
    case Effect.PSHUFD:
      return select32(b, b, immediate);
    case Effect.SHUFPS:
      return select32(a, b, immediate);
    case Effect.SHUFPD: {
      const low = (immediate & 1) === 0 ? lane64(a, 0) : lane64(a, 1);
      const high = (immediate & 2) === 0 ? lane64(b, 0) : lane64(b, 1);
      return i64x2.replace_lane(i64x2.splat(low), 1, high);
    }
    case Effect.PSHUFLW:
      return i64x2.replace_lane(b, 0, <i64>selectWords(<u64>lane64(b, 0), immediate));
    case Effect.PSHUFHW:
      return i64x2.replace_lane(b, 1, <i64>selectWords(<u64>lane64(b, 1), immediate));
    default:
      unknown = true;
      return a;
  }
}

function lane64(value: v128, lane: u32): i64 {
  return lane === 0 ? v128.extract_lane<i64>(value, 0) : v128.extract_lane<i64>(value, 1);
}

/** Lanes of 32 bits: two of `a`, then two of `b`, by two bits of `order` each. */
function select32(a: v128, b: v128, order: u32): v128 {
  const low = half32(a, order);
  const high = half32(b, order >> 4);
  return i64x2.replace_lane(i64x2.splat(<i64>low), 1, <i64>high);
}

function half32(value: v128, order: u32): u64 {
  return lane32(value, order & 3) | (lane32(value, (order >> 2) & 3) << 32);
}

function lane32(value: v128, lane: u32): u64 {
  const half = <u64>lane64(value, lane >> 1);
  return (lane & 1) === 0 ? half & 0xffff_ffff : half >> 32;
}

function selectWords(value: u64, order: u32): u64 {
  let result: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    const from = (<u64>((order >> (i * 2)) & 3)) << 4;
    result |= ((value >> from) & 0xffff) << ((<u64>i) << 4);
  }
  return result;
}

/** Shifts of every lane by an immediate or the low quadword of a register; counts are not masked. */
function shift(p: usize, effect: u32): bool {
  switch (effect) {
    case Effect.PSRLW:
    case Effect.PSRAW:
    case Effect.PSLLW:
    case Effect.PSRLD:
    case Effect.PSRAD:
    case Effect.PSLLD:
    case Effect.PSRLQ:
    case Effect.PSLLQ:
    case Effect.PSRLDQ:
    case Effect.PSLLDQ:
      break;
    default:
      return false;
  }
  let count: u64;
  if ((load<u8>(p, FORM) & FORM_IMMEDIATE1) !== 0) count = load<u64>(p, IMMEDIATE) & 0xff;
  else {
    const from = source(p, 16, true);
    if (from === 0) return true;
    count = load<u64>(from);
  }
  const to = destination(p);
  const by = <i32>min<u64>(count, 255);
  v128.store(to, shifted(effect, v128.load(to), by));
  return true;
}

function shifted(effect: u32, a: v128, by: i32): v128 {
  const zero = i64x2.splat(0);
  switch (effect) {
    case Effect.PSRLW:
      return by > 15 ? zero : i16x8.shr_u(a, by);
    case Effect.PSRAW:
      return i16x8.shr_s(a, min<i32>(by, 15));
    case Effect.PSLLW:
      return by > 15 ? zero : i16x8.shl(a, by);
    case Effect.PSRLD:
      return by > 31 ? zero : i32x4.shr_u(a, by);
    case Effect.PSRAD:
      return i32x4.shr_s(a, min<i32>(by, 31));
    case Effect.PSLLD:
      return by > 31 ? zero : i32x4.shl(a, by);
    case Effect.PSRLQ:
      return by > 63 ? zero : i64x2.shr_u(a, by);
    case Effect.PSLLQ:
      return by > 63 ? zero : i64x2.shl(a, by);
    default:
      return shiftBytes(a, effect === Effect.PSLLDQ, by);
  }
}

function shiftBytes(a: v128, left: bool, bytes: i32): v128 {
  if (bytes > 15) return i64x2.splat(0);
  if (bytes === 0) return a;
  let low = <u64>lane64(a, 0);
  let high = <u64>lane64(a, 1);
  const bits = (<u64>bytes & 7) << 3;
  if (left) {
    if (bytes > 7) {
      high = low;
      low = 0;
    }
    if (bits !== 0) {
      high = (high << bits) | (low >> (64 - bits));
      low <<= bits;
    }
  } else {
    if (bytes > 7) {
      low = high;
      high = 0;
    }
    if (bits !== 0) {
      low = (low >> bits) | (high << (64 - bits));
      high >>= bits;
    }
  }
  return i64x2.replace_lane(i64x2.splat(<i64>low), 1, <i64>high);
}

/** PINSRW from a general register or memory; PEXTRW to a general register. */
function word(p: usize, inserts: bool): void {
  const lane = (<usize>load<u64>(p, IMMEDIATE) & 7) << 1;
  if (!inserts) {
    const value = load<u16>(Cpu.XMM + load<u8>(p, SOURCE) + lane);
    set0(p, isMemory0(p) ? 2 : 4, value);
    return;
  }
  const value = isMemory1(p) ? readOperandMemory(p, 2) : readRegister(load<u8>(p, SOURCE), 2);
  if (!failed()) store<u16>(destination(p) + lane, <u16>value);
}
