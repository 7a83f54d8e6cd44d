/** Pages for page tables: reserved in the image by the linker, and mapped at TOP only. */

import { OUT_OF_PAGE_TABLES } from '../../spec/abi/termination.ts';
import { fill } from '../cpu.ts';
import { imageInfo, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';

const PAGE: u32 = 4096;

let next: u32 = 0;
let end: u32 = 0;

export function openPool(): void {
  next = imageInfo().pool;
  end = next + imageInfo().poolPages * PAGE;
}

/** GPA of an empty table, which is the caller's from now on. */
export function takeTable(): u64 {
  if (next >= end) panic(OUT_OF_PAGE_TABLES);
  const table = next;
  next += PAGE;
  fill(TOP + u64(table), 0, u64(PAGE));
  return u64(table);
}
