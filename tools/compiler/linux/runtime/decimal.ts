/**
 * Floating-point numbers in decimal, exactly, with integers only.
 *
 * Out: the shortest digits that read back as the same number of the same width, in JavaScript's
 * notation (ECMA-262 Number::toString), `-0`, `NaN`, `Infinity`. An f32 has the digits that an f32
 * needs: 0.1 for 0.1f, where JavaScript, which knows doubles only, shows 0.10000000149011612.
 * In: digits with a point and an exponent, or `nan`, `inf`, `infinity` in either case; rounded to
 * the nearest number, ties to even.
 *
 * A format is told by the bits of its stored mantissa: 23 for f32, 52 for f64.
 */

import {
  add,
  bitLength,
  compare,
  copyNumber,
  multiplyAdd,
  multiplyByPowerOfTen,
  setNumber,
  shiftLeft,
  subtract,
} from './bignum.ts';

const A: usize = memory.data(608, 8);
const B: usize = memory.data(608, 8);
const HIGH: usize = memory.data(608, 8);
const LOW: usize = memory.data(608, 8);
const SUM: usize = memory.data(608, 8);

const digits: usize = memory.data(32, 8);
const text: usize = memory.data(48, 8);

/** The exponent bits of a format. */
function exponentBits(mantissaBits: u32): u32 {
  return mantissaBits === 52 ? 11 : 8;
}

let length: u32 = 0;

/** The text of a number: ASCII at the address returned, {@link formattedSize} bytes. */
export function formatFloat(bits: u64, mantissaBits: u32): usize {
  length = 0;
  const width = exponentBits(mantissaBits);
  const exponent = <u32>(bits >> mantissaBits) & ((1 << width) - 1);
  const fraction = bits & (((<u64>1) << mantissaBits) - 1);
  const special = exponent === (1 << width) - 1;
  if (special && fraction !== 0) {
    put('NaN');
    return text;
  }
  if ((bits >> (mantissaBits + width)) & 1) put('-');
  if (special) put('Infinity');
  else if (exponent === 0 && fraction === 0) put('0');
  else {
    const point = shortestDigits(fraction, exponent, mantissaBits);
    layOut(point);
  }
  return text;
}

export function formattedSize(): u32 {
  return length;
}

function put(characters: string): void {
  for (let i = 0; i < characters.length; i++) putByte(characters.charCodeAt(i));
}

function putByte(byte: u32): void {
  store<u8>(text + length, byte);
  length += 1;
}

let count: i32 = 0;

/**
 * Steele and White's and Dragon4's free-format algorithm: A/B is the number, HIGH/B and LOW/B are
 * half the distances to its neighbours. Leaves `count` digits; the number is 0.DIGITS * 10^result.
 */
function shortestDigits(fraction: u64, exponent: u32, mantissaBits: u32): i32 {
  const bias = (1 << (exponentBits(mantissaBits) - 1)) - 1;
  const normal = exponent !== 0;
  const mantissa = normal ? fraction | ((<u64>1) << mantissaBits) : fraction;
  const power = <i32>(normal ? exponent : 1) - bias - <i32>mantissaBits;
  // At a power of two the neighbour below is half as far as the one above.
  const uneven = normal && fraction === 0 && exponent > 1;
  const inclusive = (mantissa & 1) === 0;
  setNumber(A, mantissa);
  setNumber(B, 1);
  setNumber(LOW, 1);
  const doubled: u32 = uneven ? 2 : 1;
  if (power >= 0) {
    shiftLeft(A, power + doubled);
    shiftLeft(LOW, power);
    shiftLeft(B, doubled);
  } else {
    shiftLeft(A, doubled);
    shiftLeft(B, <u32>-power + doubled);
  }
  copyNumber(HIGH, LOW);
  if (uneven) shiftLeft(HIGH, 1);
  const point = scale(inclusive);
  generate(inclusive);
  return point;
}

