/** Who called whom. Frames have constant sizes, so no frame pointer is needed: the linker's table has them. */

import { FunctionEntry } from '../../spec/abi/handoff.ts';
import { compartmentStackBottom, compartmentStackTop } from '../compartment.ts';
import { writeText } from '../console.ts';
import { load8, load32, load64 } from '../cpu.ts';
import { imageInfo, TOP } from '../handoff.ts';
import { functionAt, placeOf, writeLocation, writeString } from './symbols.ts';

const MAX_DEPTH: u32 = 24;
/** A function that has no frame to step over, such as an entry stub. */
const NO_FRAME: u32 = 0xffff_ffff;

/** Opcodes of a prologue: `push r64`, its prefix for r8 to r15, and `test [rsp + disp32], eax`. APM3. */
const PUSH: u32 = 0x50;
const REX_B: u32 = 0x41;
const PROBE: u32 = 0x24_84_85;
const PROBE_LENGTH: u64 = 7;

/** Set by {@link stepOut}. */
let caller: u64 = 0;

/** Writes a line for the function at `rip` and for each of its callers; `rsp` is that of its body. */
export function writeBacktrace(rip: u64, rsp: u64): void {
  for (let depth: u32 = 0; depth < MAX_DEPTH && rip !== 0; depth++) {
    const place = placeOf(rip);
    const entry = functionAt(place);
    if (entry === null) return;
    writeText('  at ');
    writeString(entry.name);
    writeLocation(' ', place);
    writeText('\n');
    rsp = stepOut(rip, rsp);
    rip = caller;
  }
}

/**
 * RSP in the caller of the function at `rip`, whose own is `rsp`; {@link callerAddress} is then the
 * place of the call, 0 where the stack or the table ends.
 */
export function stepOut(rip: u64, rsp: u64): u64 {
  caller = 0;
  const entry = functionAt(placeOf(rip));
  if (entry === null || entry.frameSize === NO_FRAME) return rsp;
  const slot = rsp + u64(frameSizeAt(rip, entry));
  if (!isOnStack(slot)) return rsp;
  // A return address is the instruction after the call, which may belong to another line.
  caller = load64(slot) - 1;
  return slot + 8;
}

/**
 * Bytes from RSP up to the return address at `rip`, which may be in the prologue: pushes, probes of the stack,
 * then RSP goes down. Running out of stack is found there.
 */
function frameSizeAt(rip: u64, entry: FunctionEntry): u32 {
  let at = TOP + u64(entry.start);
  let pushed: u32 = 0;
  while (at < rip) {
    const length = pushLength(at);
    if (length === 0) break;
    at += length;
    pushed += 8;
  }
  while (at < rip && (load32(at) & 0xff_ffff) === PROBE) at += PROBE_LENGTH;
  return at < rip ? entry.frameSize : pushed;
}

/** Length of the PUSH of a register at `at`; 0 if it is none. */
function pushLength(at: u64): u64 {
  const hasRex = load8(at) === REX_B;
  return (load8(hasRex ? at + 1 : at) & 0xf8) === PUSH ? (hasRex ? 2 : 1) : 0;
}

export function callerAddress(): u64 {
  return caller;
}

/** Whether the eight bytes at `va` lie on a stack that is mapped. */
function isOnStack(va: u64): bool {
  const info = imageInfo();
  if (va >= info.stackBottom && va + 8 <= info.stackTop) return true;
  return va >= compartmentStackBottom() && va + 8 <= compartmentStackTop();
}
