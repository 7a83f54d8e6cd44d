/**
 * Pages given to the host and taken back. The order matters: at no moment may a page be the host's
 * while it is validated or mapped private, or be used as private before it is validated. GHCB §4.1.6.
 *
 *   to the host   flush lines, PVALIDATE 0, page-state change, C=0, TLB
 *   back          flush lines, C=1, TLB, page-state change, PVALIDATE 1, stale lines, zeroes
 */

import { ASSERTION } from '../../spec/abi/termination.ts';
import * as Psc from '../../spec/psc.ts';
import { clflush, fill } from '../cpu.ts';
import { panic } from '../panic.ts';
import { isEncrypted, isSnp } from '../platform.ts';
import { changePageState } from '../sev/msr.ts';
import { addPageState, sendPageStates } from '../sev/psc.ts';
import { rescind, validate } from '../sev/rmp.ts';
import { PAGE, remap, SHARED, WRITE } from './paging.ts';
import { dropStaleLines } from './stale-lines.ts';

const LINE: u64 = 64;

/** The pages that are the host's too, one word each. */
const LENT_MAX: u32 = 64;
const lent: usize = memory.data(256, 4);
let lentCount: u32 = 0;

/** Makes the page at `page`, in the kernel's memory, the host's too. It reads as zeroes afterwards. */
export function sharePage(page: usize): void {
  sharePages(page, 1);
}

/** As {@link sharePage}, for `count` pages from `first` on: one request does for all of them. */
export function sharePages(first: usize, count: u32): void {
  if (!isEncrypted()) return;
  const end = first + (usize(count) << 12);
  for (let page = first; page < end; page += usize(PAGE)) {
    note(page);
    flushLines(page);
    if (isSnp()) rescind(page, u64(page) >> 12);
  }
  if (isSnp()) requestShared(first, end);
  for (let page = first; page < end; page += usize(PAGE)) {
    remap(page, WRITE | SHARED);
    fill(u64(page), 0, PAGE);
  }
}

/** Takes back all that is shared but the page at `kept`. */
export function reclaimAllBut(kept: usize): void {
  // From the end, as each page that is taken back is replaced in the list by the last.
  for (let i = lentCount; i > 0; i--) {
    const page = load<usize>(lent + ((i - 1) << 2));
    if (page !== kept) reclaimPage(page);
  }
}

/** Takes back a page given with {@link sharePage}, which nothing of the host's survives in. */
export function reclaimPage(page: usize): void {
  if (!isEncrypted()) return;
  forget(page);
  flushLines(page);
  remap(page, WRITE);
  if (isSnp()) {
    changePageState(page, Psc.PRIVATE);
    validate(page, u64(page) >> 12);
    dropStaleLines(u64(page), u64(page) + PAGE);
  }
  fill(u64(page), 0, PAGE);
}

function note(page: usize): void {
  if (lentCount === LENT_MAX) panic(ASSERTION);
  store<usize>(lent + (lentCount << 2), page);
  lentCount++;
}

function forget(page: usize): void {
  let i: u32 = 0;
  while (i < lentCount && load<usize>(lent + (i << 2)) !== page) i++;
  if (i === lentCount) panic(ASSERTION);
  lentCount--;
  store<usize>(lent + (i << 2), load<usize>(lent + (lentCount << 2)));
}

/** A batch takes more than the MSR protocol does for a page, but one exit for all of them. */
function requestShared(first: usize, end: usize): void {
  if (end - first === usize(PAGE)) {
    changePageState(first, Psc.SHARED);
    return;
  }
  for (let page = first; page < end; page += usize(PAGE)) {
    addPageState(u64(page) >> 12, false, Psc.SHARED);
  }
  sendPageStates();
}

/** The C-bit is part of a cache line's tag: lines of the old mapping must not outlive it. */
function flushLines(page: usize): void {
  const end = u64(page) + PAGE;
  for (let line = u64(page); line < end; line += LINE) clflush(line);
}