/** Multiplies so that the first digit comes next: the place of the decimal point before the digits. */
function scale(inclusive: bool): i32 {
  // log10(2) = 0.30103; the estimate is right or one too small.
  const bits = <i32>bitLength(A) - <i32>bitLength(B);
  let point = (bits - 1) * 30103;
  point = point >= 0 ? point / 100000 + 1 : -(-point / 100000);
  point -= 1;
  if (point >= 0) {
    multiplyByPowerOfTen(B, point);
  } else {
    multiplyByPowerOfTen(A, -point);
    multiplyByPowerOfTen(HIGH, -point);
    multiplyByPowerOfTen(LOW, -point);
  }
  while (reachesOne(inclusive)) {
    multiplyAdd(B, 10, 0);
    point += 1;
  }
  return point;
}

/** Whether the number, or what rounds to it, is at least 1. */
function reachesOne(inclusive: bool): bool {
  copyNumber(SUM, A);
  add(SUM, HIGH);
  const order = compare(SUM, B);
  return inclusive ? order >= 0 : order > 0;
}

function generate(inclusive: bool): void {
  count = 0;
  while (true) {
    multiplyAdd(A, 10, 0);
    multiplyAdd(HIGH, 10, 0);
    multiplyAdd(LOW, 10, 0);
    let digit: u32 = 0;
    while (compare(A, B) >= 0) {
      subtract(A, B);
      digit += 1;
    }
    const below = compare(A, LOW);
    const lowEnough = inclusive ? below <= 0 : below < 0;
    const highEnough = reachesOne(inclusive);
    if (lowEnough || highEnough) {
      shiftLeft(A, 1);
      const half = compare(A, B);
      const up =
        lowEnough && highEnough ? half > 0 || (half === 0 && (digit & 1) === 1) : highEnough;
      store<u8>(digits + count, up ? digit + 1 : digit);
      count += 1;
      return;
    }
    store<u8>(digits + count, digit);
    count += 1;
  }
}

/** Number::toString, steps 6 to 12: `point` is the specification's n, `count` its k. */
function layOut(point: i32): void {
  if (point > 21 || point <= -6) {
    putDigits(0, 1);
    if (count > 1) put('.');
    putDigits(1, count);
    put(point > 0 ? 'e+' : 'e-');
    putExponent(point > 0 ? point - 1 : 1 - point);
  } else if (point <= 0) {
    put('0.');
    for (let i = point; i < 0; i++) put('0');
    putDigits(0, count);
  } else {
    putDigits(0, min(point, count));
    for (let i = count; i < point; i++) put('0');
    if (count > point) put('.');
    putDigits(point, count);
  }
}

function putDigits(from: i32, to: i32): void {
  for (let i = from; i < to; i++) putByte(0x30 + load<u8>(digits + i));
}

function putExponent(value: u32): void {
  if (value >= 10) putExponent(value / 10);
  putByte(0x30 + (value % 10));
}

/** More digits than this only tell whether the number is above a tie: 767 decide any double. */
const SIGNIFICANT_DIGITS: u32 = 800;

let failed: bool = false;

/** Whether the last {@link readFloat} met something that is not a number. */
export function readFailed(): bool {
  return failed;
}

/** The bits of the number that the `size` bytes at `from` spell. */
export function readFloat(from: usize, size: u32, mantissaBits: u32): u64 {
  failed = false;
  let at = from;
  const end = from + size;
  let sign: u64 = 0;
  if (at < end && (load<u8>(at) === 0x2d || load<u8>(at) === 0x2b)) {
    if (load<u8>(at) === 0x2d) sign = (<u64>1) << (mantissaBits + exponentBits(mantissaBits));
    at += 1;
  }
  const infinity = (((<u64>1) << exponentBits(mantissaBits)) - 1) << mantissaBits;
  if (isWord(at, end, 'inf') || isWord(at, end, 'infinity')) return sign | infinity;
  if (isWord(at, end, 'nan')) return sign | infinity | ((<u64>1) << (mantissaBits - 1));
  return sign | parseDigits(at, end, mantissaBits, infinity);
}

/** Whether the text is the lower-case `word`, in any case. */
function isWord(at: usize, end: usize, word: string): bool {
  if (end - at !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if ((load<u8>(at + i) | 0x20) !== word.charCodeAt(i)) return false;
  }
  return true;
}

function isDigit(at: usize, end: usize): bool {
  return at < end && <u32>load<u8>(at) - 0x30 < 10;
}

