/** How a program ends itself, and gives way. WASI, proc_exit and sched_yield. */

import { exit } from '../exit.ts';
import { SUCCESS } from './errno.ts';

/** Ends the guest with the low eight bits of `code`. Does not return. */
export function proc_exit(_compartment: u32, code: u32): void {
  exit(code);
}

/** There is nobody to give way to. */
export function sched_yield(_compartment: u32): u32 {
  return SUCCESS;
}
