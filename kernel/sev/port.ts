/**
 * Port I/O: the instruction itself where the hypervisor sees the registers anyway, a request
 * through the GHCB under SEV-ES and SNP. Neither way raises #VC. GHCB §4.1.1.
 */

import * as Exit from '../../spec/exit.ts';
import { SHARED_BUFFER_SIZE } from '../../spec/ghcb.ts';
import * as Ioio from '../../spec/ioio.ts';
import * as cpu from '../cpu.ts';
import { hasGhcb } from '../platform.ts';
import { store8, store64 } from '../volatile.ts';
import { begin, outputRax, setRax, sharedBuffer, useSharedBuffer } from './ghcb.ts';
import { request } from './request.ts';

export function readPort8(port: u32): u32 {
  if (!hasGhcb()) return cpu.in8(port);
  begin();
  request(Exit.IOIO, info(port, Ioio.SIZE_8 | Ioio.IN), 0);
  return u32(outputRax()) & 0xff;
}

export function writePort8(port: u32, value: u32): void {
  if (hasGhcb()) write(port, Ioio.SIZE_8, value & 0xff);
  else cpu.out8(port, value);
}

export function writePort32(port: u32, value: u32): void {
  if (hasGhcb()) write(port, Ioio.SIZE_32, value);
  else cpu.out32(port, value);
}

/**
 * Writes `bytes` bytes from `from` to `port` as string requests, as many in each as the shared
 * buffer holds. Through the GHCB only: SEV-ES and SNP.
 */
export function writePortString(port: u32, from: usize, bytes: u32): void {
  const direction = Ioio.STRING | Ioio.REP | (Ioio.SEGMENT_DS << Ioio.SEGMENT_SHIFT);
  let done: u32 = 0;
  while (done < bytes) {
    const count = min<u32>(bytes - done, SHARED_BUFFER_SIZE);
    begin();
    const buffer = sharedBuffer();
    let i: u32 = 0;
    for (; i + 8 <= count; i += 8) store64(buffer + i, load<u64>(from + done + i));
    for (; i < count; i++) store8(buffer + i, load<u8>(from + done + i));
    useSharedBuffer();
    request(Exit.IOIO, info(port, Ioio.SIZE_8 | direction), u64(count));
    done += count;
  }
}

function write(port: u32, size: u32, value: u32): void {
  begin();
  setRax(u64(value));
  request(Exit.IOIO, info(port, size), 0);
}

function info(port: u32, what: u32): u64 {
  return u64((port << Ioio.PORT_SHIFT) | Ioio.ADDRESS_64 | what);
}
