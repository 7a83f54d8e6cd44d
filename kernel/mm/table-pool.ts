/**
 * Pages for page tables, mapped at TOP only, where no Wasm store reaches: first those that the linker
 * reserved in the image, then what kernel/mm/table-reserve.ts adds.
 */

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

export function tablesLeft(): u32 {
  return (end - next) / PAGE;
}

/** Goes on with the `pages` pages at `place`, mapped at TOP + place, once what is left now is left over. */
export function addTables(place: u32, pages: u32): void {
  next = place;
  end = place + pages * PAGE;
}

/** GPA of an empty table, which is the caller's from now on. */
export function takeTable(): u64 {
  if (next >= end) panic(OUT_OF_PAGE_TABLES);
  const table = next;
  next += PAGE;
  fill(TOP + u64(table), 0, u64(PAGE));
  return u64(table);
}
