/** GHASH by carry-less multiplication, so that its time depends on no secret. SP 800-38D §6.4. */

import { pclmulqdq } from '../cpu.ts';

const product: usize = memory.data(16, 16);

/** H, and the hash so far: the first eight bytes of a block, as a big-endian number, are `high`. */
let keyHigh: u64 = 0;
let keyLow: u64 = 0;
let high: u64 = 0;
let low: u64 = 0;

/** Begins a hash with the subkey at `key`. */
export function beginHash(key: usize): void {
  keyHigh = bswap<u64>(load<u64>(key));
  keyLow = bswap<u64>(load<u64>(key + 8));
  high = 0;
  low = 0;
}

/** Adds `size` bytes, and zeroes up to a whole block. */
export function addToHash(from: usize, size: u32): void {
  let at = from;
  let left = size;
  for (; left >= 16; left -= 16) {
    addBlock(bswap<u64>(load<u64>(at)), bswap<u64>(load<u64>(at + 8)));
    at += 16;
  }
  if (left > 0) addBlock(partial(at, left), left > 8 ? partial(at + 8, left - 8) : 0);
}

/** Adds the two sizes, in bytes, stores the hash at `out` and forgets everything. */
export function finishHash(authenticated: u32, encrypted: u32, out: usize): void {
  addBlock(u64(authenticated) << 3, u64(encrypted) << 3);
  store<u64>(out, bswap<u64>(high));
  store<u64>(out + 8, bswap<u64>(low));
  keyHigh = 0;
  keyLow = 0;
  high = 0;
  low = 0;
  memory.fill(product, 0, 16);
}

/** Up to eight bytes as the beginning of a big-endian number. */
function partial(from: usize, size: u32): u64 {
  let word: u64 = 0;
  for (let i: u32 = 0; i < 8; i++) word = (word << 8) | (i < size ? u64(load<u8>(from + i)) : 0);
  return word;
}

/**
 * (hash + block) * H. GCM's numbers have their bits in reverse, so the product is shifted by one
 * before it is reduced by x^128 + x^7 + x^2 + x + 1.
 */
function addBlock(blockHigh: u64, blockLow: u64): void {
  const a = high ^ blockHigh;
  const b = low ^ blockLow;
  pclmulqdq(b, keyLow, product);
  const z0 = load<u64>(product);
  let z1 = load<u64>(product + 8);
  pclmulqdq(a, keyHigh, product);
  let z2 = load<u64>(product);
  const z3 = load<u64>(product + 8);
  pclmulqdq(a, keyLow, product);
  z1 ^= load<u64>(product);
  z2 ^= load<u64>(product + 8);
  pclmulqdq(b, keyHigh, product);
  z1 ^= load<u64>(product);
  z2 ^= load<u64>(product + 8);
  const v0 = z0 << 1;
  let v1 = (z1 << 1) | (z0 >> 63);
  let v2 = (z2 << 1) | (z1 >> 63);
  let v3 = (z3 << 1) | (z2 >> 63);
  v2 ^= v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7);
  v1 ^= (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
  v3 ^= v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
  v2 ^= (v1 << 63) ^ (v1 << 62) ^ (v1 << 57);
  high = v3;
  low = v2;
}
