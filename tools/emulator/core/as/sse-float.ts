/**
 * SSE's floating-point arithmetic, comparisons and conversions. APM4 §1; NaNs as APM1 §4.5.2 says.
 *
 * Rounding is to nearest, exceptions are masked, denormals are kept: what MXCSR says after reset,
 * and what compiled WebAssembly runs with. Another MXCSR is not built. Of its exception flags, invalid
 * and division by zero are kept.
 */

import { AVX_NONE, ROW_AVX, ROW_SOURCE } from '../row-format';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { missing } from './fault';
import { setFlags } from './flags';
import { failed, get1, writeRegister } from './operand';
import { DESTINATION, IMMEDIATE, rowOf } from './record';
import { destination, source } from './sse-operand';

const MISSING_MXCSR: u32 = 11;

/** Rounding control, flush to zero, denormals are zero; and the masks, all six of them set. */
const MODES: u32 = 0xe040;
const MASKS: u32 = 0x1f80;
const INVALID: u32 = 0x1;
const ZERO_DIVIDE: u32 = 0x4;

const NAN32: u32 = 0xffc0_0000;
const NAN64: u64 = 0xfff8_0000_0000_0000;
const QUIET32: u32 = 0x40_0000;
const QUIET64: u64 = 0x8_0000_0000_0000;

/** Operations of {@link single} and {@link double}. */
export const ADD: u32 = 0;
export const SUB: u32 = 1;
export const MUL: u32 = 2;
export const DIV: u32 = 3;
const MIN: u32 = 4;
const MAX: u32 = 5;
export const SQRT: u32 = 6;
const RECIPROCAL: u32 = 7;
const RECIPROCAL_SQRT: u32 = 8;

function signal(flag: u32): void {
  store<u32>(Cpu.MXCSR, load<u32>(Cpu.MXCSR) | flag);
}

function isNan32(bits: u32): bool {
  return (bits & 0x7fff_ffff) > 0x7f80_0000;
}

function isNan64(bits: u64): bool {
  return (bits & 0x7fff_ffff_ffff_ffff) > 0x7ff0_0000_0000_0000;
}

function signals32(bits: u32): bool {
  return isNan32(bits) && (bits & QUIET32) === 0;
}

function signals64(bits: u64): bool {
  return isNan64(bits) && (bits & QUIET64) === 0;
}

/**
 * RCPPS and RSQRTPS, for which the manual allows an error of 1.5 · 2^-12 and takes denormals for
 * zeros: here they are as exact as a division. They raise no exception. APM4, RCPPS
 */
function reciprocal(root: bool, bits: u32): u32 {
  if (isNan32(bits)) return bits | QUIET32;
  const magnitude = bits & 0x7fff_ffff;
  const negative = bits & 0x8000_0000;
  if (magnitude < 0x80_0000) return negative | 0x7f80_0000;
  if (root && negative !== 0) return NAN32;
  const x = reinterpret<f32>(bits);
  const result = reinterpret<u32>(root ? <f32>(1 / sqrt<f64>(<f64>x)) : <f32>1 / x);
  return (result & 0x7fff_ffff) < 0x80_0000 ? negative : result;
}

/** One operation on single-precision bit patterns. */
export function single(operation: u32, a: u32, b: u32): u32 {
  if (operation >= RECIPROCAL) return reciprocal(operation === RECIPROCAL_SQRT, b);
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  if (operation === MIN || operation === MAX) {
    // The second operand, unless the comparison says otherwise: with a NaN, with two zeros.
    if (isNan32(a) || isNan32(b)) signal(INVALID);
    return (operation === MIN ? x < y : x > y) ? a : b;
  }
  if (signals32(b) || (operation !== SQRT && signals32(a))) signal(INVALID);
  if (operation === SQRT) {
    if (isNan32(b)) return b | QUIET32;
    if (y < 0) {
      signal(INVALID);
      return NAN32;
    }
    return reinterpret<u32>(sqrt<f32>(y));
  }
  if (isNan32(a)) return a | QUIET32;
  if (isNan32(b)) return b | QUIET32;
  let r: f32;
  if (operation === ADD) r = x + y;
  else if (operation === SUB) r = x - y;
  else if (operation === MUL) r = x * y;
  else {
    if (y === 0 && x !== 0 && (a & 0x7fff_ffff) !== 0x7f80_0000) signal(ZERO_DIVIDE);
    r = x / y;
  }
  const bits = reinterpret<u32>(r);
  if (!isNan32(bits)) return bits;
  signal(INVALID);
  return NAN32;
}

