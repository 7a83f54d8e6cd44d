/** Finding and making the block of decoded instructions for an address. */
import { RFLAGS_VM } from '../../../../spec/cpu';
import { BOUNCE } from '../memory-map';
import { canonical, longMode } from './access';
import { EXECUTE } from './access-kind';
import {
  addBlock,
  BLOCK_HEADER,
  BLOCK_MAX,
  blockRoom,
  codePage,
  generation,
  keep,
  markCode,
  reserve,
  temporaryRoom,
} from './code';
import { PAGE_BYTES, PAGE_FRAME, PAGE_LINEAR, PAGE_MODE, PAGE_SLOTS } from './code-page';
import * as Cpu from './cpu';
import { decodeOne, ends, length, overrun, setLongMode } from './decode';
import { missing, raiseGp } from './fault';
import { improve, startImproving } from './improve';
import { markAtRip } from './machine';
import { bytes, frame, translate } from './paging';
import * as Record from './record';
import { executeEntryOf, fillExecute, PAGE_MASK } from './tlb';

const MODE_32: u32 = 0;
const MODE_64: u32 = 1;

const MISSING_16_BIT: u32 = 1;
const MISSING_VIRTUAL_8086: u32 = 8;
const MISSING_CODE_BASE: u32 = 10;

/** Attributes of a code segment in SegmentState: L, D. */
const LONG: u32 = 0x200;
const DEFAULT_32: u32 = 0x400;

/** Bytes of an instruction that runs on into the next page are put together here. */
const WINDOW: usize = BOUNCE + 0x100;

/** The code page that `linear` is in, 0 if it cannot be fetched from: a fault or exit is pending. */
function fetchPage(linear: u64): usize {
  const entry = executeEntryOf(linear);
  if (load<u64>(entry) === (linear & PAGE_MASK)) return load<u32>(entry, 8);
  const attributes: u32 = load<u16>(Cpu.CS_ATTRIBUTES);
  const long = longMode() && (attributes & LONG) !== 0;
  if (!long && (attributes & DEFAULT_32) === 0) {
    missing(MISSING_16_BIT);
    return 0;
  }
  if (!long && load<u64>(Cpu.CS_BASE) !== 0) {
    missing(MISSING_CODE_BASE);
    return 0;
  }
  if ((load<u32>(Cpu.RFLAGS) & RFLAGS_VM) !== 0) {
    missing(MISSING_VIRTUAL_8086);
    return 0;
  }
  if (!canonical(linear)) {
    raiseGp(0);
    return 0;
  }
  if (!translate(linear, EXECUTE, load<u8>(Cpu.CPL) === 3)) return 0;
  const page = codePage(linear & PAGE_MASK, frame, long ? MODE_64 : MODE_32);
  fillExecute(linear, page);
  return page;
}

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
    let q = decodeOne(p, from + at, from + 4096, linear + at, long);
    if (overrun) {
      if (count > 0) break;
      // The instruction runs on into the next page, whose translation may change without this one's.
      q = decodeAcross(temporaryRoom() + BLOCK_HEADER, from, at, linear, long);
      if (q === 0) return 0;
      return finishAcross(page, at, q, linear, long);
    }
    count++;
    common(p, q, page, at, count);
    improve(p, q);
    at += length;
    p = q;
    last = ends;
  }
  if (!last) {
    store<u16>(p, Record.END, Record.OPERATION);
    store<u64>(p, next(linear + at, long), Record.IMMEDIATE);
    store<u32>(p, 0, Record.LINK);
    common(p, p + Record.RECORD_SIZE, page, at, count + 1);
    p += Record.RECORD_SIZE;
  }
  if (!temporary) {
    keep(p);
    markCode(load<u32>(page, PAGE_FRAME), offset, at);
    addBlock(page, block, <u32>(p - first) / <u32>Record.RECORD_SIZE, offset);
  }
  return first;
}

function next(linear: u64, long: bool): u64 {
  return long ? linear : linear & 0xffff_ffff;
}

/** The fields that all records of an instruction share. */
function common(p: usize, end: usize, page: usize, offset: u32, count: u32): void {
  for (; p < end; p += Record.RECORD_SIZE) {
    store<u8>(p, <u8>count, Record.COUNT);
    store<u16>(p, <u16>offset, Record.OFFSET);
    store<u8>(p, <u8>length, Record.LENGTH);
    store<u32>(p, <u32>page, Record.PAGE);
  }
}

function decodeAcross(p: usize, from: usize, at: u32, linear: u64, long: bool): usize {
  const here: u32 = 4096 - at;
  memory.copy(WINDOW, from + at, here);
  const beyond = next(linear + 4096, long);
  if (!canonical(beyond)) {
    raiseGp(0);
    return 0;
  }
  if (!translate(beyond, EXECUTE, load<u8>(Cpu.CPL) === 3)) return 0;
  memory.copy(WINDOW + here, bytes, 15);
  return decodeOne(p, WINDOW, WINDOW + 15, linear + at, long);
}

function finishAcross(page: usize, at: u32, q: usize, linear: u64, long: bool): usize {
  const first = temporaryRoom() + BLOCK_HEADER;
  if (overrun) {
    // Prefixes only, fifteen of them.
    store<u16>(first, Record.TOO_LONG, Record.OPERATION);
    q = first + Record.RECORD_SIZE;
  }
  common(first, q, page, at, 1);
  if (ends) return first;
  store<u16>(q, Record.END, Record.OPERATION);
  store<u64>(q, next(linear + at + length, long), Record.IMMEDIATE);
  store<u32>(q, 0, Record.LINK);
  common(q, q + Record.RECORD_SIZE, page, at, 2);
  return first;
}
