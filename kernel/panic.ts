/**
 * The only way down. Depends on nothing but the CPU, so that everything may call it: it notes the
 * reason and traps, and trap/ finds the place, tells the console and the host, and stops for good.
 */

import { cli } from './cpu.ts';

let reason: u32 = 0;

/**
 * Ends the guest for `why`, a constant of spec/abi/termination.ts. Never returns. The first reason
 * stands: what goes wrong on the way down does not hide it.
 */
export function panic(why: u32): void {
  // The compiler is told not to inline this (shrinkLevel): so the trap's caller is who gave up.
  cli();
  if (reason === 0) reason = why;
  unreachable();
}

/** The reason given to {@link panic}, 0 if it was not called. */
export function panicReason(): u32 {
  return reason;
}
