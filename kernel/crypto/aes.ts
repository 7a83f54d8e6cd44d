/**
 * AES-256 by the CPU's own instructions, so that its time depends on no secret. FIPS 197.
 * Schedules and blocks are aligned to 16 bytes. Nothing here may be called by an interrupt handler:
 * the XMM registers that the instructions go through are not saved.
 */

import { aesenc, aesenclast } from '../cpu.ts';

export const KEY_SIZE: usize = 32;
export const BLOCK_SIZE: usize = 16;
/** Bytes of an expanded key: fifteen round keys. */
export const SCHEDULE_SIZE: usize = 240;

const scratch: usize = memory.data(16, 16);
const noKey: usize = memory.data(16, 16);

/** Expands the 32 bytes at `key` into the round keys at `schedule`. FIPS 197 §5.2. */
export function expandKey(key: usize, schedule: usize): void {
  memory.copy(schedule, key, KEY_SIZE);
  let constant: u32 = 1;
  for (let i: usize = KEY_SIZE; i < SCHEDULE_SIZE; i += 4) {
    const at = schedule + i;
    let word = load<u32>(at - 4);
    if ((i & 31) === 0) {
      word = rotr<u32>(substitute(word), 8) ^ constant;
      constant <<= 1;
    } else if ((i & 31) === 16) {
      word = substitute(word);
    }
    store<u32>(at, load<u32>(at - KEY_SIZE) ^ word);
  }
  memory.fill(scratch, 0, BLOCK_SIZE);
}

/** Encrypts the 16 bytes at `block` in place. */
export function encryptBlock(schedule: usize, block: usize): void {
  store<u64>(block, load<u64>(block) ^ load<u64>(schedule));
  store<u64>(block + 8, load<u64>(block + 8) ^ load<u64>(schedule + 8));
  const last = schedule + SCHEDULE_SIZE - BLOCK_SIZE;
  for (let key = schedule + BLOCK_SIZE; key < last; key += BLOCK_SIZE) aesenc(block, key);
  aesenclast(block, last);
}

/** SubWord: in a block of four equal columns ShiftRows changes nothing, and SubBytes is left. */
function substitute(word: u32): u32 {
  for (let i: usize = 0; i < BLOCK_SIZE; i += 4) store<u32>(scratch + i, word);
  aesenclast(scratch, noKey);
  return load<u32>(scratch);
}
