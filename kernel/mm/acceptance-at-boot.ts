/** RAM that does not wait for its first use: as much as the image says. */

import { imageInfo } from '../handoff.ts';
import { sendPageStates } from '../sev/psc.ts';
import { askForChunk, isWaiting, takeInChunk } from './acceptance.ts';
import { chunkCount, freeIn } from './frame-table.ts';
import { keepTables } from './table-reserve.ts';

/** Accepts RAM from the lowest run up: all requests first, so that they share exits. */
export function acceptAtBoot(): void {
  const limit = imageInfo().lazyAbove >> 12;
  let frames: u64 = 0;
  let end: u32 = 0;
  while (end < chunkCount() && frames < limit) {
    if (isWaiting(end)) askForChunk(end);
    frames += u64(freeIn(end));
    end++;
  }
  sendPageStates();
  for (let chunk: u32 = 0; chunk < end; chunk++) {
    if (!isWaiting(chunk)) continue;
    keepTables();
    if (isWaiting(chunk)) takeInChunk(chunk);
  }
}
