/**
 * The program's compartment: a Wasm module with a memory and a stack of its own. Compartment n's
 * memory is at n * 16 GiB: what a 32-bit index and a 32-bit offset can reach from there, and nothing
 * else, so the MMU is the bounds check. Its frames are in no other memory.
 *
 * This is where private data crosses: copies whose bounds are checked against the memory's size as
 * the kernel keeps it.
 */

import { CompartmentInfo, MemoryRecord, SegmentInfo } from '../spec/abi/handoff.ts';
import { COMPARTMENT_STRIDE, STACK_IN_HAND } from '../spec/abi/platform.ts';
import { COMPARTMENT_BAD } from '../spec/abi/termination.ts';
import { TrapFrame } from '../spec/abi/trap-frame.ts';
import { RFLAGS_DF } from '../spec/cpu.ts';
import { copy, load64 } from './cpu.ts';
import { imageInfo } from './handoff.ts';
import { left } from './label.ts';
import { allocateFrame, freeFrames, NO_FRAME, tryAllocateHuge } from './mm/allocator.ts';
import { COMPARTMENT, STACK } from './mm/frame-table.ts';
import { HUGE_PAGE, map, mapHuge, PAGE, WRITE } from './mm/paging.ts';
import { keepTables } from './mm/table-reserve.ts';
import { reserveWindow } from './mm/window.ts';
import { panic } from './panic.ts';

const WASM_PAGE: u64 = 0x1_0000;
const MAX_WASM_PAGES: u32 = 0x1_0000;
const FRAMES_PER_WASM_PAGE: u32 = 16;
const MAX_STACK_PAGES: u32 = 2048;
/** What a function may touch at once: its frame's last page, and what it must have in hand below. */
const STACK_GUARD: u64 = u64(STACK_IN_HAND) + PAGE;
/** Answer of {@link growMemory} when it cannot. */
export const CANNOT_GROW: u32 = 0xffff_ffff;

/** What the linker says of it. */
const infoCopy: usize = memory.data(0x60, 8);
const segmentCopy: usize = memory.data(16, 8);
/** Its memory's size as the kernel keeps it, and gives it to the module, whose own copy is not read back. */
const recordCopy: usize = memory.data(16, 8);
let stackBottom: u64 = 0;
let stackTop: u64 = 0;
/** Why it was ended; 0 while it was not. */
let end: u32 = 0;

/** The compartment as the linker made it, after {@link createCompartment}. */
export function compartmentInfo(): CompartmentInfo {
  return changetype<CompartmentInfo>(infoCopy);
}

/** Gives compartment `i` of the image's table its memory, what that starts with, and a stack. */
export function createCompartment(i: u32): void {
  copy(infoCopy, imageInfo().compartments + u64(i) * CompartmentInfo.SIZE, CompartmentInfo.SIZE);
  const info = compartmentInfo();
  if (info.index === 0 || info.maxPages > MAX_WASM_PAGES) panic(COMPARTMENT_BAD);
  if (info.stackPages === 0 || info.stackPages > MAX_STACK_PAGES) panic(COMPARTMENT_BAD);
  const record = memoryRecord();
  record.base = u64(info.index) * COMPARTMENT_STRIDE;
  record.pages = 0;
  record.maxPages = info.maxPages;
  if (growMemory(info.minPages) === CANNOT_GROW) panic(COMPARTMENT_BAD);
  for (let segment: u32 = 0; segment < info.segmentCount; segment++) copySegment(info, segment);
  createStack(info.stackPages);
}

/**
 * Adds `delta` Wasm pages of zeroes to the memory, in 2 MiB pieces where they fit. Returns how many
 * there were, or CANNOT_GROW, as Wasm's memory.grow does.
 */
export function growMemory(delta: u32): u32 {
  const record = memoryRecord();
  const before = record.pages;
  if (delta > record.maxPages - before) return CANNOT_GROW;
  if (delta > freeFrames() / FRAMES_PER_WASM_PAGE) return CANNOT_GROW;
  const owner = u8(COMPARTMENT + compartmentInfo().index);
  const end = record.base + u64(before + delta) * WASM_PAGE;
  let va = record.base + u64(before) * WASM_PAGE;
  while (va < end) va += mapSome(va, end - va, owner);
  record.pages = before + delta;
  copy(compartmentInfo().memoryRecord, recordCopy, MemoryRecord.SIZE);
  return before;
}

