/**
 * Entropy: from the CPU's own generators and nothing else. No host is asked, and what a host could
 * time or count is not used. Each sample passes the tests of a source that is stuck: 64 bits that are
 * all zero, all one, or those of the sample before are what a broken generator gives (CVE-2025-62626).
 */

import {
  EBX_RDSEED,
  ECX_RDRAND,
  LEAF_FEATURES,
  LEAF_STRUCTURED_FEATURES,
} from '../../spec/cpuid.ts';
import { rdrand64, rdseed64 } from '../cpu.ts';
import { cpuidWord, EBX, ECX } from '../cpuid.ts';

/** Samples of a seed: twice what the generator's strength of 256 bits and its nonce need. */
const SAMPLES: u32 = 12;
/** Bytes of the most that a seed may be: both sources. */
const SEED_SIZE: usize = 192;
/** Times that a generator may have nothing to give, or what it should not give, in one seed. */
const EMPTY_MAX: u32 = 10_000;
const REJECTED_MAX: u32 = 8;
const ALL_ONES: u64 = 0xffff_ffff_ffff_ffff;

const seed: usize = memory.data(192, 8);
const sample: usize = memory.data(8, 8);

/**
 * Gathers a seed, to be found at {@link seedAt}: what RDSEED gives, or RDRAND, or both. Returns its
 * size in bytes, 0 if neither is there and healthy.
 */
export function gatherSeed(): usize {
  let size: usize = 0;
  if ((cpuidWord(LEAF_STRUCTURED_FEATURES, EBX) & EBX_RDSEED) !== 0) size += gather(size, true);
  if ((cpuidWord(LEAF_FEATURES, ECX) & ECX_RDRAND) !== 0) size += gather(size, false);
  return size;
}

export function seedAt(): usize {
  return seed;
}

export function forgetSeed(): void {
  memory.fill(seed, 0, SEED_SIZE);
  store<u64>(sample, 0);
}

/** Appends {@link SAMPLES} samples of one source. Bytes added: all or none. */
function gather(offset: usize, fromSeed: bool): usize {
  let before: u64 = 0;
  let taken: u32 = 0;
  let empty: u32 = 0;
  let rejected: u32 = 0;
  while (taken < SAMPLES) {
    if ((fromSeed ? rdseed64(sample) : rdrand64(sample)) === 0) {
      empty++;
      if (empty === EMPTY_MAX) return 0;
      continue;
    }
    const bits = load<u64>(sample);
    if (bits === 0 || bits === ALL_ONES || bits === before) {
      rejected++;
      if (rejected === REJECTED_MAX) return 0;
      continue;
    }
    before = bits;
    store<u64>(seed + offset + (taken << 3), bits);
    taken++;
  }
  return usize(SAMPLES << 3);
}
