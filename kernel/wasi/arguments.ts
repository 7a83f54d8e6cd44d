/**
 * Arguments and environment: from the manifest, measured with the image. WASI, args and environ.
 * The leading `compartment` of each function is a constant of the link: which module is calling.
 */

import { compartmentInfo, copyOut, isInMemory } from '../compartment.ts';
import { load8 } from '../cpu.ts';
import { EFAULT, SUCCESS } from './errno.ts';

const word: usize = memory.data(4, 4);

export function args_sizes_get(_compartment: u32, count: u32, bytes: u32): u32 {
  const info = compartmentInfo();
  return storeSizes(count, info.argumentCount, bytes, info.argumentsSize);
}

export function args_get(_compartment: u32, pointers: u32, bytes: u32): u32 {
  const info = compartmentInfo();
  return storeStrings(info.arguments, info.argumentCount, info.argumentsSize, pointers, bytes);
}

export function environ_sizes_get(_compartment: u32, count: u32, bytes: u32): u32 {
  const info = compartmentInfo();
  return storeSizes(count, info.environmentCount, bytes, info.environmentSize);
}

export function environ_get(_compartment: u32, pointers: u32, bytes: u32): u32 {
  const info = compartmentInfo();
  const size = info.environmentSize;
  return storeStrings(info.environment, info.environmentCount, size, pointers, bytes);
}

function storeSizes(countAt: u32, count: u32, bytesAt: u32, bytes: u32): u32 {
  return storeWord(countAt, count) && storeWord(bytesAt, bytes) ? SUCCESS : EFAULT;
}

/** Copies `count` NUL-terminated strings, `bytes` bytes in all, and stores where each begins. */
function storeStrings(from: u64, count: u32, bytes: u32, pointers: u32, to: u32): u32 {
  if (!isInMemory(pointers, count << 2) || !copyOut(to, from, bytes)) return EFAULT;
  let offset: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    storeWord(pointers + (i << 2), to + offset);
    while (load8(from + u64(offset)) !== 0) offset++;
    offset++;
  }
  return SUCCESS;
}

function storeWord(at: u32, value: u32): bool {
  store<u32>(word, value);
  return copyOut(at, word, 4);
}
