import * as Ghcb from '../../../spec/ghcb.ts';
import * as Ioio from '../../../spec/ioio.ts';
import type { PortBus, PortSize } from '../devices/port-bus.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import type { Hypervisor } from './hypervisor.ts';

/** An access to a port as EXITINFO1 tells it. GHCB §4.1.1, APM2 §15.10.2. */
export interface PortAccess {
  readonly input: boolean;
  readonly string: boolean;
  readonly repeat: boolean;
  readonly size: PortSize;
  /** Bits of the address in RSI or RDI. */
  readonly addressSize: 16 | 32 | 64;
  /** Number of the segment that a string access goes through. */
  readonly segment: number;
  readonly port: number;
}

/** The parts of EXITINFO1; undefined if no processor would give such a value. */
export function parsePortAccess(info1: bigint): PortAccess | undefined {
  const word = Number(info1 & 0xffff_ffffn);
  const size = (word >> 4) & 7;
  const addressSize = (word >> 7) & 7;
  if (size !== 1 && size !== 2 && size !== 4) return undefined;
  if (addressSize !== 1 && addressSize !== 2 && addressSize !== 4) return undefined;
  return {
    input: (word & Ioio.IN) !== 0,
    string: (word & Ioio.STRING) !== 0,
    repeat: (word & Ioio.REP) !== 0,
    size,
    addressSize: (addressSize * 16) as 16 | 32 | 64,
    segment: (word >> Ioio.SEGMENT_SHIFT) & 7,
    port: word >>> Ioio.PORT_SHIFT,
  };
}

/** RAX after an IN: narrow results leave the rest of it, 32-bit ones clear the upper half. */
export function mergeInput(rax: bigint, value: number, size: PortSize): bigint {
  if (size === 4) return BigInt(value >>> 0);
  const mask = (1n << BigInt(8 * size)) - 1n;
  return (rax & ~mask) | BigInt(value);
}

/** Sends `bytes` to a port, `size` at a time. */
export function outString(ports: PortBus, port: number, size: PortSize, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += size) {
    let value = 0;
    for (let i = 0; i < size; i++) value += (bytes[at + i] ?? 0) * 2 ** (8 * i);
    ports.write(port, size, value);
  }
}

/** Takes `count` values of `size` bytes from a port. */
export function inString(ports: PortBus, port: number, size: PortSize, count: number): Uint8Array {
  const bytes = new Uint8Array(count * size);
  for (let at = 0; at < bytes.length; at += size) {
    const value = ports.read(port, size);
    for (let i = 0; i < size; i++) bytes[at + i] = (value >>> (8 * i)) & 0xff;
  }
  return bytes;
}

/** Event IOIO. A string's data is in the scratch buffer, EXITINFO2 values of it. GHCB §4.1.1. */
export function portAccess(host: Hypervisor, request: GhcbRequest): void {
  const access = parsePortAccess(request.info1);
  if (!access) {
    request.malformed(Ghcb.ERROR_INVALID_INPUT);
    return;
  }
  const { port, size } = access;
  if (!access.string) {
    const rax = request.get(Ghcb.VALID_RAX);
    if (access.input) {
      const value = host.ports.read(port, size);
      const before = request.has(Ghcb.VALID_RAX) ? rax : 0n;
      request.set(Ghcb.VALID_RAX, mergeInput(before, value, size));
    } else host.ports.write(port, size, Number(rax & 0xffff_ffffn));
    return;
  }
  const count = access.repeat ? request.info2 : 1n;
  const total = count * BigInt(size);
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) {
    request.malformed(Ghcb.ERROR_INVALID_SCRATCH);
    return;
  }
  const buffer = request.readBuffer(Number(total));
  if (!buffer) return;
  if (!access.input) outString(host.ports, port, size, buffer);
  else request.writeBuffer(inString(host.ports, port, size, Number(count)));
}

/** Event MMIO read: EXITINFO1 is the device's address, EXITINFO2 a number of bytes. GHCB, MMIO access. */
export function mmioRead(host: Hypervisor, request: GhcbRequest): void {
  const size = mmioSize(request);
  if (size === undefined) return;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, host.mmio.read(request.info1, size), true);
  request.writeBuffer(bytes.subarray(0, size));
}

/** Event MMIO write, as {@link mmioRead}. GHCB, MMIO access. */
export function mmioWrite(host: Hypervisor, request: GhcbRequest): void {
  const size = mmioSize(request);
  const buffer = size === undefined ? undefined : request.readBuffer(size);
  if (size === undefined || !buffer) return;
  const bytes = new Uint8Array(8);
  bytes.set(buffer);
  host.mmio.write(request.info1, size, new DataView(bytes.buffer).getBigUint64(0, true));
}

function mmioSize(request: GhcbRequest): 1 | 2 | 4 | 8 | undefined {
  const { info2 } = request;
  if (info2 === 1n || info2 === 2n || info2 === 4n || info2 === 8n) return Number(info2) as 1;
  request.malformed(Ghcb.ERROR_INVALID_INPUT);
  return undefined;
}
