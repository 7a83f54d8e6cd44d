/**
 * Page state changes in batches through the GHCB. GHCB §4.1.6.
 *
 * The request lies in memory that the host writes too, so its own copy here is what counts: after
 * each exit the header is read once and may only say that the hypervisor went forward in the very
 * request that was made. One that stops early is taken up where it stopped; one that does not move
 * for too long ends the guest. That a page really changed is shown by PVALIDATE alone.
 */

import { PSC_REFUSED, PSC_STALLED, PSC_TAMPERED } from '../../spec/abi/termination.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Psc from '../../spec/psc.ts';
import { panic } from '../panic.ts';
import { load64, store64 } from '../volatile.ts';
import { begin, outputInfo2, sharedBuffer, useSharedBuffer } from './ghcb.ts';
import { request } from './request.ts';

/** In an entry: the frame is the first of 2 MiB. */
const HUGE: u64 = 0x100_0000_0000_0000;
const ENTRY_SIZE: u32 = 8;
/** Exits in a row without a step forward before we give up. */
const PATIENCE: u32 = 1024;

const batch: usize = memory.data(2024, 8);
let count: u32 = 0;

/** Adds the page at `frame` (2 MiB from there if `huge`) to the batch, which is sent when full. */
export function addPageState(frame: u64, huge: bool, operation: u32): void {
  if (count === Psc.MAX_ENTRIES) sendPageStates();
  const entry = (frame << 12) | (u64(operation) << 52) | (huge ? HUGE : 0);
  store<u64>(batch + count * ENTRY_SIZE, entry);
  count++;
}

/** Sends what is in the batch. On return the hypervisor says it has done all of it. */
export function sendPageStates(): void {
  if (count === 0) return;
  const entries = sharedBuffer() + 8;
  for (let i: u32 = 0; i < count; i++) {
    store64(entries + i * ENTRY_SIZE, load<u64>(batch + i * ENTRY_SIZE));
  }
  const end = count - 1;
  let current: u32 = 0;
  let stalls: u32 = 0;
  while (current <= end) {
    const next = sendFrom(current, end);
    stalls = next === current ? stalls + 1 : 0;
    if (stalls === PATIENCE) panic(PSC_STALLED);
    current = next;
  }
  count = 0;
}

/**
 * Asks for entries `current` to `end`; the index of the first that was not done. The entries are
 * not written again: within 2 MiB the hypervisor keeps its own place in them.
 */
function sendFrom(current: u32, end: u32): u32 {
  begin();
  store64(sharedBuffer(), u64(current) | (u64(end) << 16));
  useSharedBuffer();
  request(Event.PAGE_STATE_CHANGE, 0, 0);
  const header = load64(sharedBuffer());
  if (outputInfo2() !== 0) panic(PSC_REFUSED);
  const next = u32(header) & 0xffff;
  if (header >> 16 !== u64(end) || next < current || next > end + 1) panic(PSC_TAMPERED);
  return next;
}
