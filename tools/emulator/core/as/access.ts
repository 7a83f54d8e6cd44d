/**
 * Reads and writes at linear addresses, for what the read and write TLBs do not answer: misses,
 * accesses that cross a page, devices, frames with decoded code.
 *
 * Each function gives an address to load from or store to. For what is not one stretch of memory
 * that is the bounce buffer, and after a store {@link finishWrite} takes it from there.
 */
import { EFER_LMA } from '../../../../spec/msr';
import { BOUNCE, FRAME_CODE, FRAME_FLAGS, FRAME_WATCHED, TLB_READ, TLB_WRITE } from '../memory-map';
import { READ, WRITE } from './access-kind';
import { busRead, busWrite } from './bus';
import { wroteCode } from './code';
import * as Cpu from './cpu';
import { holdUnder, peekUnder } from './encryption';
import { raiseNonCanonical } from './fault';
import { frameInfo } from './machine';
import { access } from './observer';
import { bytes, device, foreign, frame, gpa, slot, translate } from './paging';
import { entryOf, fillRead, fillWrite, PAGE_MASK, TAG_CODE } from './tlb';

/** What a store to the bounce buffer stands for. */
const PLAIN: u32 = 0;
const SPLIT: u32 = 1;
const DEVICE: u32 = 2;
const CODE: u32 = 3;

let kind: u32 = 0;
let size: u32 = 0;
let first: usize = 0;
let second: usize = 0;
let firstFrame: u32 = 0;
let secondFrame: u32 = 0;
let deviceGpa: u64 = 0;

/** Blocks of a frame that is held under another key come to lie here. */
const PEEK: usize = BOUNCE + 0x200;

/** Of a device no more is read at once; longer stretches give the bounce buffer as it is. */
export const READ_AT_ONCE: u32 = 64;

/** Addresses below this one are the bounce buffer's: the frames lie above. */
export const BOUNCE_END: usize = BOUNCE + 0x1000;

/** Whether long mode is active: EFER.LMA. */
export function longMode(): bool {
  return (load<u32>(Cpu.EFER) & EFER_LMA) !== 0;
}

/** Whether an address is canonical: bits 63 to 47 are equal, where long mode is on. APM2 §1.1.3. */
export function canonical(linear: u64): bool {
  return <i64>(linear << 16) >> 16 === <i64>linear || !longMode();
}

function isUser(): bool {
  return load<u8>(Cpu.CPL) === 3;
}

/** Where to load `n` bytes (up to 4096) of `linear` from; 0 if the instruction ends. */
export function readPointer(linear: u64, n: u32, stack: bool): usize {
  return readAs(linear, n, stack, isUser());
}

/** As {@link readPointer} for the processor's own reads of descriptors: as a supervisor. */
export function systemPointer(linear: u64, n: u32): usize {
  return readAs(linear, n, false, false);
}

function readAs(linear: u64, n: u32, stack: bool, user: bool): usize {
  const last = linear + (n - 1);
  if (((linear ^ last) & PAGE_MASK) === 0) return readWithin(linear, n, stack, user);
  const here: u32 = 4096 - (<u32>linear & 0xfff);
  let from = readWithin(linear, here, stack, user);
  if (from === 0) return 0;
  memory.copy(BOUNCE + 64, from, here);
  from = readWithin(last & PAGE_MASK, n - here, stack, user);
  if (from === 0) return 0;
  memory.copy(BOUNCE + 64 + here, from, n - here);
  return BOUNCE + 64;
}

function readWithin(linear: u64, n: u32, stack: bool, user: bool): usize {
  const entry = entryOf(TLB_READ, linear);
  // What the TLB has was checked for the current CPL, so it serves a supervisor's read at CPL 3 too.
  if (load<u64>(entry) === (linear & PAGE_MASK)) return <usize>linear + load<u32>(entry, 8);
  if (!canonical(linear)) {
    raiseNonCanonical(stack);
    return 0;
  }
  if (!translate(linear, READ, user)) return 0;
  if (device) {
    if (n > READ_AT_ONCE) return BOUNCE;
    for (let i: u32 = 0; i < n; ) {
      const part = largestPart(gpa + i, n - i);
      store<u64>(BOUNCE + i, busRead(gpa + i, part));
      i += part;
    }
    return BOUNCE;
  }
  if (foreign && (n > READ_AT_ONCE || watched())) holdUnder(frame, slot);
  else if (foreign) {
    const offset = <u32>linear & 0xfff;
    peekUnder(frame, offset, n, slot, PEEK);
    return PEEK + (offset & 15);
  }
  if (watched()) access(gpa, n, 0);
  else if (user === isUser()) fillRead(linear, bytes, frame);
  return bytes + <usize>(linear & 0xfff);
}

/** Whether the frame that was translated to is watched: then no translation to it is kept. */
function watched(): bool {
  return (load<u8>(frameInfo(frame), FRAME_FLAGS) & FRAME_WATCHED) !== 0;
}

/** Bytes of the largest aligned access at an address, of at most `n`. */
function largestPart(at: u64, n: u32): u32 {
  let part: u32 = 8;
  while (part > n || (at & (part - 1)) !== 0) part >>= 1;
  return part;
}

