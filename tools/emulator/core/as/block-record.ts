/** What the makers of blocks share. */
import { length } from './decode';
import * as Record from './record';

/** Where an address goes on that ran beyond the last of 32 bits. */
export function next(linear: u64, long: bool): u64 {
  return long ? linear : linear & 0xffff_ffff;
}

/** The fields that all records of an instruction share. */
export function common(p: usize, end: usize, page: usize, offset: u32, count: u32): void {
  for (; p < end; p += Record.RECORD_SIZE) {
    store<u8>(p, <u8>count, Record.COUNT);
    store<u16>(p, <u16>offset, Record.OFFSET);
    store<u8>(p, <u8>length, Record.LENGTH);
    store<u32>(p, <u32>page, Record.PAGE);
  }
}

/** The record behind the last instruction of a block, which leads on to the next one at `target`. */
export function endBlock(p: usize, page: usize, target: u64, offset: u32, count: u32): usize {
  store<u16>(p, Record.END, Record.OPERATION);
  store<u64>(p, target, Record.IMMEDIATE);
  store<u32>(p, 0, Record.LINK);
  common(p, p + Record.RECORD_SIZE, page, offset, count + 1);
  return p + Record.RECORD_SIZE;
}
