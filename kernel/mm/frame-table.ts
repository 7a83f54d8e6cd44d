/**
 * Which frames there are, and for each of them: its owner, whether it is validated, and per 2 MiB
 * how many are free. Only bookkeeping: what maps, validates and hands out frames builds on it.
 *
 * Frames come in runs (RAM, and the image's pages). A run's entries in the tables start where its
 * index has the same low nine bits as its first frame, so that a 2 MiB region of memory is a row of
 * 512 aligned entries: a chunk.
 *
 *   owners     u8 per frame     FREE, or who has it
 *   validated  bit per frame    SNP: PVALIDATE was done, by the launch or by us
 *   free       u16 per chunk    frames that are FREE; UNACCEPTED is set until the chunk is accepted
 */

import {
  FRAME_NOT_OWNED,
  MEMORY_MAP_BAD,
  MEMORY_MAP_TOO_LONG,
} from '../../spec/abi/termination.ts';
import { fill } from '../cpu.ts';
import { panic } from '../panic.ts';

export const FRAMES_PER_CHUNK: u32 = 512;

/** Owners; 0 where there is no frame. A compartment owns as COMPARTMENT + its index. */
export const FREE: u8 = 1;
export const IMAGE: u8 = 2;
export const KERNEL: u8 = 3;
export const STACK: u8 = 4;
export const TABLES: u8 = 5;
export const COMPARTMENT: u8 = 0x10;

/** Set in a chunk's count while the host may still own it. */
const UNACCEPTED: u16 = 0x8000;
/** What indexOf answers for a frame in no run. */
export const NO_INDEX: u32 = 0xffff_ffff;

const MAX_RUNS: u32 = 96;
/** Of 4 TiB: with more the tables would not fit in the kernel's memory. */
const MAX_ENTRIES: u64 = 0x4000_0000;

/** A run: first frame u64, one past the last u64, index of the first u32, owner at first u32. */
const RUN_SIZE: u32 = 24;
const runs: usize = memory.data(2304, 8);
let runCount: u32 = 0;
/** The run that was looked for last, and is looked at first: who asks goes from one frame to the next. */
let latest: u32 = 0;
/** Entries in the tables, a multiple of a chunk. */
let entries: u32 = 0;

let owners: usize = 0;
let validated: usize = 0;
let chunks: usize = 0;

/** Adds the frames from `first` up to `end`, which no earlier run holds. Before {@link placeTables} only. */
export function addRun(first: u64, end: u64, owner: u8): void {
  if (runCount === MAX_RUNS) panic(MEMORY_MAP_TOO_LONG);
  if (end - first > MAX_ENTRIES - u64(entries)) panic(MEMORY_MAP_BAD);
  const run = runs + runCount * RUN_SIZE;
  const index = entries + (u32(first) & (FRAMES_PER_CHUNK - 1));
  store<u64>(run, first);
  store<u64>(run, end, 8);
  store<u32>(run, index, 16);
  store<u32>(run, u32(owner), 20);
  runCount++;
  const last = index + u32(end - first);
  entries = (last + FRAMES_PER_CHUNK - 1) & ~(FRAMES_PER_CHUNK - 1);
}

export function runsOfFrames(): u32 {
  return runCount;
}

export function runFirst(run: u32): u64 {
  return load<u64>(runs + run * RUN_SIZE);
}

export function runEnd(run: u32): u64 {
  return load<u64>(runs + run * RUN_SIZE, 8);
}

/** Whether the run is RAM to hand out, as opposed to the image's pages. */
export function runIsRam(run: u32): bool {
  return load<u32>(runs + run * RUN_SIZE, 20) === u32(FREE);
}

function runIndex(run: u32): u32 {
  return load<u32>(runs + run * RUN_SIZE, 16);
}

/** Bytes that the tables take once all runs are known. */
export function tableBytes(): u32 {
  return entries + (entries >> 3) + (entries >> 8);
}

/** Puts the tables at `at`: tableBytes() of zeroed memory, eight-byte aligned. */
export function placeTables(at: usize): void {
  owners = at;
  validated = owners + entries;
  chunks = validated + (entries >> 3);
  for (let chunk: u32 = 0; chunk < chunkCount(); chunk++) setCount(chunk, UNACCEPTED);
  for (let run: u32 = 0; run < runCount; run++) {
    const first = runIndex(run);
    const end = first + u32(runEnd(run) - runFirst(run));
    fill(u64(owners + first), u32(runIsRam(run) ? FREE : IMAGE), u64(end - first));
    if (!runIsRam(run)) continue;
    for (let chunk = first >> 9; chunk << 9 < end; chunk++) {
      const from = max<u32>(first, chunk << 9);
      const to = min<u32>(end, (chunk + 1) << 9);
      setCount(chunk, UNACCEPTED | u16(to - from));
    }
  }
}

