/** The calling instance's memory, as a WASI call may use it: every range is checked first. */

import { MemoryRecord } from '../../../../../spec/abi/handoff.ts';
import { load32 } from '../cpu.ts';
import { instanceAt } from '../exports.ts';
import { PAGE_SHIFT } from '../memory.ts';

/**
 * The address of `size` bytes at `pointer` in the memory of instance `instance`, or 0 if they do
 * not all lie in it. What holds of them: they can be read and written now and until it shrinks,
 * which it never does.
 */
export function guestRange(instance: u32, pointer: u32, size: u64): u64 {
  const record = instanceAt(instance).memory;
  if (record === 0) return 0;
  const memory = changetype<MemoryRecord>(record);
  const bytes = (<u64>memory.pages) << PAGE_SHIFT;
  return size <= bytes && <u64>pointer <= bytes - size ? memory.base + pointer : 0;
}

/** Of the i-th entry of an array of `iovec` or `ciovec` at `vectors`: its buffer, checked; 0 if bad. */
export function vectorAt(instance: u32, vectors: u64, i: u32): u64 {
  const entry = vectors + ((<u64>i) << 3);
  return guestRange(instance, load32(entry), load32(entry + 4));
}

/** How long that buffer is. */
export function vectorSize(vectors: u64, i: u32): u32 {
  return load32(vectors + ((<u64>i) << 3) + 4);
}
