/** Lines of the host's that are still in a cache when their page has become the guest's. CVE-2025-38560. */

import { load8 } from '../cpu.ts';
import { needsCacheTouch } from '../sev/cpuid.ts';
import { PAGE } from './paging.ts';

/**
 * Reads the first and last line of each page from `from` to `to`, which has just been validated: that evicts
 * what the host left of it, before it could be written back over what the guest has there. Nothing to do where
 * the processor sees to it.
 */
export function dropStaleLines(from: u64, to: u64): void {
  if (!needsCacheTouch()) return;
  for (let page = from; page < to; page += PAGE) {
    load8(page);
    load8(page + PAGE - 1);
  }
}
