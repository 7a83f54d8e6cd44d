/** Time since boot, which never goes back. There is no wall clock: nobody who could be believed has one. */

import { rdtsc } from '../cpu.ts';
import { tscKilohertz } from './frequency.ts';

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

let start: u64 = 0;
let started: bool = false;
let latest: u64 = 0;

/** Whether there is a clock: something that counts, at a speed that is known. */
export function hasClock(): bool {
  if (tscKilohertz() === 0) return false;
  if (!started) {
    started = true;
    start = rdtsc();
  }
  return true;
}

/** Nanoseconds since the clock was first asked for, no fewer than last time. Needs {@link hasClock}. */
export function nanoseconds(): u64 {
  const ticks = rdtsc() - start;
  const kilohertz = tscKilohertz();
  const whole = ticks / kilohertz;
  const rest = ((ticks % kilohertz) * NANOSECONDS_PER_MILLISECOND) / kilohertz;
  const now = whole * NANOSECONDS_PER_MILLISECOND + rest;
  // A host that sets the counter back stops this clock: it does not turn it back.
  if (i64(ticks) >= 0 && now > latest) latest = now;
  return latest;
}

/** The clock's step in nanoseconds, at least one. */
export function resolution(): u64 {
  return max<u64>(NANOSECONDS_PER_MILLISECOND / tscKilohertz(), 1);
}
