/** Random numbers: a generator that is seeded, and seeded again, from the CPU's entropy. */

import { NO_RANDOM } from '../../spec/abi/termination.ts';
import { generate, instantiate, reseed } from '../crypto/drbg.ts';
import { panic } from '../panic.ts';
import { isEncrypted } from '../platform.ts';
import { forgetSeed, gatherSeed, seedAt } from './entropy.ts';

/** Requests that one seed is good for: far fewer than the 2^48 that SP 800-90A table 2 allows. */
const REQUESTS_PER_SEED: u32 = 1024;
/** Requests that the seed is still good for. */
let left: u32 = 0;
let seeded: bool = false;

/**
 * Stores `size` random bytes at `out`. Without any entropy that ends an encrypted guest, whose
 * secrets would not be any; elsewhere the answer is false.
 */
export function fillRandom(out: usize, size: u32): bool {
  if (left === 0 && !renewSeed()) {
    if (isEncrypted()) panic(NO_RANDOM);
    return false;
  }
  left--;
  generate(out, size);
  return true;
}

function renewSeed(): bool {
  const size = gatherSeed();
  if (size !== 0) {
    if (seeded) reseed(seedAt(), size);
    else instantiate(seedAt(), size);
    seeded = true;
    left = REQUESTS_PER_SEED;
  }
  forgetSeed();
  return size !== 0;
}
