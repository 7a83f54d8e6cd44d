/** Integers of 1024 bits in 32-bit limbs: products, and Montgomery's reduction of them. */

const LIMBS = 32;
const base = memory.data(128, 16);
const modulus = memory.data(128, 16);
const product = memory.data(264, 16);

function limb(array: usize, i: i32): u64 {
  return load<u32>(array + (i << 2));
}

/** target[at...] += factor * source, the carry into the limbs after it. */
function addMultiple(target: usize, source: usize, factor: u64, after: i32): void {
  let carry: u64 = 0;
  for (let i = 0; i < LIMBS; i++) {
    const sum = factor * limb(source, i) + limb(target, i) + carry;
    store<u32>(target + (i << 2), <u32>sum);
    carry = sum >> 32;
  }
  for (let i = LIMBS; carry && i < after; i++) {
    const sum = limb(target, i) + carry;
    store<u32>(target + (i << 2), <u32>sum);
    carry = sum >> 32;
  }
}

/** base = base * base / 2^1024 modulo the modulus, up to one modulus too much. */
function square(inverse: u32): void {
  memory.fill(product, 0, 264);
  for (let i = 0; i < LIMBS; i++) {
    addMultiple(product + (i << 2), base, limb(base, i), LIMBS + 1);
  }
  for (let i = 0; i < LIMBS; i++) {
    const factor = <u32>limb(product, i) * inverse;
    addMultiple(product + (i << 2), modulus, factor, 2 * LIMBS + 1 - i);
  }
  let borrow: i64 = 0;
  const reduces = limb(product, 2 * LIMBS) !== 0;
  for (let i = 0; i < LIMBS; i++) {
    const difference =
      <i64>limb(product, LIMBS + i) - (reduces ? <i64>limb(modulus, i) : 0) + borrow;
    store<u32>(base + (i << 2), <u32>difference);
    borrow = difference >> 32;
  }
}

/** -1 / x modulo 2^32 for an odd x, by Newton's iteration. */
function negativeInverse(x: u32): u32 {
  let y = x;
  for (let i = 0; i < 5; i++) y *= 2 - x * y;
  return 0 - y;
}

/** Squares `n` hundred times. */
export function run(n: i32): i32 {
  let random: u32 = 1;
  for (let i = 0; i < LIMBS; i++) {
    random = random * 1664525 + 1013904223;
    store<u32>(base + (i << 2), random);
    random = random * 1664525 + 1013904223;
    store<u32>(modulus + (i << 2), random | 1);
  }
  const inverse = negativeInverse(load<u32>(modulus));
  for (let i = 0; i < n * 100; i++) square(inverse);
  return load<i32>(base) ^ load<i32>(base + 124);
}
