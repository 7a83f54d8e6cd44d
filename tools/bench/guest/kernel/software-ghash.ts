/**
 * In place of kernel/crypto/ghash.ts, GHASH without an instruction for it: byte by byte, by masks, so that
 * its time depends on no secret here either. SP 800-38D §6.4.
 */

/** H * x^0 to H * x^7, as two words each. */
const multiples: usize = memory.data(128, 8);
let high: u64 = 0;
let low: u64 = 0;

export function beginHash(key: usize): void {
  let keyHigh = bswap<u64>(load<u64>(key));
  let keyLow = bswap<u64>(load<u64>(key + 8));
  for (let i: usize = 0; i < 128; i += 16) {
    store<u64>(multiples + i, keyHigh);
    store<u64>(multiples + i, keyLow, 8);
    const carry = keyLow & 1;
    keyLow = (keyLow >> 1) | (keyHigh << 63);
    keyHigh = (keyHigh >> 1) ^ ((0 - carry) & 0xe100_0000_0000_0000);
  }
  high = 0;
  low = 0;
}

export function addToHash(from: usize, size: u32): void {
  for (let done: u32 = 0; done < size; done += 16) {
    high ^= word(from + done, size - done);
    if (size - done > 8) low ^= word(from + done + 8, size - done - 8);
    multiply();
  }
}

export function finishHash(authenticated: u32, encrypted: u32, out: usize): void {
  high ^= u64(authenticated) << 3;
  low ^= u64(encrypted) << 3;
  multiply();
  store<u64>(out, bswap<u64>(high));
  store<u64>(out + 8, bswap<u64>(low));
  memory.fill(multiples, 0, 128);
}

/** Eight bytes as a big-endian number, zeroes after the `size` that there are. */
function word(from: usize, size: u32): u64 {
  if (size >= 8) return bswap<u64>(load<u64>(from));
  let value: u64 = 0;
  for (let i: u32 = 0; i < 8; i++) value = (value << 8) | (i < size ? u64(load<u8>(from + i)) : 0);
  return value;
}

/** hash * H: for each byte, the highest power first, what is there by x^8, and the multiples of its bits. */
function multiply(): void {
  let a: u64 = 0;
  let b: u64 = 0;
  let mask: u64 = 0;
  for (let i: u64 = 0; i < 16; i++) {
    const byte = ((i < 8 ? low : high) >> ((i & 7) << 3)) & 0xff;
    const out = b << 56;
    b = (b >> 8) | (a << 56);
    a = (a >> 8) ^ out ^ (out >> 1) ^ (out >> 2) ^ (out >> 7);
    mask = 0 - ((byte >> 7) & 1);
    a ^= load<u64>(multiples, 0) & mask;
    b ^= load<u64>(multiples, 8) & mask;
    mask = 0 - ((byte >> 6) & 1);
    a ^= load<u64>(multiples, 16) & mask;
    b ^= load<u64>(multiples, 24) & mask;
    mask = 0 - ((byte >> 5) & 1);
    a ^= load<u64>(multiples, 32) & mask;
    b ^= load<u64>(multiples, 40) & mask;
    mask = 0 - ((byte >> 4) & 1);
    a ^= load<u64>(multiples, 48) & mask;
    b ^= load<u64>(multiples, 56) & mask;
    mask = 0 - ((byte >> 3) & 1);
    a ^= load<u64>(multiples, 64) & mask;
    b ^= load<u64>(multiples, 72) & mask;
    mask = 0 - ((byte >> 2) & 1);
    a ^= load<u64>(multiples, 80) & mask;
    b ^= load<u64>(multiples, 88) & mask;
    mask = 0 - ((byte >> 1) & 1);
    a ^= load<u64>(multiples, 96) & mask;
    b ^= load<u64>(multiples, 104) & mask;
    mask = 0 - ((byte >> 0) & 1);
    a ^= load<u64>(multiples, 112) & mask;
    b ^= load<u64>(multiples, 120) & mask;
  }
  high = a;
  low = b;
}
