/**
 * The console: the first serial port. What goes there the host reads, so nothing secret does.
 * A line is kept back until it is whole: under SEV-ES and SNP it is then one request.
 */

import * as Uart from '../spec/uart.ts';
import { hasGhcb } from './platform.ts';
import { ghcbReady } from './sev/ghcb.ts';
import { readPort8, writePort8, writePortString } from './sev/port.ts';

const NEWLINE: u8 = 0x0a;
const LINE_SIZE: u32 = 2000;
const line: usize = memory.data(2000);
let length: u32 = 0;

/**
 * Looks at the line status before a byte is sent all the same: under emulation they pass quickly, and
 * who reads the port may be slow. Where that has happened once, nobody reads, and none waits again.
 */
const PATIENCE: u32 = 1_000_000;
let unread: bool = false;

export function writeByte(byte: u8): void {
  store<u8>(line + length, byte);
  length++;
  if (byte === NEWLINE || length === LINE_SIZE) flush();
}

/** ASCII text: a literal of the kernel's own. */
export function writeText(text: string): void {
  const units = changetype<usize>(text);
  for (let i = 0; i < text.length; i++) writeByte(u8(load<u16>(units + ((<usize>i) << 1))));
}

export function writeDecimal(value: u32): void {
  let unit: u32 = 1;
  while (value / unit >= 10) unit *= 10;
  for (; unit > 0; unit /= 10) writeDigit((value / unit) % 10);
}

/** At least `digits` digits. */
export function writeHex(value: u64, digits: u32): void {
  while (digits < 16 && value >> (u64(digits) * 4) !== 0) digits++;
  for (; digits > 0; digits--) writeDigit(u32(value >> (u64(digits - 1) * 4)) & 15);
}

function writeDigit(digit: u32): void {
  writeByte(u8(digit < 10 ? 0x30 + digit : 0x57 + digit));
}

/** Sends what was written and not sent yet. */
export function flush(): void {
  const bytes = length;
  length = 0;
  if (bytes === 0) return;
  if (hasGhcb()) {
    // Before the GHCB is up there is no way to say anything but a reason to end.
    if (ghcbReady()) writePortString(Uart.COM1 + Uart.THR, line, bytes);
    return;
  }
  for (let i: u32 = 0; i < bytes; i++) sendByte(load<u8>(line + i));
}

function sendByte(byte: u8): void {
  unread = unread || !awaitEmpty();
  writePort8(Uart.COM1 + Uart.THR, u32(byte));
}

/** Whether the port took the last byte in time. */
function awaitEmpty(): bool {
  for (let i: u32 = 0; i < PATIENCE; i++) {
    if ((readPort8(Uart.COM1 + Uart.LSR) & Uart.LSR_THR_EMPTY) !== 0) return true;
  }
  return false;
}