/** The same in double precision. */
export function double(operation: u32, a: u64, b: u64): u64 {
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  if (operation === MIN || operation === MAX) {
    if (isNan64(a) || isNan64(b)) signal(INVALID);
    return (operation === MIN ? x < y : x > y) ? a : b;
  }
  if (signals64(b) || (operation !== SQRT && signals64(a))) signal(INVALID);
  if (operation === SQRT) {
    if (isNan64(b)) return b | QUIET64;
    if (y < 0) {
      signal(INVALID);
      return NAN64;
    }
    return reinterpret<u64>(sqrt<f64>(y));
  }
  if (isNan64(a)) return a | QUIET64;
  if (isNan64(b)) return b | QUIET64;
  let r: f64;
  if (operation === ADD) r = x + y;
  else if (operation === SUB) r = x - y;
  else if (operation === MUL) r = x * y;
  else {
    const finite = (a & 0x7fff_ffff_ffff_ffff) !== 0x7ff0_0000_0000_0000;
    if (y === 0 && x !== 0 && finite) signal(ZERO_DIVIDE);
    r = x / y;
  }
  const bits = reinterpret<u64>(r);
  if (!isNan64(bits)) return bits;
  signal(INVALID);
  return NAN64;
}

/** Whether MXCSR is one that is built; if not, the instruction ends. */
export function built(): bool {
  const mxcsr = load<u32>(Cpu.MXCSR);
  if ((mxcsr & MODES) === 0 && (mxcsr & MASKS) === MASKS) return true;
  missing(MISSING_MXCSR);
  return false;
}

/** Carries out an effect of this file. False if `effect` is none of them. */
export function sseFloat(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.ADDSS:
    case Effect.ADDSD:
    case Effect.ADDPS:
    case Effect.ADDPD:
      arithmetic(p, ADD, n, effect === Effect.ADDSS || effect === Effect.ADDPS);
      return true;
    case Effect.SUBSS:
    case Effect.SUBSD:
    case Effect.SUBPS:
    case Effect.SUBPD:
      arithmetic(p, SUB, n, effect === Effect.SUBSS || effect === Effect.SUBPS);
      return true;
    case Effect.MULSS:
    case Effect.MULSD:
    case Effect.MULPS:
    case Effect.MULPD:
      arithmetic(p, MUL, n, effect === Effect.MULSS || effect === Effect.MULPS);
      return true;
    case Effect.DIVSS:
    case Effect.DIVSD:
    case Effect.DIVPS:
    case Effect.DIVPD:
      arithmetic(p, DIV, n, effect === Effect.DIVSS || effect === Effect.DIVPS);
      return true;
    case Effect.MINSS:
    case Effect.MINSD:
    case Effect.MINPS:
    case Effect.MINPD:
      arithmetic(p, MIN, n, effect === Effect.MINSS || effect === Effect.MINPS);
      return true;
    case Effect.MAXSS:
    case Effect.MAXSD:
    case Effect.MAXPS:
    case Effect.MAXPD:
      arithmetic(p, MAX, n, effect === Effect.MAXSS || effect === Effect.MAXPS);
      return true;
    case Effect.SQRTSS:
    case Effect.SQRTSD:
    case Effect.SQRTPS:
    case Effect.SQRTPD:
      arithmetic(p, SQRT, n, effect === Effect.SQRTSS || effect === Effect.SQRTPS);
      return true;
    case Effect.RCPSS:
    case Effect.RCPPS:
      arithmetic(p, RECIPROCAL, n, true);
      return true;
    case Effect.RSQRTSS:
    case Effect.RSQRTPS:
      arithmetic(p, RECIPROCAL_SQRT, n, true);
      return true;
    case Effect.CMPSS:
    case Effect.CMPSD_XMM:
    case Effect.CMPPS:
    case Effect.CMPPD:
      compareMask(p, n, effect === Effect.CMPSS || effect === Effect.CMPPS);
      return true;
    case Effect.UCOMISS:
    case Effect.UCOMISD:
    case Effect.COMISS:
    case Effect.COMISD:
      compareFlags(p, n, effect === Effect.COMISS || effect === Effect.COMISD);
      return true;
    case Effect.ROUNDSS:
    case Effect.ROUNDSD:
    case Effect.ROUNDPS:
    case Effect.ROUNDPD:
      round(p, n, effect === Effect.ROUNDSS || effect === Effect.ROUNDPS);
      return true;
    case Effect.DPPS:
    case Effect.DPPD:
      dotProduct(p, effect === Effect.DPPS);
      return true;
    default:
      return convert(p, effect, n);
  }
}

