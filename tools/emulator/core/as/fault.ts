/** Ways an instruction ends other than by completing: exceptions, #VMEXITs, what is not built. */

import { VECTOR_GP, VECTOR_SS, VECTOR_UD, VECTOR_VC } from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import * as Region from '../memory-map';
import * as Control from './control';
import * as Cpu from './cpu';
import { EXCEPTION, EXIT, pending, setPending } from './machine';

/** The exception that `pending` announces. */
export let vector: u32 = 0;
export let errorCode: u32 = 0;
export let hasErrorCode: bool = false;

/** Raises an exception without an error code. */
export function raise(number: u32): void {
  vector = number;
  errorCode = 0;
  hasErrorCode = false;
  setPending(EXCEPTION);
}

/** Raises an exception with an error code. */
export function raiseWith(number: u32, code: u32): void {
  vector = number;
  errorCode = code;
  hasErrorCode = true;
  setPending(EXCEPTION);
}

export function raiseUd(): void {
  raise(VECTOR_UD);
}

export function raiseGp(code: u32): void {
  raiseWith(VECTOR_GP, code);
}

/** A non-canonical address: #SS through the stack, #GP elsewhere. APM2 §8.2.13. */
export function raiseNonCanonical(stack: bool): void {
  raiseWith(stack ? VECTOR_SS : VECTOR_GP, 0);
}

/** Leaves the guest with an exit code; `state.rip` is what the exit shows. */
export function exitWith(code: u32, info1: u64, info2: u64): void {
  store<u64>(Control.EXIT_CODE, code);
  store<u64>(Control.EXIT_INFO1, info1);
  store<u64>(Control.EXIT_INFO2, info2);
  setPending(EXIT);
}

/** Number of the missing part, as MISSING in core.ts has it. */
export function missing(part: u32): void {
  store<u32>(Control.MISSING, part);
  exitWith(Region.EXIT_UNIMPLEMENTED, 0, 0);
}

/** An instruction of the table for which there is no handler. */
export function unimplementedRow(row: u32): void {
  store<u32>(Control.MISSING, 0);
  store<u32>(Control.UNIMPLEMENTED, row);
  exitWith(Region.EXIT_UNIMPLEMENTED, 0, 0);
}

export function isSevEs(): bool {
  return load<u8>(Control.SEV_ES) !== 0;
}

export function isSnp(): bool {
  return load<u8>(Control.SNP) !== 0;
}

/** Whether the hypervisor's intercept bit for `code` is set. Words 0 to 5 follow the exit codes. */
export function intercepted(code: u32): bool {
  return ((load<u32>(Control.INTERCEPT0 + ((code >> 5) << 2)) >> (code & 31)) & 1) !== 0;
}

/** A non-automatic exit: #VC with the exit code under SEV-ES, else the exit. APM2 §15.35.5. */
export function interceptNow(code: u32, info1: u64, info2: u64, nextRip: u64): void {
  if (isSevEs()) {
    raiseWith(VECTOR_VC, code);
    return;
  }
  store<u64>(Control.N_RIP, nextRip);
  // An emulated instruction counts as one, so that a loop of them uses up its limit.
  store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + 1);
  exitWith(code, info1, info2);
}

/** As {@link interceptNow} if the intercept bit is set. Tells whether the instruction ends here. */
export function intercept(code: u32, info1: u64, info2: u64, nextRip: u64): bool {
  if (!intercepted(code)) return false;
  interceptNow(code, info1, info2, nextRip);
  return true;
}

/** #VC for a private access to a page that is not validated. APM2 table 15-39. */
export function raiseNotValidated(linear: u64): void {
  store<u64>(Cpu.CR2, linear);
  raiseWith(VECTOR_VC, Exit.PAGE_NOT_VALIDATED);
}

/** Whether the instruction has ended already, one way or another. */
export function ended(): bool {
  return pending !== 0;
}
