/**
 * RAM becomes the guest's: asked for where it starts as the host's, mapped, validated once, and
 * its stale cache lines dropped. In parts: a part is what of one run lies in one 2 MiB region.
 */

import { OUT_OF_MEMORY } from '../../spec/abi/termination.ts';
import { MEMORY_IS_SHARED } from '../../spec/igvm.ts';
import * as Psc from '../../spec/psc.ts';
import { fill, load32 } from '../cpu.ts';
import { imageInfo, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';
import { isSnp } from '../platform.ts';
import { addPageState, sendPageStates } from '../sev/psc.ts';
import { settleJournal, validate, validateHuge } from '../sev/rmp.ts';
import {
  baseOfChunk,
  changeOwner,
  FRAMES_PER_CHUNK,
  FREE,
  freeIn,
  indexOf,
  isAccepted,
  KERNEL,
  markAccepted,
  placeTables,
  runEnd,
  runFirst,
  runIsRam,
  runOfChunk,
  runsOfFrames,
  tableBytes,
} from './frame-table.ts';
import { linear, map, mapHuge, PAGE, WRITE } from './paging.ts';
import { dropStaleLines } from './stale-lines.ts';

const CHUNK_MASK: u64 = 511;
/** Frames that the kernel's linear memory can reach. */
const LINEAR_FRAMES: u64 = 0x10_0000;

/** Whether RAM outside the image belongs to the host at first, and has to be asked for. */
let startsShared: bool = false;

/** Accepts as much RAM, from the lowest run up, as the frame table takes, and sets that up in it. */
export function acceptMemory(): void {
  const environment = load32(TOP + u64(imageInfo().environmentPage));
  startsShared = isSnp() && (environment & MEMORY_IS_SHARED) !== 0;
  const pages = (tableBytes() + u32(PAGE) - 1) >> 12;
  const tables = placeFor(pages);
  const last = tables + u64(pages) - 1;
  const run = runOf(tables);
  const from = tables & ~CHUNK_MASK;
  for (let base = from; base <= last; base += u64(FRAMES_PER_CHUNK)) askForPart(run, base);
  sendPageStates();
  for (let base = from; base <= last; base += u64(FRAMES_PER_CHUNK)) takeIn(run, base);
  fill(tables << 12, 0, u64(pages) << 12);
  placeTables(usize(tables << 12));
  if (isSnp()) settleJournal();
  for (let i: u32 = 0; i < pages; i++) {
    const index = indexOf(tables + u64(i));
    changeOwner(index, FREE, KERNEL);
    markAccepted(index >> 9);
  }
}

/** Accepts the frames of `chunk`, on first use of one of them. */
export function acceptChunk(chunk: u32): void {
  askForChunk(chunk);
  sendPageStates();
  takeInChunk(chunk);
}

/** Whether there is RAM in the chunk that is not accepted. */
export function isWaiting(chunk: u32): bool {
  return freeIn(chunk) !== 0 && !isAccepted(chunk);
}

/** Has the host asked for the frames of `chunk`, with the next batch of page states. */
export function askForChunk(chunk: u32): void {
  const run = runOfChunk(chunk);
  askForPart(run, baseOfChunk(run, chunk));
}

/** Takes in the frames of `chunk`, which the host was asked for. */
export function takeInChunk(chunk: u32): void {
  const run = runOfChunk(chunk);
  takeIn(run, baseOfChunk(run, chunk));
  markAccepted(chunk);
}

/** First of `pages` consecutive RAM frames in linear memory, at the start of a 2 MiB region if one has them. */
function placeFor(pages: u32): u64 {
  let found: u64 = 0;
  for (let run: u32 = 0; run < runsOfFrames(); run++) {
    if (!runIsRam(run)) continue;
    const first = runFirst(run);
    const end = min<u64>(runEnd(run), LINEAR_FRAMES);
    const aligned = (first + CHUNK_MASK) & ~CHUNK_MASK;
    if (aligned + u64(FRAMES_PER_CHUNK) <= end && aligned + u64(pages) <= end) return aligned;
    if (found === 0 && first + u64(pages) <= end) found = first;
  }
  if (found === 0) panic(OUT_OF_MEMORY);
  return found;
}

/** The run of RAM that holds `frame`. */
function runOf(frame: u64): u32 {
  let run: u32 = 0;
  while (frame < runFirst(run) || frame >= runEnd(run)) run++;
  return run;
}

/** Asks the host for what of `run` lies in the 2 MiB from frame `base`. */
function askForPart(run: u32, base: u64): void {
  if (!startsShared) return;
  const first = max<u64>(runFirst(run), base);
  const end = endOfPart(run, base);
  if (end - first === u64(FRAMES_PER_CHUNK)) {
    addPageState(base, true, Psc.PRIVATE);
  } else {
    for (let frame = first; frame < end; frame++) addPageState(frame, false, Psc.PRIVATE);
  }
}

/** Maps what of `run` lies in the 2 MiB from frame `base` and, under SNP, validates it. */
function takeIn(run: u32, base: u64): void {
  const first = max<u64>(runFirst(run), base);
  const end = endOfPart(run, base);
  if (end - first === u64(FRAMES_PER_CHUNK)) {
    const va = linear(base << 12);
    mapHuge(va, base << 12, WRITE);
    if (isSnp()) validateHuge(va, base);
  } else {
    for (let frame = first; frame < end; frame++) {
      const va = linear(frame << 12);
      map(va, frame << 12, WRITE);
      if (isSnp()) validate(va, frame);
    }
  }
  if (isSnp()) dropStaleLines(linear(first << 12), linear(end << 12));
}

function endOfPart(run: u32, base: u64): u64 {
  return min<u64>(runEnd(run), base + u64(FRAMES_PER_CHUNK));
}