function parseDigits(at: usize, end: usize, mantissaBits: u32, infinity: u64): u64 {
  setNumber(A, 0);
  let significant: u32 = 0;
  let exponent: i32 = 0;
  let any = false;
  let afterPoint = false;
  let lost = false;
  while (true) {
    if (!afterPoint && at < end && load<u8>(at) === 0x2e) {
      afterPoint = true;
      at += 1;
      continue;
    }
    if (!isDigit(at, end)) break;
    const digit = <u32>load<u8>(at) - 0x30;
    at += 1;
    any = true;
    if (afterPoint) exponent -= 1;
    if (significant === SIGNIFICANT_DIGITS) {
      lost = lost || digit !== 0;
      exponent += 1;
    } else if (significant > 0 || digit !== 0) {
      multiplyAdd(A, 10, digit);
      significant += 1;
    }
  }
  if (any && at < end && (load<u8>(at) | 0x20) === 0x65) {
    at += 1;
    let negative = false;
    if (at < end && (load<u8>(at) === 0x2d || load<u8>(at) === 0x2b)) {
      negative = load<u8>(at) === 0x2d;
      at += 1;
    }
    any = isDigit(at, end);
    let written: i32 = 0;
    for (; isDigit(at, end); at += 1) {
      // Beyond every number that a line can hold the digits of.
      if (written < 10_000_000) written = written * 10 + load<u8>(at) - 0x30;
    }
    exponent += negative ? -written : written;
  }
  failed = !any || at !== end;
  if (failed || significant === 0) return 0;
  if (<i32>significant + exponent > 310) return infinity;
  if (<i32>significant + exponent < -345) return 0;
  if (lost) {
    multiplyAdd(A, 10, 1);
    exponent -= 1;
  }
  return round(exponent, mantissaBits, infinity);
}

/** The bits of the format's number nearest to A * 10^exponent. */
function round(exponent: i32, mantissaBits: u32, infinity: u64): u64 {
  setNumber(B, 1);
  if (exponent >= 0) multiplyByPowerOfTen(A, exponent);
  else multiplyByPowerOfTen(B, -exponent);
  const bias = (1 << (exponentBits(mantissaBits) - 1)) - 1;
  // A/B lies in [2^power, 2^(power + 2)); below the least normal number the step stays the same.
  let power = <i32>bitLength(A) - <i32>bitLength(B) - 1;
  if (power < 1 - bias) power = 1 - bias;
  // Make A/B the number in units of its last place: mantissaBits + 1 bits, or one more.
  const shift = <i32>mantissaBits - power;
  if (shift >= 0) shiftLeft(A, shift);
  else shiftLeft(B, -shift);
  const top: u64 = (<u64>1) << (mantissaBits + 1);
  let mantissa = divide();
  if (mantissa >= top) {
    const dropped = mantissa & 1;
    mantissa >>= 1;
    power += 1;
    // What was dropped counts one half, and the rest in A decides whether that is a tie.
    if (dropped !== 0 && (bitLength(A) !== 0 || (mantissa & 1) !== 0)) mantissa += 1;
  } else {
    shiftLeft(A, 1);
    const half = compare(A, B);
    if (half > 0 || (half === 0 && (mantissa & 1) !== 0)) mantissa += 1;
  }
  if (mantissa === top) {
    mantissa >>= 1;
    power += 1;
  }
  if (power > bias) return infinity;
  const hidden: u64 = (<u64>1) << mantissaBits;
  if (mantissa < hidden) return mantissa;
  return ((<u64>(power + bias)) << mantissaBits) | (mantissa - hidden);
}

/** The quotient A/B, which has at most 55 bits; A becomes the remainder. */
function divide(): u64 {
  let quotient: u64 = 0;
  copyNumber(SUM, B);
  let bits = <i32>bitLength(A) - <i32>bitLength(B);
  if (bits < 0) return 0;
  for (; bits >= 0; bits--) {
    copyNumber(SUM, B);
    shiftLeft(SUM, bits);
    quotient <<= 1;
    if (compare(A, SUM) >= 0) {
      subtract(A, SUM);
      quotient |= 1;
    }
  }
  return quotient;
}
