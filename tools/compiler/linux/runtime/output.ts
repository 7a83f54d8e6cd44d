/** Buffered text for standard output and standard error. */

import { load8 } from './cpu.ts';
import { writeAll } from './system.ts';

const CAPACITY: usize = 8192;

@unmanaged
class Buffer {
  fd: u32;
  size: u32;
  /** CAPACITY bytes follow. */
  start: u8;
}

const HEADER: usize = offsetof<Buffer>('start');
const OUT: usize = memory.data(8 + 8192, 8);
const ERROR: usize = memory.data(8 + 8192, 8);

/** Answers of --invoke and --batch. */
export function standardOutput(): usize {
  changetype<Buffer>(OUT).fd = 1;
  return OUT;
}

/** Complaints, and what modules log. */
export function standardError(): usize {
  changetype<Buffer>(ERROR).fd = 2;
  return ERROR;
}

/** Hands everything written so far to Linux: logs first, so that whoever reads an answer finds them. */
export function flush(): void {
  flushOne(changetype<Buffer>(standardError()));
  flushOne(changetype<Buffer>(standardOutput()));
}

let lost: i64 = 0;

/** Minus Linux's number of the error that made answers get lost; 0 as long as none are. */
export function answersLost(): i64 {
  return lost;
}

function flushOne(buffer: Buffer): void {
  const size = buffer.size;
  buffer.size = 0;
  const outcome = writeAll(buffer.fd, changetype<usize>(buffer) + HEADER, size);
  if (changetype<usize>(buffer) === OUT && lost === 0) lost = outcome;
}

export function putByte(to: usize, byte: u32): void {
  const buffer = changetype<Buffer>(to);
  if (buffer.size === CAPACITY) flushOne(buffer);
  store<u8>(to + HEADER + buffer.size, byte);
  buffer.size += 1;
}

export function putBytes(to: usize, bytes: u64, size: usize): void {
  for (let i: usize = 0; i < size; i++) putByte(to, load8(bytes + i));
}

/** ASCII text of our own. */
export function putText(to: usize, text: string): void {
  const characters = changetype<usize>(text);
  for (let i = 0, n = text.length; i < n; i++) {
    putByte(to, load<u16>(characters + ((<usize>i) << 1)));
  }
}

export function putLine(to: usize, text: string): void {
  putText(to, text);
  putByte(to, 0x0a);
}

/** A text of someone else's as a JSON string, which is one line whatever it holds. RFC 8259 §7. */
export function putQuoted(to: usize, bytes: u64, size: usize): void {
  putByte(to, 0x22);
  for (let i: usize = 0; i < size; i++) {
    const byte = load8(bytes + i);
    if (byte < 0x20 || byte === 0x7f) {
      putText(to, '\\u');
      putHex(to, byte, 4);
      continue;
    }
    if (byte === 0x22 || byte === 0x5c) putByte(to, 0x5c);
    putByte(to, byte);
  }
  putByte(to, 0x22);
}

/** `digits` lower-case hexadecimal digits. */
export function putHex(to: usize, value: u64, digits: u32): void {
  for (let shift: i32 = (<i32>digits - 1) * 4; shift >= 0; shift -= 4) {
    const digit = <u32>(value >> shift) & 15;
    putByte(to, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}

export function putUnsigned(to: usize, value: u64): void {
  if (value >= 10) putUnsigned(to, value / 10);
  putByte(to, 0x30 + <u32>(value % 10));
}

export function putSigned(to: usize, value: i64): void {
  if (value < 0) putByte(to, 0x2d);
  putUnsigned(to, value < 0 ? 0 - <u64>value : <u64>value);
}
