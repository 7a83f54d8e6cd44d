/** Calls into instances, and the stack that they run on. */

import { CallFrame, InstanceInfo } from '../../../../spec/abi/executable.ts';
import { MemoryRecord } from '../../../../spec/abi/handoff.ts';
import { call } from './linux.ts';
import { commit, reserve } from './system.ts';

/** As much as Linux gives a process by default (RLIMIT_STACK). */
const STACK_SIZE: u64 = 8 << 20;
/** Nothing in it can be touched: running into it is the trap `call stack exhausted`. */
const GUARD_SIZE: u64 = 1 << 20;

/** The frame of the call being prepared, made, or read out: calls do not nest. */
const frame = memory.data(0xe0 + 0x1_0000, 16);

let guard: u64 = 0;
let inProgress: bool = false;

/** Makes the stack. False if there is no address space for it. */
export function reserveStack(): bool {
  const address = reserve(GUARD_SIZE + STACK_SIZE);
  if (address < 0) return false;
  guard = <u64>address;
  changetype<CallFrame>(frame).stackTop = guard + GUARD_SIZE + STACK_SIZE;
  return commit(guard + GUARD_SIZE, STACK_SIZE) === 0;
}

/** Whether `address` lies in the guard below the stack. */
export function inGuard(address: u64): bool {
  return address - guard < GUARD_SIZE;
}

/** RSP to go back to when the call traps; 0 while there is none. */
export function callInProgress(): u64 {
  return inProgress ? changetype<CallFrame>(frame).saved : 0;
}

/** Where the value at ValueInfo.offset of the call at hand is: 16 bytes. */
export function valueAt(offset: u32): usize {
  return frame + offset;
}

/**
 * Calls `code`, a function of `instance`, whose parameters are in place. 0, or the number of the
 * trap that ended it.
 */
export function enter(instance: InstanceInfo, code: u32, stackSize: u32): u32 {
  const to = changetype<CallFrame>(frame);
  to.code = code;
  to.base = instance.memory === 0 ? 0 : changetype<MemoryRecord>(instance.memory).base;
  to.stackSize = stackSize;
  inProgress = true;
  const trap = call(frame);
  inProgress = false;
  return trap;
}
