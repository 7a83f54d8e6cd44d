/** Standard input by lines. */

import { readSome } from './system.ts';

const CAPACITY: u32 = 0x2_0000;
const buffer: usize = memory.data(0x2_0000, 16);

let start: u32 = 0;
let end: u32 = 0;
let size: u32 = 0;
let tooLong: bool = false;
let error: i64 = 0;

/** The next line starts here; it does not hold its line feed. Valid until the next {@link readLine}. */
export function lineStart(): usize {
  return buffer + start;
}

export function lineSize(): u32 {
  return size;
}

/** Whether the line did not fit: its bytes are lost. */
export function lineIsTooLong(): bool {
  return tooLong;
}

/** Whether the next {@link readLine} will not have to wait for whoever writes. */
export function lineIsWaiting(): bool {
  const next = start + size + 1;
  return next < end && endOfLine(next) < end;
}

/** Minus Linux's number of the error that ended the input; 0 if it has not ended, or ended well. */
export function inputError(): i64 {
  return error;
}

/**
 * Goes to the next line, which may be the rest of the file without a line feed. False at the end, and where
 * nothing can be read.
 */
export function readLine(): bool {
  start = start + size + 1 < end ? start + size + 1 : end;
  size = 0;
  tooLong = false;
  let scanned = start;
  while (true) {
    const feed = endOfLine(scanned);
    if (feed < end) {
      size = feed - start;
      return true;
    }
    scanned = end;
    if (start > 0) {
      memory.copy(buffer, buffer + start, end - start);
      end -= start;
      scanned -= start;
      start = 0;
    }
    if (end === CAPACITY) {
      tooLong = true;
      end = 0;
      scanned = 0;
    }
    const got = readSome(0, buffer + end, CAPACITY - end);
    if (got < 0) {
      error = got;
      return false;
    }
    if (got === 0) {
      size = end - start;
      end += 1;
      return size > 0 || tooLong;
    }
    end += <u32>got;
  }
}

function endOfLine(from: u32): u32 {
  let at = from;
  while (at < end && load<u8>(buffer + at) !== 0x0a) at += 1;
  return at;
}
