/**
 * Where RAM is: from PVH's memory map or IGVM's MEMORY_MAP parameter. Both are the host's word:
 * copied, then checked. No RAM is ever claimed where the image, a page of the launch or the VMSA
 * lies, whatever the map says.
 */

import { ENTRY_PVH } from '../../spec/abi/platform.ts';
import { MEMORY_MAP_BAD, MEMORY_MAP_TOO_LONG, OUT_OF_MEMORY } from '../../spec/abi/termination.ts';
import * as Igvm from '../../spec/igvm.ts';
import { IgvmMemoryMapEntry } from '../../spec/layouts/igvm.ts';
import { MemoryMapEntry, StartInfo } from '../../spec/layouts/pvh.ts';
import * as Pvh from '../../spec/pvh.ts';
import { copy } from '../cpu.ts';
import { bootRecord, imageInfo, imageRange, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';
import { addRun, FREE, IMAGE } from './frame-table.ts';
import { addRange, excludeRange, rangeCount, rangeEnd, rangeIsRam, rangeStart } from './ranges.ts';
import { peek } from './window.ts';

const PAGE: u64 = 0x1000;

/** Firmware's window below 4 GiB, APICs included: RAM is never there, and must not be claimed. */
const ROM_WINDOW: u64 = 0xfec0_0000;
const FOUR_GIB: u64 = 0x1_0000_0000;

/** One page: what IGVM's parameter is, and more than PVH's map ever fills. */
const MAP_BYTES: u32 = 4096;
const map: usize = memory.data(4096, 8);
const startInfo: usize = memory.data(56, 8);

/** Finds the RAM and enters its frames, and those of the image, into the frame table. */
export function receiveMemoryMap(): void {
  if (bootRecord().entry === ENTRY_PVH) readPvhMap();
  else readIgvmMap();
  excludeOurs();
  let frames: u64 = 0;
  for (let i: u32 = 0; i < rangeCount(); i++) {
    if (!rangeIsRam(i)) continue;
    const first = (rangeStart(i) + PAGE - 1) >> 12;
    const end = rangeEnd(i) >> 12;
    if (first >= end) continue;
    addRun(first, end, FREE);
    frames += end - first;
  }
  if (frames === 0) panic(OUT_OF_MEMORY);
  for (let i: u32 = 0; i < imageInfo().rangeCount; i++) {
    const range = imageRange(i);
    addRun(range.start >> 12, range.end >> 12, IMAGE);
  }
}

function readPvhMap(): void {
  peek(startInfo, u64(bootRecord().startInfo), u32(StartInfo.SIZE));
  const info = changetype<StartInfo>(startInfo);
  // Version 0 has no memory map.
  if (info.magic !== Pvh.START_INFO_MAGIC || info.version < 1) panic(MEMORY_MAP_BAD);
  const count = info.memoryMapCount;
  if (count > MAP_BYTES / u32(MemoryMapEntry.SIZE)) panic(MEMORY_MAP_TOO_LONG);
  const bytes = count * u32(MemoryMapEntry.SIZE);
  const gpa = info.memoryMap;
  if (gpa > FOUR_GIB - u64(MAP_BYTES)) panic(MEMORY_MAP_BAD);
  peek(map, gpa, bytes);
  for (let i: u32 = 0; i < count; i++) {
    const entry = changetype<MemoryMapEntry>(map + i * MemoryMapEntry.SIZE);
    addRange(entry.address, entry.size, entry.type === Pvh.RAM);
  }
}

function readIgvmMap(): void {
  copy(map, TOP + u64(imageInfo().memoryMapPage), u64(MAP_BYTES));
  for (let i: u32 = 0; i < MAP_BYTES / u32(IgvmMemoryMapEntry.SIZE); i++) {
    const entry = changetype<IgvmMemoryMapEntry>(map + i * IgvmMemoryMapEntry.SIZE);
    const pages = entry.numberOfPages;
    if (pages === 0) return;
    if (entry.startingPage >> 40 !== 0 || pages >> 40 !== 0) panic(MEMORY_MAP_BAD);
    addRange(entry.startingPage << 12, pages << 12, entry.type === Igvm.MEMORY);
  }
}

/** Page 0 stays unmapped, so that null traps. */
function excludeOurs(): void {
  excludeRange(0, PAGE);
  excludeRange(ROM_WINDOW, FOUR_GIB);
  excludeRange(imageInfo().vmsaGpa, imageInfo().vmsaGpa + PAGE);
  for (let i: u32 = 0; i < imageInfo().rangeCount; i++) {
    const range = imageRange(i);
    excludeRange(range.start & ~(PAGE - 1), (range.end + PAGE - 1) & ~(PAGE - 1));
  }
}
