/** What the shim leaves: code mapped where Wasm addresses are. */

import { RANGE_SHIM } from '../../spec/abi/platform.ts';
import { imageInfo, imageRange } from '../handoff.ts';
import { isMapped, PAGE, unmap } from './paging.ts';

/** Takes the shim's pages out of the kernel's linear memory, where they had to be until paging was on. */
export function retireShim(): void {
  for (let i: u32 = 0; i < imageInfo().rangeCount; i++) {
    const range = imageRange(i);
    if (range.kind !== RANGE_SHIM) continue;
    const end = range.end;
    for (let page = range.start; page < end; page += PAGE) if (isMapped(page)) unmap(page);
  }
}
