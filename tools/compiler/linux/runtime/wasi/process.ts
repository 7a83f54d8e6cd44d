/** WASI preview1: arguments, environment, clocks, random numbers, the end of the process. */

import { copy, store32, store64 } from '../cpu.ts';
import { end } from '../end.ts';
import {
  argument,
  argumentTotal,
  environmentEntry,
  environmentTotal,
  firstArgument,
  textSize,
} from '../process.ts';
import { clockResolution, clockTime, randomBytes, yieldProcessor } from '../system.ts';
import { errnoOf, FAULT, INVAL, NOTSUP, SUCCESS } from './errno.ts';
import { guestRange } from './guest.ts';

/** The program's i-th argument: its own name, and then what follows our options. */
function programArgument(i: u32): u64 {
  return argument(i === 0 ? 0 : firstArgument() + i - 1);
}

function programArguments(): u32 {
  return argumentTotal() === 0 ? 0 : argumentTotal() - firstArgument() + 1;
}

function textAt(ofEnvironment: bool, i: u32): u64 {
  return ofEnvironment ? environmentEntry(i) : programArgument(i);
}

function totalOf(ofEnvironment: bool): u32 {
  return ofEnvironment ? environmentTotal() : programArguments();
}

function getSizes(instance: u32, count: u32, size: u32, ofEnvironment: bool): u32 {
  const countAt = guestRange(instance, count, 4);
  const sizeAt = guestRange(instance, size, 4);
  if (countAt === 0 || sizeAt === 0) return FAULT;
  const total = totalOf(ofEnvironment);
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < total; i++) bytes += textSize(textAt(ofEnvironment, i)) + 1;
  store32(countAt, total);
  store32(sizeAt, <u32>bytes);
  return SUCCESS;
}

function getTexts(instance: u32, pointers: u32, buffer: u32, ofEnvironment: bool): u32 {
  const total = totalOf(ofEnvironment);
  const pointersAt = guestRange(instance, pointers, (<u64>total) << 2);
  if (pointersAt === 0) return FAULT;
  for (let i: u32 = 0; i < total; i++) {
    const text = textAt(ofEnvironment, i);
    const size = textSize(text) + 1;
    const to = guestRange(instance, buffer, size);
    if (to === 0) return FAULT;
    copy(to, text, size);
    store32(pointersAt + ((<u64>i) << 2), buffer);
    buffer += <u32>size;
  }
  return SUCCESS;
}

export function args_sizes_get(instance: u32, count: u32, size: u32): u32 {
  return getSizes(instance, count, size, false);
}

export function args_get(instance: u32, pointers: u32, buffer: u32): u32 {
  return getTexts(instance, pointers, buffer, false);
}

export function environ_sizes_get(instance: u32, count: u32, size: u32): u32 {
  return getSizes(instance, count, size, true);
}

export function environ_get(instance: u32, pointers: u32, buffer: u32): u32 {
  return getTexts(instance, pointers, buffer, true);
}

/** WASI's clocks are realtime, monotonic, and the CPU time of process and thread: Linux's 0 to 3. */
const CLOCKS: u32 = 4;

export function clock_res_get(instance: u32, clock: u32, result: u32): u32 {
  if (clock >= CLOCKS) return INVAL;
  const to = guestRange(instance, result, 8);
  if (to === 0) return FAULT;
  store64(to, clockResolution(clock));
  return SUCCESS;
}

export function clock_time_get(instance: u32, clock: u32, _precision: u64, result: u32): u32 {
  if (clock >= CLOCKS) return INVAL;
  const to = guestRange(instance, result, 8);
  if (to === 0) return FAULT;
  store64(to, clockTime(clock));
  return SUCCESS;
}

export function random_get(instance: u32, buffer: u32, size: u32): u32 {
  const to = guestRange(instance, buffer, size);
  return to === 0 ? FAULT : errnoOf(randomBytes(to, size));
}

export function sched_yield(_instance: u32): u32 {
  return errnoOf(yieldProcessor());
}

export function proc_exit(_instance: u32, code: u32): void {
  end(code);
}

/** Signals are no way to talk between programs here, and preview1 has dropped them since. */
export function proc_raise(_instance: u32, _signal: u32): u32 {
  return NOTSUP;
}
