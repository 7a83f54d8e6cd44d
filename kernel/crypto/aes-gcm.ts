/**
 * AES-256-GCM with IVs of 12 bytes and tags of 16, in place, its time depending on sizes alone.
 * Needs {@link hasCipher}. SP 800-38D §7.
 */

import { ECX_AES, ECX_PCLMULQDQ, LEAF_FEATURES } from '../../spec/cpuid.ts';
import { cpuidWord, ECX } from '../cpuid.ts';
import { BLOCK_SIZE, encryptBlock } from './aes.ts';
import { addToHash, beginHash, finishHash } from './ghash.ts';

export const IV_SIZE: usize = 12;
export const TAG_SIZE: usize = 16;

const subkey: usize = memory.data(16, 16);
const counter: usize = memory.data(16, 16);
const pad: usize = memory.data(16, 16);
const computed: usize = memory.data(16, 16);

/** Whether this CPU has the instructions. Where the host answers CPUID, on its word. */
export function hasCipher(): bool {
  const needed = ECX_AES | ECX_PCLMULQDQ;
  return (cpuidWord(LEAF_FEATURES, ECX) & needed) === needed;
}

/**
 * Encrypts the `size` bytes at `text` by the expanded key at `schedule`, and stores at `tag` what
 * authenticates them and the `moreSize` bytes at `more`. An IV is never used twice with a key.
 */
export function seal(
  schedule: usize,
  iv: usize,
  more: usize,
  moreSize: u32,
  text: usize,
  size: u32,
  tag: usize,
): void {
  applyKeystream(schedule, iv, text, size);
  authenticate(schedule, iv, more, moreSize, text, size);
  memory.copy(tag, computed, TAG_SIZE);
  forget();
}

/**
 * Decrypts what {@link seal} made. False, and the text stays as it is, if it or what was
 * authenticated with it is not what was sealed.
 */
export function open(
  schedule: usize,
  iv: usize,
  more: usize,
  moreSize: u32,
  text: usize,
  size: u32,
  tag: usize,
): bool {
  authenticate(schedule, iv, more, moreSize, text, size);
  const difference =
    (load<u64>(tag) ^ load<u64>(computed)) | (load<u64>(tag + 8) ^ load<u64>(computed + 8));
  if (difference === 0) applyKeystream(schedule, iv, text, size);
  forget();
  return difference === 0;
}

/** The counter block number `n`: the IV, then the number. */
function startCounter(iv: usize, n: u32): void {
  memory.copy(counter, iv, IV_SIZE);
  store<u32>(counter + IV_SIZE, bswap<u32>(n));
}

function applyKeystream(schedule: usize, iv: usize, text: usize, size: u32): void {
  let n: u32 = 2; // number 1 is the tag's
  for (let done: u32 = 0; done < size; done += u32(BLOCK_SIZE)) {
    startCounter(iv, n);
    encryptBlock(schedule, counter);
    const at = text + done;
    if (size - done >= u32(BLOCK_SIZE)) {
      store<u64>(at, load<u64>(at) ^ load<u64>(counter));
      store<u64>(at + 8, load<u64>(at + 8) ^ load<u64>(counter + 8));
    } else {
      for (let i: u32 = 0; i < size - done; i++) {
        store<u8>(at + i, load<u8>(at + i) ^ load<u8>(counter + i));
      }
    }
    n++;
  }
}

/** The tag of the ciphertext at `text`, to `computed`. */
function authenticate(
  schedule: usize,
  iv: usize,
  more: usize,
  moreSize: u32,
  text: usize,
  size: u32,
): void {
  memory.fill(subkey, 0, BLOCK_SIZE);
  encryptBlock(schedule, subkey);
  beginHash(subkey);
  addToHash(more, moreSize);
  addToHash(text, size);
  finishHash(moreSize, size, computed);
  startCounter(iv, 1);
  memory.copy(pad, counter, BLOCK_SIZE);
  encryptBlock(schedule, pad);
  store<u64>(computed, load<u64>(computed) ^ load<u64>(pad));
  store<u64>(computed + 8, load<u64>(computed + 8) ^ load<u64>(pad + 8));
}

function forget(): void {
  memory.fill(subkey, 0, BLOCK_SIZE);
  memory.fill(counter, 0, BLOCK_SIZE);
  memory.fill(pad, 0, BLOCK_SIZE);
  memory.fill(computed, 0, TAG_SIZE);
}
