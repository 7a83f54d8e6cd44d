/** WASI preview1: waiting for time to pass and for files to be ready. */

import { load8, load32, load64, store32, store64 } from '../cpu.ts';
import { flush } from '../output.ts';
import { clockTime } from '../system.ts';
import { descriptor, isOpen } from './descriptors.ts';
import { BADF, errnoOf, FAULT, INVAL, SUCCESS } from './errno.ts';
import { guestRange } from './guest.ts';
import { pollFiles } from './linux-files.ts';

/** `subscription`: 48 bytes; `event`: 32. */
const SUBSCRIPTION_SIZE: u64 = 48;
const TAG: u64 = 8;
const CLOCK: u64 = 16;
const TIMEOUT: u64 = 24;
const FLAGS: u64 = 40;
const FD: u64 = 16;
const EVENT_SIZE: u64 = 32;

/** `eventtype`. */
const EVENT_CLOCK: u32 = 0;
const EVENT_READ: u32 = 1;
const EVENT_WRITE: u32 = 2;

/** `subclockflags`: the timeout is a time, not a span. */
const ABSOLUTE: u32 = 1;

/** WASI's only clocks to wait for: real time and monotonic. */
const CLOCKS: u32 = 2;

/** Linux's `struct pollfd`: fd i32, events i16, revents i16. One for each subscription. */
const CAPACITY: u32 = 1024;
const files: usize = memory.data(8 * 1024, 8);
const POLLIN: u32 = 1;
const POLLOUT: u32 = 4;
const POLLHUP: u32 = 0x10;

const FOREVER: u64 = -1;

/** How long subscription `at` has still to wait, in nanoseconds. */
function spanOf(at: u64): u64 {
  const timeout = load64(at + TIMEOUT);
  if (!(load32(at + FLAGS) & ABSOLUTE)) return timeout;
  const now = clockTime(load32(at + CLOCK));
  return timeout > now ? timeout - now : 0;
}

export function poll_oneoff(
  instance: u32,
  subscriptions: u32,
  events: u32,
  count: u32,
  result: u32,
): u32 {
  if (count === 0 || count > CAPACITY) return INVAL;
  const from = guestRange(instance, subscriptions, count * SUBSCRIPTION_SIZE);
  const to = guestRange(instance, events, count * EVENT_SIZE);
  const resultAt = guestRange(instance, result, 4);
  if (from === 0 || to === 0 || resultAt === 0) return FAULT;
  let span = FOREVER;
  for (let i: u32 = 0; i < count; i++) {
    const at = from + i * SUBSCRIPTION_SIZE;
    const tag = load8(at + TAG);
    const file = files + ((<usize>i) << 3);
    // Linux passes over a negative file descriptor.
    store<i32>(file, -1);
    store<u32>(file, 0, 4);
    if (tag === EVENT_CLOCK) {
      if (load32(at + CLOCK) < CLOCKS) span = min(span, spanOf(at));
      else span = 0;
    } else if (tag <= EVENT_WRITE) {
      const fd = load32(at + FD);
      if (isOpen(fd)) {
        store<u32>(file, descriptor(fd).host);
        store<u16>(file, <u16>(tag === EVENT_READ ? POLLIN : POLLOUT), 4);
      } else {
        span = 0;
      }
    } else {
      return INVAL;
    }
  }
  flush();
  const ready = pollFiles(files, count, span);
  if (ready < 0) return errnoOf(ready);
  // A file that was ready cut the waiting short.
  const waited = ready > 0 ? 0 : span;
  let written: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const file = files + ((<usize>i) << 3);
    const at = to + written * EVENT_SIZE;
    if (putEvent(from + i * SUBSCRIPTION_SIZE, file, at, waited)) written += 1;
  }
  store32(resultAt, written);
  return SUCCESS;
}

/** Writes the event of a subscription, if it has happened. `waited`: nanoseconds that have gone by. */
function putEvent(subscription: u64, file: usize, to: u64, waited: u64): bool {
  const tag = load8(subscription + TAG);
  const got = <u32>load<u16>(file, 6);
  let error: u32 = SUCCESS;
  if (tag === EVENT_CLOCK) {
    if (load32(subscription + CLOCK) >= CLOCKS) error = INVAL;
    else if (spanOf(subscription) > (isSpan(subscription) ? waited : 0)) return false;
  } else if (!isOpen(load32(subscription + FD))) {
    error = BADF;
  } else if (got === 0) {
    return false;
  }
  store64(to, load64(subscription));
  store64(to + 8, error | (tag << 16));
  store64(to + 16, tag === EVENT_CLOCK ? 0 : 1);
  store64(to + 24, got & POLLHUP ? 1 : 0);
  return true;
}

/** Whether the subscription is to a span of time, not to a point in it. */
function isSpan(subscription: u64): bool {
  return !(load32(subscription + FLAGS) & ABSOLUTE);
}
