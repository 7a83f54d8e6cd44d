/**
 * Page tables: four levels, 4 KiB and 2 MiB pages, C-bit aware. APM2 §5.3.
 *
 * The linker made the first tables and the shim set the C-bit in them; this extends and changes
 * them. Tables lie in the pool (kernel/mm/table-pool.ts), which no Wasm store can reach.
 */

import { MAPPING_CONFLICT } from '../../spec/abi/termination.ts';
import * as Paging from '../../spec/paging.ts';
import { invlpg, load64, readCr3, store64 } from '../cpu.ts';
import { bootRecord, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';
import { openPool, takeTable } from './table-pool.ts';

/** What a mapping allows. Nothing is both writable and executable; reading is always allowed. */
export const READ: u32 = 0;
export const WRITE: u32 = 1;
/** The page belongs to the host too: C=0. */
export const SHARED: u32 = 2;
/** The page is a device's: every access goes there. */
export const UNCACHED: u32 = 4;

export const PAGE: u64 = 0x1000;
export const HUGE_PAGE: u64 = 0x20_0000;
/** RAM from 4 GiB up is mapped from here on. */
const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
const FOUR_GIB: u64 = 0x1_0000_0000;

/** The C-bit as a mask; 0 where memory is not encrypted. */
let encryption: u64 = 0;
/** GPA of the level-4 table. */
let root: u64 = 0;

/** Takes over the tables that the shim switched on. */
export function openPaging(): void {
  const cBit = bootRecord().cBit;
  encryption = cBit === 0 ? 0 : u64(1) << u64(cBit);
  root = gpaOf(readCr3());
  openPool();
}

/** Where the kernel sees the frame at `gpa` while it owns it. */
export function linear(gpa: u64): u64 {
  return gpa < FOUR_GIB ? gpa : DIRECT_MAP + gpa;
}

/** Maps the 4 KiB page at `va`, unmapped until now, to `gpa`. */
export function map(va: u64, gpa: u64, access: u32): void {
  const slot = tableFor(va, 1) + (((va >> 12) & 511) << 3);
  if (load64(slot) !== 0) panic(MAPPING_CONFLICT);
  store64(slot, leaf(gpa, access));
}

/** Maps the 2 MiB at `va` to `gpa`, both aligned so; nothing of them may be mapped yet. */
export function mapHuge(va: u64, gpa: u64, access: u32): void {
  const slot = tableFor(va, 2) + (((va >> 21) & 511) << 3);
  if (load64(slot) !== 0) panic(MAPPING_CONFLICT);
  store64(slot, leaf(gpa, access) | Paging.PAGE_SIZE);
}

/** Takes the 4 KiB page at `va` out of the tables, out of a 2 MiB page if need be. */
export function unmap(va: u64): void {
  const slot = tableFor(va, 1) + (((va >> 12) & 511) << 3);
  if ((load64(slot) & Paging.PRESENT) === 0) panic(MAPPING_CONFLICT);
  store64(slot, 0);
  invlpg(va);
}

/** Takes the 2 MiB at `va`, mapped as one page, out of the tables. */
export function unmapHuge(va: u64): void {
  const slot = tableFor(va, 2) + (((va >> 21) & 511) << 3);
  if ((load64(slot) & Paging.PAGE_SIZE) === 0) panic(MAPPING_CONFLICT);
  store64(slot, 0);
  invlpg(va);
}

/** Maps the page at `va` anew, with `access`; its frame stays. */
export function remap(va: u64, access: u32): void {
  const slot = tableFor(va, 1) + (((va >> 12) & 511) << 3);
  const entry = load64(slot);
  if ((entry & Paging.PRESENT) === 0) panic(MAPPING_CONFLICT);
  store64(slot, leaf(gpaOf(entry), access));
  invlpg(va);
}

/** Whether `va` is mapped by a 4 KiB or 2 MiB page. */
export function isMapped(va: u64): bool {
  let table = root;
  for (let level: u64 = 4; level > 0; level--) {
    const entry = load64(TOP + table + (((va >> (12 + 9 * (level - 1))) & 511) << 3));
    if ((entry & Paging.PRESENT) === 0) return false;
    if ((entry & Paging.PAGE_SIZE) !== 0) return true;
    table = gpaOf(entry);
  }
  return true;
}

/** The one place that decides the C-bit of a page, and that what is mapped is not executable. */
function leaf(gpa: u64, access: u32): u64 {
  // Accessed and dirty are set at once, so that the CPU never has to write to the tables.
  let entry = gpa | Paging.PRESENT | Paging.ACCESSED | Paging.DIRTY | Paging.NO_EXECUTE;
  if ((access & WRITE) !== 0) entry |= Paging.WRITABLE;
  if ((access & UNCACHED) !== 0) entry |= Paging.CACHE_DISABLE | Paging.WRITE_THROUGH;
  return (access & SHARED) !== 0 ? entry : entry | encryption;
}

/** Tables are always private: the walk ignores their C-bit, but their frames have one address. */
function tableEntry(gpa: u64): u64 {
  return gpa | encryption | Paging.PRESENT | Paging.WRITABLE | Paging.ACCESSED;
}

function gpaOf(entry: u64): u64 {
  return entry & Paging.ADDRESS_MASK & ~encryption;
}

/** Address of the table of `level` (1: of 4 KiB pages) that covers `va`, made if there is none. */
function tableFor(va: u64, level: u64): u64 {
  let table = root;
  for (let above: u64 = 4; above > level; above--) {
    const slot = TOP + table + (((va >> (12 + 9 * (above - 1))) & 511) << 3);
    const entry = load64(slot);
    if ((entry & Paging.PRESENT) === 0) {
      table = takeTable();
      store64(slot, tableEntry(table));
    } else if ((entry & Paging.PAGE_SIZE) !== 0) {
      table = split(slot, entry, va);
    } else {
      table = gpaOf(entry);
    }
  }
  return TOP + table;
}

/** Replaces the 2 MiB page in `slot`, which maps `va`, by a table of 512 pages that map the same. */
function split(slot: u64, entry: u64, va: u64): u64 {
  const table = takeTable();
  for (let i: u64 = 0; i < 512; i++) {
    store64(TOP + table + (i << 3), (entry & ~Paging.PAGE_SIZE) + i * PAGE);
  }
  store64(slot, tableEntry(table));
  invlpg(va);
  return table;
}
