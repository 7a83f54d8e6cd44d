/**
 * In place of kernel/sev/psc.ts, page states as Linux changes them until it has a GHCB: a request of the
 * MSR protocol, and so an exit, for each 4 KiB (early_set_pages_state).
 */

import { changePageState, selectedGhcb, selectGhcb } from '../../../../kernel/sev/msr.ts';

const FRAMES_IN_2M: u64 = 512;

export function addPageState(frame: u64, huge: bool, operation: u32): void {
  const end = frame + (huge ? FRAMES_IN_2M : 1);
  for (let next = frame; next < end; next++) {
    const before = selectedGhcb();
    changePageState(next << 12, operation);
    selectGhcb(before);
  }
}

/** Nothing waits to be sent. */
export function sendPageStates(): void {}
