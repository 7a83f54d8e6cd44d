/** A new start of the whole machine, which the host makes: a fresh launch, with a key of its own. */

import { RESET_REFUSED } from '../spec/abi/termination.ts';
import { HARD_RESET, RESET_CONTROL } from '../spec/reset.ts';
import { flush } from './console.ts';
import { closeInterrupts } from './interrupt/interrupts.ts';
import { reclaimAllBut, reclaimPage } from './mm/sharing.ts';
import { panic } from './panic.ts';
import { hasGhcb, isSnp } from './platform.ts';
import { closeGhcb, ghcbPage } from './sev/ghcb.ts';
import { registerGhcb } from './sev/msr.ts';
import { writePort8 } from './sev/port.ts';

/**
 * Takes back what the host shares and asks for a reset. All but the GHCB: the request is a port's, and port
 * I/O there is by the GHCB page alone. The MSR protocol has none, and its one request to stop, 100h, is
 * for a guest that gives up, not for one that wants to start anew. So the page goes with the request. A
 * host that obeys launches a guest with another key, to which the page is RAM like any other; from one
 * that answers instead it is taken back as well, by the MSR protocol, and the guest ends. Never returns.
 */
export function reset(): void {
  flush();
  closeInterrupts();
  reclaimAllBut(hasGhcb() ? ghcbPage() : 0);
  writePort8(RESET_CONTROL, HARD_RESET);
  if (hasGhcb()) withdrawGhcb();
  panic(RESET_REFUSED);
}

/** A hypervisor pins the page that is registered, so another is registered first. By the MSR alone. */
function withdrawGhcb(): void {
  closeGhcb();
  if (isSnp()) registerGhcb(0);
  reclaimPage(ghcbPage());
}
