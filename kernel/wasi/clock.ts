/** WASI, clock_res_get and clock_time_get: the monotonic clock, the only one there is. */

import { copyOut, isInMemory } from '../compartment.ts';
import { hasClock, nanoseconds, resolution } from '../time/clock.ts';
import { EFAULT, EINVAL, ENOTSUP, SUCCESS } from './errno.ts';

/** Of WASI's clockid. */
const MONOTONIC: u32 = 1;
const time: usize = memory.data(8, 8);

/** EINVAL for another clock, ENOTSUP where this one's speed is not known. */
export function clock_time_get(_compartment: u32, clock: u32, _precision: u64, out: u32): u32 {
  const refusal = refuse(clock, out);
  return refusal === SUCCESS ? give(out, nanoseconds()) : refusal;
}

export function clock_res_get(_compartment: u32, clock: u32, out: u32): u32 {
  const refusal = refuse(clock, out);
  return refusal === SUCCESS ? give(out, resolution()) : refusal;
}

function refuse(clock: u32, out: u32): u32 {
  if (clock !== MONOTONIC) return EINVAL;
  if (!isInMemory(out, 8)) return EFAULT;
  return hasClock() ? SUCCESS : ENOTSUP;
}

function give(out: u32, value: u64): u32 {
  store<u64>(time, value);
  copyOut(out, time, 8);
  return SUCCESS;
}
