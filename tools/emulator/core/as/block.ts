import { decodeAcross } from './across';
import { common, endBlock, next } from './block-record';
import {
  addBlock,
  BLOCK_HEADER,
  BLOCK_MAX,
  blockRoom,
  generation,
  keep,
  markCode,
  reserve,
  temporaryRoom,
} from './code';
import { PAGE_BYTES, PAGE_FRAME, PAGE_LINEAR, PAGE_MODE, PAGE_SLOTS } from './code-page';
import * as Cpu from './cpu';
import { decodeOne, ends, length, overrun, setLongMode } from './decode';
import { fetchPage, MODE_64 } from './fetch';
import { improve, startImproving } from './improve';
import { markAtRip } from './machine';
import * as Record from './record';
import { executeEntryOf, PAGE_MASK } from './tlb';

/** First record of the block at `rip`, 0 with a fault or exit pending. Whoever calls holds no record. */
export function lookup(rip: u64): usize {
  const entry = executeEntryOf(rip);
  if (load<u64>(entry) === (rip & PAGE_MASK)) {
    const slot = load<u32>(load<u32>(entry, 8) + ((<usize>rip & 0xfff) << 2), PAGE_SLOTS);
    if (slot !== 0) return slot;
  }
  reserve();
  const page = fetchPage(rip);
  if (page === 0) return 0;
  const slot = load<u32>(page + ((<usize>rip & 0xfff) << 2), PAGE_SLOTS);
  if (slot !== 0) return slot;
  return decodeBlock(page, <u32>rip & 0xfff, BLOCK_MAX, false);
}

/** A block at `rip` of at most `most` instructions, for this once. 0 as with {@link lookup}. */
export function lookupShort(rip: u64, most: u32): usize {
  reserve();
  const page = fetchPage(rip);
  return page === 0 ? 0 : decodeBlock(page, <u32>rip & 0xfff, most, true);
}

/**
 * Where the branch at `p` leads, which is noted in its link; 0 with a fault or exit pending, and
 * `state.rip` the target.
 */
export function follow(p: usize): usize {
  const target = load<u64>(p, Record.IMMEDIATE);
  const before = generation;
  store<u64>(Cpu.RIP, target);
  const to = lookup(target);
  if (to === 0) {
    markAtRip();
    return 0;
  }
  if (generation === before && !isTemporary(to)) store<u32>(p, <u32>to, Record.LINK);
  return to;
}

/** Where `rip`, of a branch without a fixed target, leads; 0 as with {@link follow}. */
export function followTo(rip: u64): usize {
  store<u64>(Cpu.RIP, rip);
  const to = lookup(rip);
  if (to === 0) markAtRip();
  return to;
}

function isTemporary(record: usize): bool {
  return record === temporaryRoom() + BLOCK_HEADER;
}

function decodeBlock(page: usize, offset: u32, most: u32, temporary: bool): usize {
  const linear = load<u64>(page, PAGE_LINEAR);
  const from: usize = load<u32>(page, PAGE_BYTES);
  const long = load<u32>(page, PAGE_MODE) === MODE_64;
  setLongMode(long);
  const block = temporary ? temporaryRoom() : blockRoom();
  const first = block + BLOCK_HEADER;
  let p = first;
  let at = offset;
  let count: u32 = 0;
  let last = false;
  startImproving();
  while (count < most && !last && at < 4096) {
    const q = decodeOne(p, from + at, from + 4096, linear + at, long);
    if (overrun) {
      // An instruction that runs on into the next page makes a block of its own.
      if (count > 0) break;
      return decodeAcross(page, at, long, temporary);
    }
    count++;
    common(p, q, page, at, count);
    improve(p, q);
    at += length;
    p = q;
    last = ends;
  }
  if (!last) {
    p = endBlock(p, page, next(linear + at, long), at, count);
  }
  if (!temporary) {
    keep(p);
    markCode(load<u32>(page, PAGE_FRAME), offset, at);
    addBlock(page, block, <u32>(p - first) / <u32>Record.RECORD_SIZE, offset);
  }
  return first;
}
