/**
 * Instructions that begin in one page and end in the next. Each is a block of its own, whose first record sees
 * to it that the second page is still the one that the instruction was decoded from.
 */

import { BOUNCE } from '../memory-map';
import { canonical } from './access';
import { common, endBlock, next } from './block-record';
import { addBlock, BLOCK_HEADER, blockRoom, keep, markCode, temporaryRoom, tie } from './code';
import { PAGE_BYTES, PAGE_FRAME, PAGE_LINEAR, PAGE_SLOTS } from './code-page';
import { decodeOne, ends, length, overrun } from './decode';
import { raiseGp } from './fault';
import { fetchPage } from './fetch';
import * as Record from './record';

/** The bytes of the instruction are put together here. */
const WINDOW: usize = BOUNCE + 0x100;

/** The block of the instruction at offset `at` of a page; 0 if the second page cannot be fetched from. */
export function decodeAcross(page: usize, at: u32, long: bool, temporary: bool): usize {
  const linear = load<u64>(page, PAGE_LINEAR);
  const beyond = next(linear + 4096, long);
  if (!canonical(beyond)) {
    raiseGp(0);
    return 0;
  }
  const second = fetchPage(beyond);
  if (second === 0) return 0;
  const here: u32 = 4096 - at;
  memory.copy(WINDOW, load<u32>(page, PAGE_BYTES) + at, here);
  memory.copy(WINDOW + here, load<u32>(second, PAGE_BYTES), 15);
  const block = temporary ? temporaryRoom() : blockRoom();
  const first = block + BLOCK_HEADER;
  store<u16>(first, Record.ACROSS, Record.OPERATION);
  store<u64>(first, beyond, Record.IMMEDIATE);
  store<u32>(first, load<u32>(second, PAGE_FRAME), Record.LINK);
  let p = first + Record.RECORD_SIZE;
  const q = decodeOne(p, WINDOW, WINDOW + 15, linear + at, long);
  if (overrun) {
    // Fifteen bytes of prefixes, and still no instruction.
    store<u16>(p, Record.TOO_LONG, Record.OPERATION);
    p += Record.RECORD_SIZE;
  } else p = q;
  common(first, p, page, at, 1);
  if (!ends && !overrun) p = endBlock(p, page, next(linear + at + length, long), at + length, 1);
  if (temporary) return first;
  keep(p);
  markCode(load<u32>(page, PAGE_FRAME), at, 4096);
  markCode(load<u32>(second, PAGE_FRAME), 0, overrun ? 15 : at + length - 4096);
  addBlock(page, block, <u32>(p - first) / <u32>Record.RECORD_SIZE, at);
  tie(second, first, slotOf(page, at));
  return first;
}

function slotOf(page: usize, at: u32): usize {
  return page + PAGE_SLOTS + ((<usize>at) << 2);
}

/**
 * Whether the instruction behind the ACROSS record at `p` can be fetched; if not, a fault is pending. Where
 * the second page is another by now, the record is made one that looks again.
 */
export function stillAcross(p: usize): bool {
  const second = fetchPage(load<u64>(p, Record.IMMEDIATE));
  if (second === 0) return false;
  if (load<u32>(second, PAGE_FRAME) !== load<u32>(p, Record.LINK)) {
    store<u16>(p, Record.STALE, Record.OPERATION);
    store<u32>(slotOf(load<u32>(p, Record.PAGE), load<u16>(p, Record.OFFSET)), 0);
  }
  return true;
}
