/**
 * Decoded code: which blocks there are for a page (code-page.ts), and how they go when its bytes
 * change. A block is a header (next block of the page, number of records) and its records.
 */
import * as Region from '../memory-map';
import {
  PAGE_BLOCKS,
  PAGE_BYTES,
  PAGE_FRAME,
  PAGE_LINEAR,
  PAGE_MODE,
  PAGE_NEXT,
  PAGE_SIZE,
  PAGE_SLOTS,
} from './code-page';
import { codeBase, frameBytes, frameInfo, systemFrames } from './machine';
import { RECORD_SIZE, STALE } from './record';
import { flushTlbs, flushWrites } from './tlb';

export const BLOCK_HEADER: usize = 32;

/** A block has at most this many instructions. */
export const BLOCK_MAX: u32 = 64;
/** Room that decoding a block may take: an instruction can need two records, and one ends it. */
const BLOCK_SIZE: usize = BLOCK_HEADER + (2 * BLOCK_MAX + 2) * RECORD_SIZE;

/** Where the next block or code page goes. */
let top: usize = 0;
/** Counts how often everything was thrown away: links into what was there before are void. */
export let generation: u32 = 0;

export function initCode(): void {
  top = codeBase + BLOCK_SIZE;
}

/** Room for one block that is used once and never entered. */
export function temporaryRoom(): usize {
  return codeBase;
}

/** Memory for a block; what it does not use it gives back through {@link keep}. */
export function blockRoom(): usize {
  return top;
}

export function keep(end: usize): void {
  top = (end + 31) & ~31;
}

/** Throws all decoded code away if another block and two pages would not fit. The caller holds no record. */
export function reserve(): bool {
  if (top + 2 * PAGE_SIZE + BLOCK_SIZE <= codeBase + Region.CODE_SIZE) return false;
  forgetCode();
  return true;
}

/** Throws all decoded code and all translations away. The caller holds no record. */
export function forgetCode(): void {
  memory.fill(codeBase + BLOCK_SIZE, 0, top - codeBase - BLOCK_SIZE);
  for (let frame: u32 = 0; frame < systemFrames; frame++) {
    const info = frameInfo(frame);
    store<u64>(info, 0, Region.FRAME_CODE);
    store<u32>(info, 0, Region.FRAME_CODE_PAGES);
  }
  flushTlbs();
  top = codeBase + BLOCK_SIZE;
  generation++;
}

/** The code page of a frame at a linear page in a mode, made if there is none. */
export function codePage(linear: u64, frame: u32, mode: u32): usize {
  const info = frameInfo(frame);
  let page: usize = load<u32>(info, Region.FRAME_CODE_PAGES);
  while (page !== 0) {
    if (load<u64>(page, PAGE_LINEAR) === linear && load<u32>(page, PAGE_MODE) === mode) return page;
    page = load<u32>(page, PAGE_NEXT);
  }
  page = top;
  top += PAGE_SIZE;
  store<u64>(page, linear, PAGE_LINEAR);
  store<u32>(page, frame, PAGE_FRAME);
  store<u32>(page, mode, PAGE_MODE);
  store<u32>(page, load<u32>(info, Region.FRAME_CODE_PAGES), PAGE_NEXT);
  store<u32>(page, <u32>frameBytes(frame), PAGE_BYTES);
  store<u32>(info, <u32>page, Region.FRAME_CODE_PAGES);
  return page;
}

/** Notes that bytes `from` to `to` of a frame are decoded, so that writes to them are noticed. */
export function markCode(frame: u32, from: u32, to: u32): void {
  const info = frameInfo(frame);
  const before = load<u64>(info, Region.FRAME_CODE);
  let granules = before;
  for (let granule = from >> 6; granule <= (to - 1) >> 6; granule++) {
    granules |= (<u64>1) << granule;
  }
  store<u64>(info, granules, Region.FRAME_CODE);
  // The frame may be in the write TLB as one without code.
  if (before === 0) flushWrites();
}

/** After a write to bytes `from` to `to` of a frame with code: forgets the code if it was hit. */
export function wroteCode(frame: u32, from: u32, to: u32): void {
  const granules = load<u64>(frameInfo(frame), Region.FRAME_CODE);
  for (let granule = from >> 6; granule <= (to - 1) >> 6; granule++) {
    if (((granules >> granule) & 1) !== 0) {
      dropCode(frame);
      return;
    }
  }
}

/**
 * Forgets what was decoded from a frame. Its records stay where they are, since one may be
 * executing and others link to them, but send whoever comes to them to look again.
 */
export function dropCode(frame: u32): void {
  const info = frameInfo(frame);
  if (load<u64>(info, Region.FRAME_CODE) === 0) return;
  store<u64>(info, 0, Region.FRAME_CODE);
  for (let page: usize = load<u32>(info, Region.FRAME_CODE_PAGES); page !== 0; ) {
    let block: usize = load<u32>(page, PAGE_BLOCKS);
    while (block !== 0) {
      const count: usize = load<u32>(block, 4);
      const records = block + BLOCK_HEADER;
      if (count === 0) {
        store<u16>(load<u32>(block, 8), STALE);
        store<u32>(load<u32>(block, 12), 0);
      }
      for (let i: usize = 0; i < count; i++) store<u16>(records + i * RECORD_SIZE, STALE);
      block = load<u32>(block);
    }
    store<u32>(page, 0, PAGE_BLOCKS);
    memory.fill(page + PAGE_SLOTS, 0, 4096 * 4);
    page = load<u32>(page, PAGE_NEXT);
  }
}

/** Enters a block into its page. */
export function addBlock(page: usize, block: usize, records: u32, offset: u32): void {
  store<u32>(block, load<u32>(page, PAGE_BLOCKS));
  store<u32>(block, records, 4);
  store<u32>(page, <u32>block, PAGE_BLOCKS);
  store<u32>(page + PAGE_SLOTS + ((<usize>offset) << 2), <u32>(block + BLOCK_HEADER));
}

/**
 * Notes that the record at `record`, which `slot` of another page leads to, depends on the bytes of `page`
 * too: a header in the list of the page's blocks with no records of its own.
 */
export function tie(page: usize, record: usize, slot: usize): void {
  const header = blockRoom();
  keep(header + BLOCK_HEADER);
  store<u32>(header, load<u32>(page, PAGE_BLOCKS));
  store<u32>(header, 0, 4);
  store<u32>(header, <u32>record, 8);
  store<u32>(header, <u32>slot, 12);
  store<u32>(page, <u32>header, PAGE_BLOCKS);
}