export function tablesReady(): bool {
  return owners !== 0;
}

/** The place of `frame` in the tables, NO_INDEX if it is in no run. */
export function indexOf(frame: u64): u32 {
  if (!isIn(latest, frame)) {
    let run: u32 = 0;
    while (run < runCount && !isIn(run, frame)) run++;
    if (run === runCount) return NO_INDEX;
    latest = run;
  }
  return runIndex(latest) + u32(frame - runFirst(latest));
}

function isIn(run: u32, frame: u64): bool {
  return frame >= runFirst(run) && frame < runEnd(run);
}

/** The frame whose entry is `index`, which must be in a run. */
export function frameOf(index: u32): u64 {
  return baseOfChunk(runOfChunk(index >> 9), index >> 9) + u64(index & (FRAMES_PER_CHUNK - 1));
}

export function chunkCount(): u32 {
  return entries >> 9;
}

/** The run that `chunk` is a part of. */
export function runOfChunk(chunk: u32): u32 {
  if (!isChunkOf(latest, chunk)) {
    latest = runCount - 1;
    while (runIndex(latest) >> 9 > chunk) latest--;
  }
  return latest;
}

function isChunkOf(run: u32, chunk: u32): bool {
  if (runIndex(run) >> 9 > chunk) return false;
  return run + 1 === runCount || runIndex(run + 1) >> 9 > chunk;
}

/** The first frame of the 2 MiB that `chunk` is, in whole or in part, of `run`. */
export function baseOfChunk(run: u32, chunk: u32): u64 {
  return runFirst(run) - u64(runIndex(run)) + (u64(chunk) << 9);
}

/** Frames of `chunk` that are free. */
export function freeIn(chunk: u32): u32 {
  return u32(countOf(chunk) & ~UNACCEPTED);
}

export function isAccepted(chunk: u32): bool {
  return (countOf(chunk) & UNACCEPTED) === 0;
}

export function markAccepted(chunk: u32): void {
  setCount(chunk, countOf(chunk) & ~UNACCEPTED);
}

/** The chunk's entry: how many of its frames are free, and UNACCEPTED. */
function countOf(chunk: u32): u16 {
  return load<u16>(chunks + (chunk << 1));
}

function setCount(chunk: u32, count: u16): void {
  store<u16>(chunks + (chunk << 1), count);
}

export function ownerAt(index: u32): u8 {
  return load<u8>(owners + index);
}

/** Hands the frame at `index` from one owner to another; ends the guest if `from` does not have it. */
export function changeOwner(index: u32, from: u8, to: u8): void {
  if (index >= entries || load<u8>(owners + index) !== from) panic(FRAME_NOT_OWNED);
  store<u8>(owners + index, to);
  const chunk = index >> 9;
  if (from === FREE) setCount(chunk, countOf(chunk) - 1);
  if (to === FREE) setCount(chunk, countOf(chunk) + 1);
}

export function isValidatedAt(index: u32): bool {
  return ((load<u8>(validated + (index >> 3)) >> u8(index & 7)) & 1) !== 0;
}

export function setValidatedAt(index: u32, value: bool): void {
  const p = validated + (index >> 3);
  const bit: u8 = <u8>(u32(1) << (index & 7));
  store<u8>(p, value ? load<u8>(p) | bit : load<u8>(p) & ~bit);
}

/** Marks the `count` frames from `index` on, all of one run. */
export function setValidatedFrom(index: u32, count: u32, value: bool): void {
  for (let i: u32 = 0; i < count; i++) setValidatedAt(index + i, value);
}

/** Whether any frame of the chunk that starts at `index` is validated. */
export function anyValidatedInChunk(index: u32): bool {
  const p = validated + (index >> 3);
  for (let i: usize = 0; i < 64; i += 8) if (load<u64>(p + i) !== 0) return true;
  return false;
}

export function setChunkValidated(index: u32): void {
  memory.fill(validated + (index >> 3), 0xff, 64);
}
