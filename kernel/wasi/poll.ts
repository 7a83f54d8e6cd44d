/** WASI, poll_oneoff: sleeping, and waiting for descriptors, which here are always ready. */

import { copyIn, copyOut, isInMemory } from '../compartment.ts';
import { flush } from '../console.ts';
import { sleepUntil } from '../interrupt/timer.ts';
import { hasClock, nanoseconds } from '../time/clock.ts';
import { EBADF, EFAULT, EINVAL, ENOTSUP, SUCCESS } from './errno.ts';

/**
 * subscription: userdata u64, tag u8 at 8, then by tag at 16: a clock's id u32, timeout u64 at 24,
 * flags u16 at 40; or a descriptor u32.
 */
const SUBSCRIPTION: u32 = 48;
/** event: userdata u64, errno u16 at 8, type u8 at 10, bytes u64 at 16, flags u16 at 24. */
const EVENT: u32 = 32;
const CLOCK: u32 = 0;
const FD_READ: u32 = 1;
const FD_WRITE: u32 = 2;
const MONOTONIC: u32 = 1;
const ABSOLUTE: u32 = 1;
const HANGUP: u16 = 1;
const STDIN: u32 = 0;
const STDERR: u32 = 2;
const MAX_SUBSCRIPTIONS: u32 = 1024;
const NEVER: u64 = 0xffff_ffff_ffff_ffff;

const subscription: usize = memory.data(48, 8);
const event: usize = memory.data(32, 8);
const word: usize = memory.data(4, 4);
/** Of the call that is being made. */
let start: u64 = 0;
let stored: u32 = 0;

export function poll_oneoff(_compartment: u32, from: u32, to: u32, count: u32, events: u32): u32 {
  if (count === 0 || count > MAX_SUBSCRIPTIONS) return EINVAL;
  if (!isInMemory(from, count * SUBSCRIPTION) || !isInMemory(to, count * EVENT)) return EFAULT;
  if (!isInMemory(events, 4)) return EFAULT;
  start = hasClock() ? nanoseconds() : 0;
  let earliest = NEVER;
  let ready = false;
  for (let i: u32 = 0; i < count; i++) {
    copyIn(subscription, from + i * SUBSCRIPTION, SUBSCRIPTION);
    const tag = u32(load<u8>(subscription, 8));
    if (tag > FD_WRITE) return EINVAL;
    if (tag !== CLOCK || clockError() !== SUCCESS) ready = true;
    else earliest = min<u64>(earliest, deadline());
  }
  if (!ready) {
    flush();
    sleepUntil(earliest);
  }
  stored = 0;
  const now = hasClock() ? nanoseconds() : 0;
  for (let i: u32 = 0; i < count; i++) {
    copyIn(subscription, from + i * SUBSCRIPTION, SUBSCRIPTION);
    report(to, now);
  }
  store<u32>(word, stored);
  copyOut(events, word, 4);
  return SUCCESS;
}

/** Stores the event of the subscription at hand, if it has come. */
function report(to: u32, now: u64): void {
  const tag = u32(load<u8>(subscription, 8));
  memory.fill(event, 0, EVENT);
  store<u64>(event, load<u64>(subscription));
  store<u8>(event, u8(tag), 10);
  if (tag === CLOCK) {
    const error = clockError();
    if (error === SUCCESS && now < deadline()) return;
    store<u16>(event, u16(error), 8);
  } else {
    const fd = load<u32>(subscription, 16);
    const known = tag === FD_READ ? fd === STDIN : fd !== STDIN && fd <= STDERR;
    if (!known) store<u16>(event, u16(EBADF), 8);
    // There is no input: who reads finds its end.
    else if (tag === FD_READ) store<u16>(event, HANGUP, 24);
  }
  copyOut(to + stored * EVENT, event, EVENT);
  stored++;
}

function clockError(): u32 {
  if (load<u32>(subscription, 16) !== MONOTONIC) return EINVAL;
  return hasClock() ? SUCCESS : ENOTSUP;
}

/** Nanoseconds since boot. */
function deadline(): u64 {
  const timeout = load<u64>(subscription, 24);
  if ((u32(load<u16>(subscription, 40)) & ABSOLUTE) !== 0) return timeout;
  return timeout > NEVER - start ? NEVER : start + timeout;
}
