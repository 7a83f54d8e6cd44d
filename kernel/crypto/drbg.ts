/**
 * HMAC_DRBG with SHA-256: the random numbers of the kernel and its programs. Chosen because it needs
 * nothing but integer arithmetic, takes seeds of any form, and has published vectors.
 * SP 800-90A §10.1.2.
 */

import { addToDigest, beginMac, DIGEST_SIZE, finishMac } from './sha-256.ts';

const key: usize = memory.data(32, 4);
const value: usize = memory.data(32, 4);
const separator: usize = memory.data(1);

/** Starts afresh from the `size` bytes at `seed`: entropy, then a nonce. */
export function instantiate(seed: usize, size: usize): void {
  memory.fill(key, 0, DIGEST_SIZE);
  memory.fill(value, 1, DIGEST_SIZE);
  update(seed, size);
}

/** Mixes in the `size` bytes of fresh entropy at `seed`. */
export function reseed(seed: usize, size: usize): void {
  update(seed, size);
}

/** Stores `size` random bytes at `out`, 64 KiB at most; what was given cannot be found again. */
export function generate(out: usize, size: u32): void {
  for (let done: u32 = 0; done < size; done += u32(DIGEST_SIZE)) {
    stepValue();
    memory.copy(out + done, value, min<u32>(size - done, u32(DIGEST_SIZE)));
  }
  update(0, 0);
}

function stepValue(): void {
  beginMac(key);
  addToDigest(value, DIGEST_SIZE);
  finishMac(key, value);
}

function update(data: usize, size: usize): void {
  mix(0, data, size);
  if (size !== 0) mix(1, data, size);
}

function mix(round: u8, data: usize, size: usize): void {
  store<u8>(separator, round);
  beginMac(key);
  addToDigest(value, DIGEST_SIZE);
  addToDigest(separator, 1);
  addToDigest(data, size);
  finishMac(key, key);
  stepValue();
}
