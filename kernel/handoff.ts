/** What the linker and the shim left for the kernel, copied into its own memory. */

import { BootRecord, ImageInfo, ImageRange } from '../spec/abi/handoff.ts';
import { IMAGE_MAGIC } from '../spec/abi/platform.ts';
import { IMAGE_INFO_BAD } from '../spec/abi/termination.ts';
import { copy } from './cpu.ts';
import * as image from './image.ts';
import { panic } from './panic.ts';

/** Where the image's pages are mapped: virtual address = TOP + GPA. */
export const TOP: u64 = 0xffff_ffff_8000_0000;

const recordCopy: usize = memory.data(64, 8);
const infoCopy: usize = memory.data(0x140, 8);
const rangeCopy: usize = memory.data(24, 8);
let copied: bool = false;

/** Copies BootRecord and ImageInfo. Wrong magic means that data is not read as it was linked. */
export function receiveHandoff(): void {
  copyOnce();
  if (imageInfo().magic !== IMAGE_MAGIC) panic(IMAGE_INFO_BAD);
}

export function bootRecord(): BootRecord {
  copyOnce();
  return changetype<BootRecord>(recordCopy);
}

export function imageInfo(): ImageInfo {
  copyOnce();
  return changetype<ImageInfo>(infoCopy);
}

/** An exception may come, and must be told of, before anybody has received anything, and while somebody does. */
function copyOnce(): void {
  if (copied) return;
  copy(recordCopy, image.record(), BootRecord.SIZE);
  copy(infoCopy, image.info(), ImageInfo.SIZE);
  copied = true;
}

/** The image's `i`th range, good until the next call. */
export function imageRange(i: u32): ImageRange {
  copy(rangeCopy, imageInfo().ranges + u64(i) * ImageRange.SIZE, ImageRange.SIZE);
  return changetype<ImageRange>(rangeCopy);
}

/** Whether the page at `gpa` came with the image: loaded, and under SNP validated, by the launch. */
export function isImagePage(gpa: u64): bool {
  const count = imageInfo().rangeCount;
  for (let i: u32 = 0; i < count; i++) {
    const range = imageRange(i);
    if (gpa >= range.start && gpa < range.end) return true;
  }
  return false;
}
