/** Keeps the pool of page tables from running dry: RAM, or a compartment's memory, may be large. */

import { imageInfo, TOP } from '../handoff.ts';
import { NO_FRAME, tryAllocateHuge } from './allocator.ts';
import { FRAMES_PER_CHUNK, TABLES } from './frame-table.ts';
import { mapHuge, WRITE } from './paging.ts';
import { addTables, tablesLeft } from './table-pool.ts';

/** More than the mapping of one page, with its frame split off a 2 MiB page, ever takes. */
const ENOUGH: u32 = 8;

/**
 * To be called before pages are mapped for a compartment, or RAM is taken in: adds 2 MiB of RAM to a pool
 * that runs low, if there are any below the window, where TOP + GPA is free. The few tables left are given up.
 */
export function keepTables(): void {
  if (tablesLeft() >= ENOUGH) return;
  const gpa = tryAllocateHuge(TABLES);
  if (gpa === NO_FRAME || gpa >= u64(imageInfo().windowStart)) return;
  mapHuge(TOP + gpa, gpa, WRITE);
  addTables(u32(gpa), FRAMES_PER_CHUNK);
}
