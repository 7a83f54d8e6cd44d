/** A sorted list of ranges of guest-physical memory that neither overlap nor wrap. */

import {
  MEMORY_MAP_BAD,
  MEMORY_MAP_OVERLAP,
  MEMORY_MAP_TOO_LONG,
} from '../../spec/abi/termination.ts';
import { panic } from '../panic.ts';

/** Start u64, end u64 (one past the last byte), RAM or not u32. */
const ENTRY_SIZE: u32 = 24;
const MAX_RANGES: u32 = 160;
const ranges: usize = memory.data(3840, 8);
let count: u32 = 0;

/** No memory that we can map lies beyond: the direct map is 64 TiB long. */
const LIMIT: u64 = 0x4000_0000_0000;

export function rangeCount(): u32 {
  return count;
}

export function rangeStart(i: u32): u64 {
  return load<u64>(ranges + i * ENTRY_SIZE);
}

export function rangeEnd(i: u32): u64 {
  return load<u64>(ranges + i * ENTRY_SIZE, 8);
}

export function rangeIsRam(i: u32): bool {
  return load<u32>(ranges + i * ENTRY_SIZE, 16) !== 0;
}

/**
 * Adds what the host says lies at `start`, `size` bytes long. Ends the guest if RAM wraps or lies
 * beyond the direct map, or if anything overlaps what was said before.
 */
export function addRange(start: u64, size: u64, ram: bool): void {
  if (size === 0) return;
  const end = start + size;
  if (end < start || (ram && end > LIMIT)) panic(MEMORY_MAP_BAD);
  let at = count;
  while (at > 0 && rangeStart(at - 1) > start) at--;
  if (at > 0 && rangeEnd(at - 1) > start) panic(MEMORY_MAP_OVERLAP);
  if (at < count && rangeStart(at) < end) panic(MEMORY_MAP_OVERLAP);
  insert(at, start, end, ram);
}

/** Takes whatever lies between `start` and `end` out of the list. */
export function excludeRange(start: u64, end: u64): void {
  let i: u32 = 0;
  while (i < count) {
    const from = rangeStart(i);
    const to = rangeEnd(i);
    if (to <= start || from >= end) {
      i++;
      continue;
    }
    const ram = rangeIsRam(i);
    remove(i);
    if (from < start) insert(i++, from, start, ram);
    if (to > end) insert(i++, end, to, ram);
  }
}

function insert(at: u32, start: u64, end: u64, ram: bool): void {
  if (count === MAX_RANGES) panic(MEMORY_MAP_TOO_LONG);
  const entry = ranges + at * ENTRY_SIZE;
  memory.copy(entry + ENTRY_SIZE, entry, (count - at) * ENTRY_SIZE);
  store<u64>(entry, start);
  store<u64>(entry, end, 8);
  store<u32>(entry, u32(ram), 16);
  count++;
}

function remove(at: u32): void {
  const entry = ranges + at * ENTRY_SIZE;
  count--;
  memory.copy(entry, entry + ENTRY_SIZE, (count - at) * ENTRY_SIZE);
}
