/**
 * Three translation caches, for reads, writes and execution, each direct-mapped by linear page.
 *
 *   read, write   tag (u64): linear page   8 to add to an address, for its byte (u32)   12 frame
 *   execute       tag (u64): linear page   8 code page
 *
 * An entry says that every check has been made for this kind of access: tables, nested tables, RMP,
 * key. A tag with {@link TAG_CODE} never matches an address: the frame holds decoded code, and
 * writes to it take the slow way. Each cache keeps a list of the entries in use, so that flushing
 * costs no more than what was filled.
 */
import * as Region from '../memory-map';
import { PAGE_VALID } from './code-page';

export const TLB_ENTRIES: u32 = 4096;
export const EXECUTE_ENTRIES: u32 = 1024;

/** No linear page: what an empty entry has for a tag. */
const TAG_NONE: u64 = 1;
export const TAG_CODE: u64 = 2;
export const PAGE_MASK: u64 = ~0xfff;

const READS: usize = Region.JOURNALS;
const WRITES: usize = READS + TLB_ENTRIES * 2;
const EXECUTES: usize = WRITES + TLB_ENTRIES * 2;

let reads: u32 = 0;
let writes: u32 = 0;
let executes: u32 = 0;

export function initTlbs(): void {
  for (let i: u32 = 0; i < TLB_ENTRIES; i++) {
    store<u64>(Region.TLB_READ + (i << 4), TAG_NONE);
    store<u64>(Region.TLB_WRITE + (i << 4), TAG_NONE);
  }
  for (let i: u32 = 0; i < EXECUTE_ENTRIES; i++) {
    store<u64>(Region.TLB_EXECUTE + (i << 4), TAG_NONE);
  }
}

/** Where an address's entry is in the cache at `tlb` (not the execute one). */
export function entryOf(tlb: usize, linear: u64): usize {
  return tlb + ((<usize>(linear >> 12) & (TLB_ENTRIES - 1)) << 4);
}

export function executeEntryOf(linear: u64): usize {
  return Region.TLB_EXECUTE + ((<usize>(linear >> 12) & (EXECUTE_ENTRIES - 1)) << 4);
}

export function fillRead(linear: u64, bytes: usize, frame: u32): void {
  const entry = entryOf(Region.TLB_READ, linear);
  if (load<u64>(entry) === TAG_NONE) {
    store<u16>(READS + reads * 2, <u16>((entry - Region.TLB_READ) >> 4));
    reads++;
  }
  fill(entry, linear & PAGE_MASK, linear, bytes, frame);
}

/** `code`: the frame has decoded code, so that writes must be looked at. */
export function fillWrite(linear: u64, bytes: usize, frame: u32, code: bool): void {
  const entry = entryOf(Region.TLB_WRITE, linear);
  if (load<u64>(entry) === TAG_NONE) {
    store<u16>(WRITES + writes * 2, <u16>((entry - Region.TLB_WRITE) >> 4));
    writes++;
  }
  fill(entry, (linear & PAGE_MASK) | (code ? TAG_CODE : 0), linear, bytes, frame);
}

function fill(entry: usize, tag: u64, linear: u64, bytes: usize, frame: u32): void {
  store<u64>(entry, tag);
  store<u32>(entry, <u32>bytes - <u32>(linear & PAGE_MASK), 8);
  store<u32>(entry, frame, 12);
}

export function fillExecute(linear: u64, page: usize): void {
  const entry = executeEntryOf(linear);
  if (load<u64>(entry) === TAG_NONE) {
    store<u16>(EXECUTES + executes * 2, <u16>((entry - Region.TLB_EXECUTE) >> 4));
    executes++;
  } else {
    store<u32>(load<u32>(entry, 8), 0, PAGE_VALID);
  }
  store<u64>(entry, linear & PAGE_MASK);
  store<u32>(entry, <u32>page, 8);
  store<u32>(page, 1, PAGE_VALID);
}

export function flushWrites(): void {
  for (let i: u32 = 0; i < writes; i++) {
    store<u64>(Region.TLB_WRITE + ((<usize>load<u16>(WRITES + i * 2)) << 4), TAG_NONE);
  }
  writes = 0;
}

/** Forgets every translation. */
export function flushTlbs(): void {
  flushWrites();
  for (let i: u32 = 0; i < reads; i++) {
    store<u64>(Region.TLB_READ + ((<usize>load<u16>(READS + i * 2)) << 4), TAG_NONE);
  }
  reads = 0;
  for (let i: u32 = 0; i < executes; i++) {
    const entry = Region.TLB_EXECUTE + ((<usize>load<u16>(EXECUTES + i * 2)) << 4);
    store<u32>(load<u32>(entry, 8), 0, PAGE_VALID);
    store<u64>(entry, TAG_NONE);
  }
  executes = 0;
}

/** Forgets the translations of one linear page. */
export function flushPage(linear: u64): void {
  // The lists keep the entries: an empty one is flushed again without harm.
  let entry = entryOf(Region.TLB_READ, linear);
  if (load<u64>(entry) === (linear & PAGE_MASK)) store<u64>(entry, EVICTED);
  entry = entryOf(Region.TLB_WRITE, linear);
  if ((load<u64>(entry) & PAGE_MASK) === (linear & PAGE_MASK)) store<u64>(entry, EVICTED);
  entry = executeEntryOf(linear);
  if (load<u64>(entry) === (linear & PAGE_MASK)) {
    store<u32>(load<u32>(entry, 8), 0, PAGE_VALID);
    store<u64>(entry, EVICTED);
  }
}

/** Tag of an entry that is empty but in its list. */
const EVICTED: u64 = 4;