/** Virtual address of the compartment's address 0. */
export function memoryBase(): u64 {
  return memoryRecord().base;
}

/** Whether `bytes` bytes at the compartment's address `pointer` all lie in its memory. */
export function isInMemory(pointer: u32, bytes: u32): bool {
  return u64(pointer) + u64(bytes) <= u64(memoryRecord().pages) * WASM_PAGE;
}

/** Copies `bytes` bytes out of the compartment; false, and nothing is done, if they are not all in it. */
export function copyIn(to: usize, pointer: u32, bytes: u32): bool {
  if (!isInMemory(pointer, bytes)) return false;
  copy(to, memoryBase() + u64(pointer), bytes);
  return true;
}

/** Copies `bytes` bytes from the virtual address `from` into the compartment; false as {@link copyIn}. */
export function copyOut(pointer: u32, from: u64, bytes: u32): bool {
  if (!isInMemory(pointer, bytes)) return false;
  copy(memoryBase() + u64(pointer), from, bytes);
  return true;
}

/** One past the highest byte of the compartment's stack; 0 while it has none. */
export function compartmentStackTop(): u64 {
  return stackTop;
}

/** Whether `va` is in the guard below the compartment's stack. */
export function isBelowCompartmentStack(va: u64): bool {
  return va < stackBottom && va >= stackBottom - STACK_GUARD;
}

/** Lowest byte of the compartment's stack. */
export function compartmentStackBottom(): u64 {
  return stackBottom;
}

/**
 * Ends the compartment, whose code took the trap of `frame`, for `reason`: once the trap returns, so does the
 * call of `enter`. What it has in memory stays as it is.
 */
export function endCompartment(reason: u32, frame: TrapFrame): void {
  end = reason;
  frame.rip = left();
  frame.rsp = load64(stackTop - 8);
  // A copy may have been on its way down.
  frame.rflags &= ~u64(RFLAGS_DF);
}

/** Why {@link endCompartment} ended it; 0 if nothing did. */
export function compartmentEnd(): u32 {
  return end;
}

/** Whether `va` is in the memory of the compartment, or in the guard around it. */
export function isCompartmentAddress(va: u64): bool {
  const start = memoryBase();
  return start !== 0 && va >= start && va < start + COMPARTMENT_STRIDE;
}

function memoryRecord(): MemoryRecord {
  return changetype<MemoryRecord>(recordCopy);
}

/** Maps one page at `va`, 2 MiB if that much is wanted and to be had. Returns its size. */
function mapSome(va: u64, wanted: u64, owner: u8): u64 {
  keepTables();
  if (wanted >= HUGE_PAGE && (va & (HUGE_PAGE - 1)) === 0) {
    const gpa = tryAllocateHuge(owner);
    if (gpa !== NO_FRAME) {
      mapHuge(va, gpa, WRITE);
      return HUGE_PAGE;
    }
  }
  map(va, allocateFrame(owner), WRITE);
  return PAGE;
}

function copySegment(info: CompartmentInfo, i: u32): void {
  copy(segmentCopy, info.segments + u64(i) * SegmentInfo.SIZE, SegmentInfo.SIZE);
  const segment = changetype<SegmentInfo>(segmentCopy);
  if (!copyOut(segment.offset, segment.source, segment.size)) panic(COMPARTMENT_BAD);
}

/**
 * Out of reach of any Wasm store, in the top 2 GiB: `pages` for the compartment, what its code has to keep
 * in hand, and below it the guard, which stays unmapped.
 */
function createStack(pages: u32): void {
  const bytes = u64(pages) * PAGE + u64(STACK_IN_HAND);
  stackBottom = reserveWindow((STACK_GUARD + bytes) / PAGE) + STACK_GUARD;
  stackTop = stackBottom + bytes;
  for (let va = stackBottom; va < stackTop; va += PAGE) map(va, allocateFrame(STACK), WRITE);
}
