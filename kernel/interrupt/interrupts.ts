/**
 * Interrupts: by vector, or, from a host with restricted injection, by #HV and the doorbell page.
 *
 * Interrupts are on in one place only: in boot/wait.ts, where the kernel waits. So none comes by
 * vector but there, and one that does is the host's invention. #HV no flag can turn off: where
 * interrupts are off it is left in the page, which is looked at before each wait. One that comes
 * while another is served, up to that one's IRET, finds them off as well.
 */

import { HOST_HV } from '../../spec/abi/platform.ts';
import {
  INTERRUPT_WHILE_OFF,
  UNEXPECTED_HV,
  UNEXPECTED_INTERRUPT,
} from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Apic from '../../spec/apic.ts';
import { RFLAGS_IF } from '../../spec/cpu.ts';
import { wait } from '../boot.ts';
import { imageInfo } from '../handoff.ts';
import { waitOpen, waitOut } from '../label.ts';
import { panic } from '../panic.ts';
import { isSnp } from '../platform.ts';
import { writeApic } from './apic.ts';
import {
  checkDoorbell,
  closeDoorbell,
  doorbellAddress,
  hasDoorbell,
  needsNoEoi,
  openDoorbell,
  takeVector,
} from './doorbell.ts';
import { SPURIOUS_VECTOR, TIMER_VECTOR } from './vectors.ts';

/** Of nothing: all vectors' class is above it. */
const PRIORITY: u32 = 0;
/** Vectors served in one entry: a host that has more for us does not keep us from going on. */
const MOST: u32 = 4;
/** Stands for the doorbell's word where there is no doorbell. */
const silence: usize = memory.data(8, 8);

/** What was counted; the host can make them anything. */
let ticks: u32 = 0;
let spurious: u32 = 0;
let deferred: u32 = 0;
let nested: u32 = 0;

/** Whether this image's host interrupts by #HV alone. */
export function isRestricted(): bool {
  return isSnp() && imageInfo().host === HOST_HV;
}

/** Gives a host with restricted injection the page to tell of interrupts in. */
export function openInterrupts(): void {
  if (isRestricted()) openDoorbell();
}

/** From now on nothing comes of an event: for a guest that is about to give up all it shares. */
export function closeInterrupts(): void {
  if (hasDoorbell()) closeDoorbell();
}

/** Timer interrupts since boot. */
export function timerTicks(): u32 {
  return ticks;
}

/** #HV and spurious vectors with nothing behind them. */
export function spuriousEvents(): u32 {
  return spurious;
}

/** #HV left for later, as interrupts were off. */
export function deferredEvents(): u32 {
  return deferred;
}

/** Those of them that came while an exception was served. */
export function nestedEvents(): u32 {
  return nested;
}

/** Waits for an interrupt, and serves it; none if one was served that had come before. */
export function waitForInterrupt(): void {
  if (hasDoorbell()) {
    if (serveDoorbell() !== 0) return;
    wait(u64(doorbellAddress()));
    serveDoorbell();
  } else {
    wait(u64(silence));
  }
}

/** #HV, within another exception if `inTrap`. Returns why the guest must end, or 0. */
export function receiveHv(frame: TrapFrame, inTrap: bool): u32 {
  if (!isRestricted()) return UNEXPECTED_HV;
  if (!hasDoorbell()) {
    spurious++;
    return 0;
  }
  checkDoorbell();
  if (inTrap) nested++;
  if ((frame.rflags & u64(RFLAGS_IF)) === 0) {
    deferred++;
    return 0;
  }
  if (serveDoorbell() === 0) spurious++;
  leaveWait(frame);
  return 0;
}

/** An interrupt by its vector, 32 or above. Returns as {@link receiveHv}. */
export function receiveInterrupt(frame: TrapFrame, vector: u32): u32 {
  if (isRestricted() || (vector !== TIMER_VECTOR && vector !== SPURIOUS_VECTOR)) {
    return UNEXPECTED_INTERRUPT;
  }
  const off = (frame.rflags & u64(RFLAGS_IF)) === 0;
  if (off || !isWaiting(frame.rip)) return INTERRUPT_WHILE_OFF;
  if (vector === TIMER_VECTOR) {
    ticks++;
    endInterrupt();
  } else {
    // An APIC that has nothing to deliver after all has nothing in service either.
    spurious++;
  }
  leaveWait(frame);
  return 0;
}

/** Serves what is in the page, as far as one entry may; how many vectors. */
function serveDoorbell(): u32 {
  for (let served: u32 = 0; served < MOST; served++) {
    const vector = takeVector(PRIORITY);
    if (vector === 0) return served;
    if (vector === TIMER_VECTOR) ticks++;
    else if (vector === SPURIOUS_VECTOR) spurious++;
    else panic(UNEXPECTED_INTERRUPT);
    if (!needsNoEoi() && vector !== SPURIOUS_VECTOR) endInterrupt();
  }
  return MOST;
}

function endInterrupt(): void {
  writeApic(Apic.END_OF_INTERRUPT, 0);
}

function isWaiting(rip: u64): bool {
  return rip >= waitOpen() && rip <= waitOut();
}

/** What was waited for has come: HLT must not be executed any more. */
function leaveWait(frame: TrapFrame): void {
  if (isWaiting(frame.rip)) frame.rip = waitOut();
}
