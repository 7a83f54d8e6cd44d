/**
 * The #HV doorbell page: where a host with restricted injection says what is pending. It is the
 * host's as much as ours: each field is read once, by one access, and taken by compare-exchange.
 * GHCB §4.1.13.
 *
 * Whatever a host does with it, it can but bring our own vectors, or end the guest: with a reason.
 */

import {
  DOORBELL_BAD,
  DOORBELL_MACHINE_CHECK,
  DOORBELL_NMI,
  DOORBELL_REFUSED,
} from '../../spec/abi/termination.ts';
import * as Doorbell from '../../spec/doorbell.ts';
import { HV_DOORBELL_PAGE } from '../../spec/ghcb-event.ts';
import { sharePage } from '../mm/sharing.ts';
import { panic } from '../panic.ts';
import { begin, outputInfo2 } from '../sev/ghcb.ts';
import { request } from '../sev/request.ts';
import { compareExchange16, exchange8, load16 } from '../volatile.ts';
import { FIRST_INTERRUPT } from './vectors.ts';

const page: usize = memory.data(4096, 4096);
/** The page's fields: spec/layouts/doorbell.ts. */
const PENDING: usize = page;
const NO_EOI_REQUIRED: usize = page + 2;

/** Tries to exchange a word that the host changes all the time. */
const PATIENCE: u32 = 16;

let open: bool = false;

export function hasDoorbell(): bool {
  return open;
}

/** Address of the word that says what is pending. */
export function doorbellAddress(): usize {
  return PENDING;
}

/** Shares the page, tells the host of it, and makes sure that the host has that one. */
export function openDoorbell(): void {
  sharePage(page);
  begin();
  request(HV_DOORBELL_PAGE, u64(Doorbell.SET), u64(page));
  begin();
  request(HV_DOORBELL_PAGE, u64(Doorbell.QUERY), 0);
  if (outputInfo2() !== u64(page)) panic(DOORBELL_REFUSED);
  open = true;
}

/** Tells the host to forget the page, so that it can be taken back. */
export function closeDoorbell(): void {
  open = false;
  begin();
  request(HV_DOORBELL_PAGE, u64(Doorbell.CLEAR), 0);
}

/** Ends the guest if the page tells of what no guest survives; changes nothing in it. */
export function checkDoorbell(): void {
  const pending = load16(PENDING);
  if ((pending & Doorbell.NMI) !== 0) panic(DOORBELL_NMI);
  if ((pending & Doorbell.MACHINE_CHECK) !== 0) panic(DOORBELL_MACHINE_CHECK);
  if ((pending & Doorbell.RESERVED) !== 0) panic(DOORBELL_BAD);
}

/**
 * Takes the vector that is pending out of the page; 0 if there is none, or none above `priority`,
 * which then stays. NoFurtherSignal goes first: an event that comes after is signalled anew.
 */
export function takeVector(priority: u32): u32 {
  for (let i: u32 = 0; i < PATIENCE; i++) {
    const word = load16(PENDING);
    const quiet = word & ~Doorbell.NO_FURTHER_SIGNAL;
    if (compareExchange16(PENDING, word, quiet) !== word) continue;
    const vector = pendingVector(quiet);
    if (vector === 0 || vector >> 4 <= priority >> 4) return 0;
    if (compareExchange16(PENDING, quiet, quiet & ~Doorbell.VECTOR_MASK) === quiet) return vector;
  }
  return 0;
}

/** Whether the last vector taken needs no end-of-interrupt; asks the host's leave once for each. */
export function needsNoEoi(): bool {
  return (exchange8(NO_EOI_REQUIRED, 0) & Doorbell.NO_EOI) !== 0;
}

function pendingVector(word: u32): u32 {
  if ((word & Doorbell.NMI) !== 0) panic(DOORBELL_NMI);
  if ((word & Doorbell.MACHINE_CHECK) !== 0) panic(DOORBELL_MACHINE_CHECK);
  if ((word & Doorbell.RESERVED) !== 0) panic(DOORBELL_BAD);
  const vector = word & Doorbell.VECTOR_MASK;
  if (vector !== 0 && vector < FIRST_INTERRUPT) panic(DOORBELL_BAD);
  return vector;
}
