/** The TSC measured against the 8254's counter 0, once, with interrupts off. */

import * as Pit from '../../spec/pit.ts';
import { rdtsc } from '../cpu.ts';
import { readPort8, writePort8 } from '../sev/port.ts';

/** A fiftieth of a second: of the 65536 counts of one run, about a third. */
const COUNTS: u32 = Pit.FREQUENCY / 50;
const WHOLE: u32 = 0xffff;
/** Looks at a counter that stands still before we decide that there is none: a count is under 1 µs. */
const STILL: u32 = 10_000;
/** Looks in all, for a counter that moves and gets nowhere: a look takes some tens of ns at least. */
const PATIENCE: u32 = 4_000_000;

/** kHz, 0 if the counter does not count. */
export function measureKilohertz(): u32 {
  // In this mode the output rises at the end of the count and not before: no interrupt is asked for.
  writePort8(Pit.CONTROL, Pit.COUNTER_0_MODE_0);
  writePort8(Pit.COUNTER_0, WHOLE & 0xff);
  writePort8(Pit.COUNTER_0, WHOLE >> 8);
  const start = rdtsc();
  const first = latched();
  let counted: u32 = 0;
  let still: u32 = 0;
  for (let i: u32 = 0; i < PATIENCE && still < STILL && counted < COUNTS; i++) {
    const now = (first - latched()) & WHOLE;
    still = now === counted ? still + 1 : 0;
    counted = now;
  }
  const ticks = rdtsc() - start;
  // The mode written anew stops the counter until it gets a count.
  writePort8(Pit.CONTROL, Pit.COUNTER_0_MODE_0);
  if (counted < COUNTS) return 0;
  const kilohertz = (ticks * u64(Pit.FREQUENCY)) / u64(counted) / 1000;
  return kilohertz > u64(u32.MAX_VALUE) ? 0 : u32(kilohertz);
}

function latched(): u32 {
  writePort8(Pit.CONTROL, Pit.COUNTER_0_LATCH);
  const low = readPort8(Pit.COUNTER_0);
  return low | (readPort8(Pit.COUNTER_0) << 8);
}
