/** How the guest ends: with a code of its own, for good, or with a reason. */

import { EXIT_PANIC, EXIT_PORT } from '../spec/abi/platform.ts';
import { flush } from './console.ts';
import { cli, hlt } from './cpu.ts';
import { hasGhcb } from './platform.ts';
import { terminate } from './sev/msr.ts';
import { writePort32 } from './sev/port.ts';

/** Tells the host that the program ended with `code`, below 256. Never returns. */
export function exit(code: u32): void {
  flush();
  writePort32(EXIT_PORT, code & 0xff);
  halt();
}

/** Stops for good: nothing can wake a CPU that halted with interrupts off. Never returns. */
export function halt(): void {
  while (true) {
    cli();
    hlt();
  }
}

/** Tells the host the reason, a constant of spec/abi/termination.ts, and stops. Never returns. */
export function die(reason: u32): void {
  if (hasGhcb()) terminate(reason);
  writePort32(EXIT_PORT, EXIT_PANIC | reason);
  halt();
}
