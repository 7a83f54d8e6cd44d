/** Who called whom. Frames have constant sizes, so no frame pointer is needed: the linker's table has them. */

import { compartmentStackBottom, compartmentStackTop } from '../compartment.ts';
import { writeText } from '../console.ts';
import { load64 } from '../cpu.ts';
import { imageInfo } from '../handoff.ts';
import { functionAt, placeOf, writeLocation, writeString } from './symbols.ts';

const MAX_DEPTH: u32 = 24;
/** A function that has no frame to step over, such as an entry stub. */
const NO_FRAME: u32 = 0xffff_ffff;

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
  const slot = rsp + u64(entry.frameSize);
  if (!isOnStack(slot)) return rsp;
  // A return address is the instruction after the call, which may belong to another line.
  caller = load64(slot) - 1;
  return slot + 8;
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