/** ROUNDxx: to nearest, down, up or towards zero; bit 2 of the immediate leaves it to MXCSR, which says nearest. */
function round(p: usize, n: u32, singles: bool): void {
  const from = source(p, n, true);
  if (from === 0 || !built()) return;
  const to = destination(p);
  const order = <u32>load<u64>(p, IMMEDIATE);
  const mode = (order & 4) !== 0 ? 0 : order & 3;
  for (let i: usize = 0; i < n; i += singles ? 4 : 8) {
    if (singles) {
      const bits = load<u32>(from + i);
      if (signals32(bits)) signal(INVALID);
      const value = <f64>reinterpret<f32>(bits);
      store<u32>(
        to + i,
        isNan32(bits) ? bits | QUIET32 : reinterpret<u32>(<f32>rounded(value, mode)),
      );
    } else {
      const bits = load<u64>(from + i);
      if (signals64(bits)) signal(INVALID);
      const value = reinterpret<f64>(bits);
      store<u64>(to + i, isNan64(bits) ? bits | QUIET64 : reinterpret<u64>(rounded(value, mode)));
    }
  }
}

function rounded(value: f64, mode: u32): f64 {
  if (mode === 0) return nearest(value);
  if (mode === 1) return floor(value);
  return mode === 2 ? ceil(value) : trunc(value);
}

/** DPPS, DPPD: products of the lanes in the immediate's high half, their sum to those in its low half. */
function dotProduct(p: usize, singles: bool): void {
  const from = source(p, 16, true);
  if (from === 0 || !built()) return;
  const to = destination(p);
  const order = <u32>load<u64>(p, IMMEDIATE);
  if (singles) {
    const low = single(ADD, product32(to, from, 0, order), product32(to, from, 1, order));
    const high = single(ADD, product32(to, from, 2, order), product32(to, from, 3, order));
    const sum = single(ADD, low, high);
    for (let i: u32 = 0; i < 4; i++) {
      store<u32>(to + (i << 2), ((order >> i) & 1) !== 0 ? sum : 0);
    }
    return;
  }
  const low = (order & 0x10) !== 0 ? double(MUL, load<u64>(to), load<u64>(from)) : 0;
  const high = (order & 0x20) !== 0 ? double(MUL, load<u64>(to, 8), load<u64>(from, 8)) : 0;
  const sum = double(ADD, low, high);
  store<u64>(to, (order & 1) !== 0 ? sum : 0);
  store<u64>(to, (order & 2) !== 0 ? sum : 0, 8);
}

function product32(a: usize, b: usize, lane: u32, order: u32): u32 {
  if (((order >> (4 + lane)) & 1) === 0) return 0;
  return single(MUL, load<u32>(a + (lane << 2)), load<u32>(b + (lane << 2)));
}

/** `n` bytes of lanes: one lane for the scalar forms, 16 bytes for the packed ones. */
function arithmetic(p: usize, operation: u32, n: u32, singles: bool): void {
  const from = source(p, n, true);
  if (from === 0 || !built()) return;
  const to = destination(p);
  if (singles) {
    for (let i: usize = 0; i < n; i += 4) {
      store<u32>(to + i, single(operation, load<u32>(to + i), load<u32>(from + i)));
    }
  } else {
    for (let i: usize = 0; i < n; i += 8) {
      store<u64>(to + i, double(operation, load<u64>(to + i), load<u64>(from + i)));
    }
  }
}

function isUnordered(x: f64, y: f64): bool {
  return !(x <= y) && !(x > y);
}

/**
 * Predicates of CMPxx: eq lt le unord neq nlt nle ord; from 8 on, with AVX, those that differ from them for
 * NaNs: eq-or-unordered nge ngt false, and their opposites.
 */
