/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: comparisons of two strings of bytes or words. APM4 §1. */
import * as Cpu from './cpu';
import * as Effect from './effects';
import { setFlags } from './flags';
import { IMMEDIATE, PREFIX_REX_W, PREFIXES } from './record';
import { destination, source } from './sse-operand';

/** Bits of the immediate. */
const WORDS: u32 = 0x01;
const SIGNED: u32 = 0x02;
const NEGATIVE: u32 = 0x10;
const ONLY_VALID: u32 = 0x20;
/** Of the index forms: the last one, not the first. Of the mask forms: a whole element, not a bit. */
const LAST_OR_WIDE: u32 = 0x40;

const EQUAL_ANY: u32 = 0;
const RANGES: u32 = 1;
const EQUAL_EACH: u32 = 2;

const B: usize = memory.data(16, 16);

/** Carries out an effect of this file. False if `effect` is none of them. */
export function sseText(p: usize, effect: u32): bool {
  switch (effect) {
    case Effect.PCMPESTRI:
    case Effect.PCMPESTRM:
    case Effect.PCMPISTRI:
    case Effect.PCMPISTRM:
      break;
    default:
      return false;
  }
  const from = source(p, 16, false);
  if (from === 0) return true;
  v128.store(B, v128.load(from));
  const a = destination(p);
  const order = <u32>load<u64>(p, IMMEDIATE);
  const count: u32 = (order & WORDS) !== 0 ? 8 : 16;
  const explicit = effect === Effect.PCMPESTRI || effect === Effect.PCMPESTRM;
  const lengthA = explicit ? given(p, Cpu.RAX, count) : implied(a, order, count);
  const lengthB = explicit ? given(p, Cpu.RDX, count) : implied(B, order, count);
  let result: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (matches(a, i, order, lengthA, lengthB, count)) result |= 1 << i;
  }
  if ((order & NEGATIVE) !== 0) {
    // Either all bits, or those of the second string's elements.
    result ^= (order & ONLY_VALID) !== 0 ? (1 << lengthB) - 1 : (1 << count) - 1;
  }
  if (effect === Effect.PCMPESTRI || effect === Effect.PCMPISTRI) {
    const last = (order & LAST_OR_WIDE) !== 0;
    store<u64>(Cpu.RCX, result === 0 ? count : last ? 31 - clz<u32>(result) : ctz<u32>(result));
  } else storeMask(result, order, count);
  setFlags(
    0x8d5,
    (result !== 0 ? 1 : 0) |
      (lengthB < count ? 0x40 : 0) |
      (lengthA < count ? 0x80 : 0) |
      ((result & 1) !== 0 ? 0x800 : 0),
  );
  return true;
}

/** A length that a register gives: its magnitude, at most all elements. */
function given(p: usize, register: usize, count: u32): u32 {
  const wide = (load<u8>(p, PREFIXES) & PREFIX_REX_W) !== 0;
  const value: i64 = wide ? load<i64>(register) : <i64>load<i32>(register);
  if (value > <i64>count || value < -(<i64>count)) return count;
  return <u32>abs<i64>(value);
}

/** A length that the first zero element ends. */
function implied(at: usize, order: u32, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    if (element(at, i, order & WORDS) === 0) return i;
  }
  return count;
}

function element(at: usize, i: u32, order: u32): i32 {
  if ((order & WORDS) !== 0) {
    return (order & SIGNED) !== 0 ? <i32>load<i16>(at + i * 2) : <i32>load<u16>(at + i * 2);
  }
  return (order & SIGNED) !== 0 ? <i32>load<i8>(at + i) : <i32>load<u8>(at + i);
}

/** Bit `i` of the intermediate result: what the second string's element `i` has to do with the first. */
function matches(a: usize, i: u32, order: u32, lengthA: u32, lengthB: u32, count: u32): bool {
  switch ((order >> 2) & 3) {
    case EQUAL_ANY:
      if (i >= lengthB) return false;
      for (let k: u32 = 0; k < lengthA; k++) {
        if (element(a, k, order) === element(B, i, order)) return true;
      }
      return false;
    case RANGES: {
      if (i >= lengthB) return false;
      const value = element(B, i, order);
      for (let k: u32 = 0; k + 1 < lengthA; k += 2) {
        if (value >= element(a, k, order) && value <= element(a, k + 1, order)) return true;
      }
      return false;
    }
    case EQUAL_EACH:
      // Two elements beyond the ends of their strings are equal.
      if (i >= lengthA || i >= lengthB) return i >= lengthA && i >= lengthB;
      return element(a, i, order) === element(B, i, order);
    default:
      // The first string as a part of the second, from `i` on, as far as the register shows.
      for (let k: u32 = 0; k < lengthA && i + k < count; k++) {
        if (i + k >= lengthB || element(a, k, order) !== element(B, i + k, order)) return false;
      }
      return true;
  }
}

function storeMask(result: u32, order: u32, count: u32): void {
  store<u64>(Cpu.XMM, 0);
  store<u64>(Cpu.XMM, 0, 8);
  if ((order & LAST_OR_WIDE) === 0) {
    store<u32>(Cpu.XMM, result);
    return;
  }
  const size = 16 / count;
  for (let i: u32 = 0; i < count; i++) {
    if (((result >> i) & 1) !== 0) memory.fill(Cpu.XMM + i * size, 0xff, size);
  }
}
