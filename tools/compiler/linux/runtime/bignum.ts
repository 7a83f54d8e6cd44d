/**
 * Natural numbers of up to 4,864 bits, for exact decimal conversions: 152 words of 32 bits,
 * least significant first. Plain memory: the caller makes the room, `memory.data(BIGNUM_SIZE)`.
 *
 * The largest number met is 10 to the power of 800 + 345 times a little: 3,900 bits.
 */

const WORDS: usize = 152;
export const BIGNUM_SIZE: usize = 608;

export function setNumber(a: usize, value: u64): void {
  memory.fill(a, 0, BIGNUM_SIZE);
  store<u64>(a, value);
}

export function copyNumber(to: usize, from: usize): void {
  memory.copy(to, from, BIGNUM_SIZE);
}

/** a = a * factor + summand. */
export function multiplyAdd(a: usize, factor: u32, summand: u32): void {
  let carry: u64 = summand;
  for (let i: usize = 0; i < WORDS * 4; i += 4) {
    carry += <u64>load<u32>(a + i) * factor;
    store<u32>(a + i, <u32>carry);
    carry >>= 32;
  }
}

/** a = a * 10^exponent. */
export function multiplyByPowerOfTen(a: usize, exponent: u32): void {
  while (exponent >= 9) {
    multiplyAdd(a, 1_000_000_000, 0);
    exponent -= 9;
  }
  for (; exponent > 0; exponent--) multiplyAdd(a, 10, 0);
}

/** a = a << bits. */
export function shiftLeft(a: usize, bits: u32): void {
  const words: isize = <isize>(bits >>> 5);
  const rest: u64 = bits & 31;
  for (let i: isize = <isize>WORDS - 1; i >= 0; i--) {
    const from = i - words;
    const high: u64 = from >= 0 ? load<u32>(a + (from << 2)) : 0;
    const low: u64 = from > 0 ? load<u32>(a + ((from - 1) << 2)) : 0;
    store<u32>(a + (i << 2), <u32>((((high << 32) | low) << rest) >> 32));
  }
}

/** The number of bits up to the highest 1. */
export function bitLength(a: usize): u32 {
  for (let i = WORDS; i > 0; i--) {
    const word = load<u32>(a + ((i - 1) << 2));
    if (word !== 0) return <u32>(i << 5) - clz<u32>(word);
  }
  return 0;
}

/** Less than 0, 0 or greater than 0, as a is less than, equal to or greater than b. */
export function compare(a: usize, b: usize): i32 {
  for (let i = WORDS; i > 0; i--) {
    const x = load<u32>(a + ((i - 1) << 2));
    const y = load<u32>(b + ((i - 1) << 2));
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** a = a + b. */
export function add(a: usize, b: usize): void {
  let carry: u64 = 0;
  for (let i: usize = 0; i < WORDS * 4; i += 4) {
    carry += <u64>load<u32>(a + i) + load<u32>(b + i);
    store<u32>(a + i, <u32>carry);
    carry >>= 32;
  }
}

/** a = a - b, where b is not greater. */
export function subtract(a: usize, b: usize): void {
  let borrow: i64 = 0;
  for (let i: usize = 0; i < WORDS * 4; i += 4) {
    borrow += <i64>load<u32>(a + i) - <i64>load<u32>(b + i);
    store<u32>(a + i, <u32>borrow);
    borrow >>= 32;
  }
}