function holds(predicate: u32, x: f64, y: f64): bool {
  let is: bool;
  switch (predicate & 3) {
    case 0:
      is = x === y;
      break;
    case 1:
      is = x < y;
      break;
    case 2:
      is = x <= y;
      break;
    default:
      is = false;
  }
  const isUnion = (predicate & 8) !== 0 ? (predicate & 3) !== 3 : (predicate & 3) === 3;
  if (isUnion && isUnordered(x, y)) is = true;
  return is !== ((predicate & 4) !== 0);
}

function compareMask(p: usize, n: u32, singles: bool): void {
  const from = source(p, n, true);
  if (from === 0 || !built()) return;
  const to = destination(p);
  const isAvx = load<u8>(rowOf(p), ROW_AVX) !== AVX_NONE;
  const predicate = <u32>load<u64>(p, IMMEDIATE) & (isAvx ? 31 : 7);
  const signals = (predicate & 3) === 1 || (predicate & 3) === 2;
  const quiet = signals === ((predicate & 16) !== 0);
  for (let i: usize = 0; i < n; i += singles ? 4 : 8) {
    if (singles) {
      const a = load<u32>(to + i);
      const b = load<u32>(from + i);
      noteInvalid(signals32(a) || signals32(b), isNan32(a) || isNan32(b), quiet);
      const is = holds(predicate, <f64>reinterpret<f32>(a), <f64>reinterpret<f32>(b));
      store<u32>(to + i, is ? 0xffff_ffff : 0);
    } else {
      const a = load<u64>(to + i);
      const b = load<u64>(from + i);
      noteInvalid(signals64(a) || signals64(b), isNan64(a) || isNan64(b), quiet);
      const is = holds(predicate, reinterpret<f64>(a), reinterpret<f64>(b));
      store<u64>(to + i, is ? <u64>-1 : 0);
    }
  }
}

function noteInvalid(signalling: bool, nan: bool, quiet: bool): void {
  if (signalling || (nan && !quiet)) signal(INVALID);
}

/** ZF PF CF of UCOMISD: unordered 111, greater 000, less 001, equal 100; OF, AF and SF clear. */
export function orderFlags(a: u64, b: u64): u32 {
  noteInvalid(signals64(a) || signals64(b), false, true);
  return flagsOf(reinterpret<f64>(a), reinterpret<f64>(b));
}

function flagsOf(x: f64, y: f64): u32 {
  return isUnordered(x, y) ? 0x45 : x > y ? 0 : x < y ? 0x01 : 0x40;
}

/** UCOMISS, UCOMISD, COMISS, COMISD: the last two take every NaN for invalid. */
function compareFlags(p: usize, n: u32, ordered: bool): void {
  const from = source(p, n, false);
  if (from === 0 || !built()) return;
  const at = destination(p);
  if (n === 8) {
    const a = load<u64>(at);
    const b = load<u64>(from);
    noteInvalid(false, isNan64(a) || isNan64(b), !ordered);
    setFlags(0x8d5, orderFlags(a, b));
    return;
  }
  const a = load<u32>(at);
  const b = load<u32>(from);
  noteInvalid(signals32(a) || signals32(b), isNan32(a) || isNan32(b), !ordered);
  setFlags(0x8d5, flagsOf(<f64>reinterpret<f32>(a), <f64>reinterpret<f32>(b)));
}

