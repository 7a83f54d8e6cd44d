/** Linear memories: 8 GiB of address space each, of which the pages that exist can be touched. */

import { DataInfo, Executable, InstanceInfo } from '../../../../spec/abi/executable.ts';
import { MemoryRecord } from '../../../../spec/abi/handoff.ts';
import { copy } from './cpu.ts';
import { commit, reserve } from './system.ts';

/** Bytes in a page, as a shift. Wasm §4.2.8. */
export const PAGE_SHIFT: u64 = 16;

/**
 * An access reaches at most 4 GiB - 1 (address) + 2 GiB - 1 (displacement; larger offsets are added
 * first) + 16 bytes beyond the base.
 */
const RESERVATION: u64 = 8 << 30;

/** Reserves and fills the memory of each instance that has its own. False if Linux refuses. */
export function makeMemories(program: Executable): bool {
  for (let i: u32 = 0; i < program.instanceCount; i++) {
    const instance = changetype<InstanceInfo>(program.instances + i * <u32>InstanceInfo.SIZE);
    if (instance.ownsMemory !== 0 && !makeMemory(instance)) return false;
  }
  return true;
}

function makeMemory(instance: InstanceInfo): bool {
  const record = changetype<MemoryRecord>(instance.memory);
  const base = reserve(RESERVATION);
  if (base < 0 || commit(<u64>base, (<u64>record.pages) << PAGE_SHIFT) < 0) return false;
  record.base = <u64>base;
  for (let i: u32 = 0; i < instance.segmentCount; i++) {
    const segment = changetype<DataInfo>(instance.segments + i * <u32>DataInfo.SIZE);
    copy(<u64>base + segment.offset, segment.source, segment.size);
  }
  return true;
}

/**
 * What memory.grow calls: adds `delta` pages to the memory of `record`. Its size before, or -1
 * when its maximum is passed or Linux has no room.
 */
export function growMemory(record: usize, delta: u32): u32 {
  const memory = changetype<MemoryRecord>(record);
  const pages = memory.pages;
  if (<u64>pages + delta > memory.maxPages) return -1;
  const end = memory.base + ((<u64>pages) << PAGE_SHIFT);
  if (commit(end, (<u64>delta) << PAGE_SHIFT) < 0) return -1;
  memory.pages = pages + delta;
  return pages;
}
