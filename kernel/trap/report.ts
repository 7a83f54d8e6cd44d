/** The last words: reason, place and backtrace on the console, then the reason to the host. */

import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import { flush, writeHex, writeText } from '../console.ts';
import { die } from '../exit.ts';
import { abandon } from '../sev/ghcb.ts';
import { callerAddress, stepOut, writeBacktrace } from './backtrace.ts';
import { placeOf, writeLocation } from './symbols.ts';

/** The reason of a report that is being written, or was the last; 0 while there is none. */
let dyingFor: u32 = 0;

/**
 * Ends the guest for `reason`, `what` in words, at the place where `frame` was taken, or where its
 * function was called from if `atCaller`. A trap on the way down goes straight to the host. Never
 * returns.
 */
export function report(reason: u32, what: string, frame: TrapFrame, atCaller: bool): void {
  if (dyingFor !== 0) die(dyingFor);
  dyingFor = reason;
  abandon();
  tell(reason, what, frame, atCaller);
  die(reason);
}

/** Writes why a compartment's code trapped, and where. The kernel lives on. */
export function reportCompartment(reason: u32, what: string, frame: TrapFrame): void {
  dyingFor = reason;
  tell(reason, what, frame, false);
  dyingFor = 0;
}

function tell(reason: u32, what: string, frame: TrapFrame, atCaller: bool): void {
  flush();
  let rip = frame.rip;
  let rsp = frame.rsp;
  if (atCaller) {
    rsp = stepOut(rip, rsp);
    rip = callerAddress();
  }
  writeText('panic ');
  writeHex(u64(reason), 3);
  writeText(': ');
  writeText(what);
  writeLocation(' at ', placeOf(rip));
  writeText('\n');
  writeBacktrace(rip, rsp);
  writeText('  vector ');
  writeHex(frame.vector, 2);
  writeText(' error ');
  writeHex(frame.error, 1);
  writeText(' rip ');
  writeHex(frame.rip, 16);
  writeText(' rsp ');
  writeHex(frame.rsp, 16);
  writeText('\n');
}
