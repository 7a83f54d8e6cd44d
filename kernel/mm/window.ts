/**
 * Virtual pages in the top 2 GiB that the linker left to us: for stacks, which no Wasm store may
 * reach, and to look for a moment at a page that is nobody's.
 */

import { OUT_OF_MEMORY } from '../../spec/abi/termination.ts';
import { copy } from '../cpu.ts';
import { imageInfo, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';
import { map, PAGE, READ, unmap } from './paging.ts';

/** Pages given out so far, from the start of the window. */
let used: u64 = 0;
/** The page to look through, 0 until one was needed. */
let glass: u64 = 0;

/** Address of `pages` pages that nothing else will use. Not mapped. */
export function reserveWindow(pages: u64): u64 {
  const start = TOP + u64(imageInfo().windowStart) + used * PAGE;
  if (start + pages * PAGE > TOP + u64(imageInfo().windowEnd)) panic(OUT_OF_MEMORY);
  used += pages;
  return start;
}

/** Copies `bytes` bytes at `gpa`, in pages that are mapped nowhere yet, to `to`. Seen as private. */
export function peek(to: usize, gpa: u64, bytes: u32): void {
  if (glass === 0) glass = reserveWindow(1);
  let done: u32 = 0;
  while (done < bytes) {
    const from = gpa + u64(done);
    const offset = u32(from & (PAGE - 1));
    const here = min<u32>(bytes - done, u32(PAGE) - offset);
    map(glass, from & ~(PAGE - 1), READ);
    copy(u64(to + done), glass + u64(offset), u64(here));
    unmap(glass);
    done += here;
  }
}
