/** Hands out frames, each to one owner at a time. */

import { OUT_OF_MEMORY } from '../../spec/abi/termination.ts';
import { fill } from '../cpu.ts';
import { panic } from '../panic.ts';
import { acceptChunk } from './acceptance.ts';
import {
  changeOwner,
  chunkCount,
  FRAMES_PER_CHUNK,
  FREE,
  frameOf,
  freeIn,
  isAccepted,
  ownerAt,
} from './frame-table.ts';
import { HUGE_PAGE, linear, PAGE, unmap, unmapHuge } from './paging.ts';

/** Answer of {@link tryAllocateHuge} when no 2 MiB are free in one piece. */
export const NO_FRAME: u64 = 0xffff_ffff_ffff_ffff;
const NO_CHUNK: u32 = 0xffff_ffff;

/** Where the last single frame came from: the chunk, and the index after it. */
let chunk: u32 = NO_CHUNK;
let cursor: u32 = 0;

/**
 * GPA of a frame full of zeroes, which is `owner`'s from now on and in no linear memory, so that
 * the owner may map it. Ends the guest if there is none.
 */
export function allocateFrame(owner: u8): u64 {
  if (chunk === NO_CHUNK || freeIn(chunk) === 0) {
    chunk = chooseChunk();
    cursor = chunk << 9;
  }
  const end = (chunk + 1) << 9;
  while (ownerAt(cursor) !== FREE) cursor = cursor + 1 < end ? cursor + 1 : chunk << 9;
  const gpa = frameOf(cursor) << 12;
  changeOwner(cursor, FREE, owner);
  fill(linear(gpa), 0, PAGE);
  unmap(linear(gpa));
  return gpa;
}

/** As {@link allocateFrame}, 2 MiB in one piece; NO_FRAME if there are none. */
export function tryAllocateHuge(owner: u8): u64 {
  for (let candidate: u32 = 0; candidate < chunkCount(); candidate++) {
    if (candidate === chunk || freeIn(candidate) !== FRAMES_PER_CHUNK) continue;
    if (!isAccepted(candidate)) acceptChunk(candidate);
    const gpa = frameOf(candidate << 9) << 12;
    for (let i: u32 = 0; i < FRAMES_PER_CHUNK; i++) changeOwner((candidate << 9) + i, FREE, owner);
    fill(linear(gpa), 0, HUGE_PAGE);
    unmapHuge(linear(gpa));
    return gpa;
  }
  return NO_FRAME;
}

/** Frames that {@link allocateFrame} could still hand out. */
export function freeFrames(): u32 {
  let frames: u32 = 0;
  for (let i: u32 = 0; i < chunkCount(); i++) frames += freeIn(i);
  return frames;
}

/** A chunk to cut single frames from: one that is cut into already, else one accepted, else any. */
function chooseChunk(): u32 {
  let whole: u32 = NO_CHUNK;
  let later: u32 = NO_CHUNK;
  for (let i: u32 = 0; i < chunkCount(); i++) {
    const free = freeIn(i);
    if (free === 0) continue;
    if (!isAccepted(i)) {
      if (later === NO_CHUNK) later = i;
    } else if (free < FRAMES_PER_CHUNK) {
      return i;
    } else if (whole === NO_CHUNK) {
      whole = i;
    }
  }
  if (whole !== NO_CHUNK) return whole;
  if (later === NO_CHUNK) panic(OUT_OF_MEMORY);
  acceptChunk(later);
  return later;
}
