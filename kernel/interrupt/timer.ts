/**
 * The APIC's timer, by which the kernel sleeps. It decides when to look at the clock again, and the
 * clock alone decides what time it is: a host whose timer is wrong makes a sleep longer, not shorter.
 */

import { APIC_BAD } from '../../spec/abi/termination.ts';
import * as Apic from '../../spec/apic.ts';
import { panic } from '../panic.ts';
import { nanoseconds } from '../time/clock.ts';
import { openApic, readApic, writeApic } from './apic.ts';
import { timerTicks, waitForInterrupt } from './interrupts.ts';
import { TIMER_VECTOR } from './vectors.ts';

const MOST: u64 = 0xffff_ffff;
/** Nanoseconds for which the timer's speed is measured against the clock. */
const MEASURE: u64 = 100_000;
/** Looks at a clock that stands still. */
const PATIENCE: u32 = 10_000_000;
/** Fixed-point speed: counts in 2^16 nanoseconds. */
const SHIFT: u64 = 16;

/** Counts in 2^SHIFT nanoseconds; 0 until measured. */
let speed: u64 = 0;

/** Returns once the clock shows `deadline`, nanoseconds since boot. */
export function sleepUntil(deadline: u64): void {
  let now = nanoseconds();
  if (now >= deadline) return;
  if (speed === 0) openTimer();
  let running = false;
  for (now = nanoseconds(); now < deadline; now = nanoseconds()) {
    const before = timerTicks();
    writeApic(Apic.INITIAL_COUNT, countFor(deadline - now));
    waitForInterrupt();
    running = timerTicks() === before;
  }
  // Something else woke us, and nobody waits for the timer any more.
  if (running) writeApic(Apic.INITIAL_COUNT, 0);
}

/** At least one; as many as the timer takes where that is not enough. */
function countFor(time: u64): u32 {
  if (time >= MOST << 4) return u32(MOST);
  return u32(max<u64>(1, min<u64>(MOST, ((time * speed) >> SHIFT) + 1)));
}

/** Switches the timer on and measures it: its speed is the host's affair, and nowhere told. */
function openTimer(): void {
  openApic();
  writeApic(Apic.DIVIDE, Apic.DIVIDE_BY_1);
  writeApic(Apic.TIMER, Apic.MASKED | TIMER_VECTOR);
  writeApic(Apic.INITIAL_COUNT, u32(MOST));
  const start = nanoseconds();
  let time: u64 = 0;
  for (let i: u32 = 0; i < PATIENCE && time < MEASURE; i++) time = nanoseconds() - start;
  const counted = MOST - u64(readApic(Apic.CURRENT_COUNT));
  time = nanoseconds() - start;
  writeApic(Apic.INITIAL_COUNT, 0);
  if (time < MEASURE || counted === 0) panic(APIC_BAD);
  speed = max<u64>(1, (counted << SHIFT) / time);
  writeApic(Apic.TIMER, TIMER_VECTOR);
}