function convert(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.CVTSI2SS:
    case Effect.CVTSI2SD: {
      const value = get1(p, n);
      if (failed() || !built()) return true;
      const integer: i64 = n === 8 ? <i64>value : <i64>(<i32>value);
      if (effect === Effect.CVTSI2SD) store<f64>(destination(p), <f64>integer);
      else store<f32>(destination(p), n === 8 ? <f32>integer : <f32>(<i32>integer));
      return true;
    }
    case Effect.CVTTSS2SI:
    case Effect.CVTTSD2SI:
    case Effect.CVTSS2SI:
    case Effect.CVTSD2SI: {
      const bytes: u32 = load<u8>(rowOf(p), ROW_SOURCE) === 16 ? 4 : load<u8>(rowOf(p), ROW_SOURCE);
      const from = source(p, bytes, false);
      if (from === 0 || !built()) return true;
      const value = bytes === 4 ? <f64>load<f32>(from) : load<f64>(from);
      const truncates = effect === Effect.CVTTSS2SI || effect === Effect.CVTTSD2SI;
      writeRegister(
        load<u8>(p, DESTINATION),
        n,
        toInteger(truncates ? trunc(value) : nearest(value), n),
      );
      return true;
    }
    case Effect.CVTSS2SD: {
      const from = source(p, 4, false);
      if (from !== 0 && built()) store<u64>(destination(p), widen(load<u32>(from)));
      return true;
    }
    case Effect.CVTSD2SS: {
      const from = source(p, 8, false);
      if (from !== 0 && built()) store<u32>(destination(p), narrow(load<u64>(from)));
      return true;
    }
    case Effect.CVTPS2PD: {
      const from = source(p, 8, false);
      if (from === 0 || !built()) return true;
      const low = widen(load<u32>(from));
      const high = widen(load<u32>(from, 4));
      store<u64>(destination(p), low);
      store<u64>(destination(p), high, 8);
      return true;
    }
    case Effect.CVTPD2PS: {
      const from = source(p, 16, true);
      if (from === 0 || !built()) return true;
      const low = narrow(load<u64>(from));
      const high = narrow(load<u64>(from, 8));
      const to = destination(p);
      store<u32>(to, low);
      store<u32>(to, high, 4);
      store<u64>(to, 0, 8);
      return true;
    }
    case Effect.CVTDQ2PS: {
      const from = source(p, 16, true);
      if (from === 0 || !built()) return true;
      v128.store(destination(p), f32x4.convert_i32x4_s(v128.load(from)));
      return true;
    }
    case Effect.CVTDQ2PD: {
      const from = source(p, 8, false);
      if (from === 0 || !built()) return true;
      const low = load<i32>(from);
      const high = load<i32>(from, 4);
      store<f64>(destination(p), <f64>low);
      store<f64>(destination(p), <f64>high, 8);
      return true;
    }
    case Effect.CVTPS2DQ:
    case Effect.CVTTPS2DQ: {
      const from = source(p, 16, true);
      if (from === 0 || !built()) return true;
      for (let i: usize = 0; i < 16; i += 4) {
        const value = <f64>load<f32>(from + i);
        const whole = effect === Effect.CVTTPS2DQ ? trunc(value) : nearest(value);
        store<u32>(destination(p) + i, <u32>toInteger(whole, 4));
      }
      return true;
    }
    case Effect.CVTPD2DQ:
    case Effect.CVTTPD2DQ: {
      const from = source(p, 16, true);
      if (from === 0 || !built()) return true;
      const truncates = effect === Effect.CVTTPD2DQ;
      const a = load<f64>(from);
      const b = load<f64>(from, 8);
      const low = toInteger(truncates ? trunc(a) : nearest(a), 4);
      const high = toInteger(truncates ? trunc(b) : nearest(b), 4);
      store<u64>(destination(p), (low & 0xffff_ffff) | (high << 32));
      store<u64>(destination(p), 0, 8);
      return true;
    }
    default:
      return false;
  }
}

/** What does not fit becomes the integer indefinite, 80…0. */
export function toInteger(value: f64, n: u32): u64 {
  const limit: f64 = n === 8 ? 9223372036854775808.0 : 2147483648.0;
  if (value >= -limit && value < limit) return <u64>(<i64>value);
  signal(INVALID);
  return n === 8 ? 0x8000_0000_0000_0000 : 0x8000_0000;
}

function widen(bits: u32): u64 {
  if (signals32(bits)) signal(INVALID);
  if (!isNan32(bits)) return reinterpret<u64>(<f64>reinterpret<f32>(bits));
  const payload = (<u64>(bits & 0x3f_ffff)) << 29;
  return ((<u64>(bits >> 31)) << 63) | 0x7ff8_0000_0000_0000 | payload;
}

function narrow(bits: u64): u32 {
  if (signals64(bits)) signal(INVALID);
  if (!isNan64(bits)) return reinterpret<u32>(<f32>reinterpret<f64>(bits));
  const payload = <u32>(bits >> 29) & 0x3f_ffff;
  return ((<u32>(bits >> 63)) << 31) | 0x7fc0_0000 | payload;
}
