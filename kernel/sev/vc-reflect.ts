/** Requests that stand for an instruction: the hypervisor may have it raise #GP or #UD. GHCB §4.1. */

import { EXCEPTION } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import { report } from '../trap/report.ts';
import { reasonWords } from '../trap/words.ts';
import { send } from './ghcb.ts';

/** Sends the request. An exception in answer is one of the instruction at `frame`: it ends the guest as every other does. */
export function requestFor(frame: TrapFrame, event: u32, info1: u64, info2: u64): void {
  const vector = send(event, info1, info2);
  if (vector === 0) return;
  frame.vector = u64(vector);
  frame.error = 0;
  report(EXCEPTION, reasonWords(EXCEPTION), frame, false);
}