/**
 * Where to store `n` bytes of `linear`, at most 64; 0 if the instruction
 * ends. If the place is below {@link BOUNCE_END}, {@link finishWrite} must follow the store.
 */
export function writePointer(linear: u64, n: u32, stack: bool): usize {
  const last = linear + (n - 1);
  size = n;
  if (((linear ^ last) & PAGE_MASK) === 0) {
    const to = writeWithin(linear, n, stack);
    if (to === 0 || kind === PLAIN) return to;
    if (kind === CODE) {
      first = to;
      memory.copy(BOUNCE, to, n);
    }
    return BOUNCE;
  }
  const here: u32 = 4096 - (<u32>linear & 0xfff);
  const a = writeWithin(linear, here, stack);
  if (a === 0) return 0;
  const aFrame = firstFrame;
  const b = writeWithin(last & PAGE_MASK, n - here, stack);
  if (b === 0) return 0;
  secondFrame = firstFrame;
  firstFrame = aFrame;
  first = a;
  second = b;
  kind = SPLIT;
  memory.copy(BOUNCE, a, here);
  memory.copy(BOUNCE + here, b, n - here);
  return BOUNCE;
}

/** As {@link writePointer}, for an instruction that loads from the place first. */
export function modifyPointer(linear: u64, n: u32, stack: bool): usize {
  const to = writePointer(linear, n, stack);
  if (to !== 0 && kind === DEVICE) store<u64>(BOUNCE, busRead(deviceGpa, n));
  return to;
}

function writeWithin(linear: u64, n: u32, stack: bool): usize {
  const entry = entryOf(TLB_WRITE, linear);
  const tag = load<u64>(entry);
  if ((tag & ~TAG_CODE) === (linear & PAGE_MASK)) {
    kind = tag === (linear & PAGE_MASK) ? PLAIN : CODE;
    firstFrame = load<u32>(entry, 12);
    return <usize>linear + load<u32>(entry, 8);
  }
  if (!canonical(linear)) {
    raiseNonCanonical(stack);
    return 0;
  }
  if (!translate(linear, WRITE, isUser())) return 0;
  if (device) {
    kind = DEVICE;
    deviceGpa = gpa;
    return BOUNCE;
  }
  const code = load<u64>(frameInfo(frame), FRAME_CODE) !== 0;
  kind = code ? CODE : PLAIN;
  firstFrame = frame;
  if (watched()) access(gpa, n, 1);
  else fillWrite(linear, bytes, frame, code);
  return bytes + <usize>(linear & 0xfff);
}

/** Moves what was stored into the bounce buffer to where it belongs. */
export function finishWrite(): void {
  if (kind === DEVICE) {
    for (let i: u32 = 0; i < size; ) {
      const part = largestPart(deviceGpa + i, size - i);
      busWrite(deviceGpa + i, part, load<u64>(BOUNCE + i));
      i += part;
    }
    return;
  }
  const here: u32 = kind === SPLIT ? 4096 - (<u32>first & 0xfff) : size;
  memory.copy(first, BOUNCE, here);
  wroteCode(firstFrame, <u32>first & 0xfff, (<u32>first & 0xfff) + here);
  if (kind === SPLIT) {
    memory.copy(second, BOUNCE + here, size - here);
    wroteCode(secondFrame, 0, size - here);
  }
}

/** Reads as the processor itself does (descriptor tables, TSS): zero, with a fault pending, if it cannot. */
export function systemRead(linear: u64, n: u32): u64 {
  const from = systemPointer(linear, n);
  if (from === 0) return 0;
  if (n === 2) return load<u16>(from);
  return n === 4 ? load<u32>(from) : load<u64>(from);
}

export function readMemory(linear: u64, n: u32, stack: bool): u64 {
  const entry = entryOf(TLB_READ, linear);
  let from: usize;
  if (load<u64>(entry) === ((linear + (n - 1)) & PAGE_MASK)) {
    from = <usize>linear + load<u32>(entry, 8);
  } else {
    from = readPointer(linear, n, stack);
    if (from === 0) return 0;
  }
  if (n === 8) return load<u64>(from);
  if (n === 4) return load<u32>(from);
  return n === 2 ? load<u16>(from) : load<u8>(from);
}

/** Writes the low `n` bytes (1, 2, 4, 8) of `value`. False if the instruction ends. */
export function writeMemory(linear: u64, n: u32, value: u64, stack: bool): bool {
  const entry = entryOf(TLB_WRITE, linear);
  let to: usize;
  if (load<u64>(entry) === ((linear + (n - 1)) & PAGE_MASK)) {
    to = <usize>linear + load<u32>(entry, 8);
  } else {
    to = writePointer(linear, n, stack);
    if (to === 0) return false;
  }
  storeSized(to, n, value);
  if (to < BOUNCE_END) finishWrite();
  return true;
}

export function storeSized(to: usize, n: u32, value: u64): void {
  if (n === 8) store<u64>(to, value);
  else if (n === 4) store<u32>(to, <u32>value);
  else if (n === 2) store<u16>(to, <u16>value);
  else store<u8>(to, <u8>value);
}
