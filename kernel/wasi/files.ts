/**
 * File descriptors: 0 is always at its end, 1 and 2 are the console, and there are no others.
 * WASI, fd_*.
 */

import { copyIn, copyOut, isInMemory } from '../compartment.ts';
import { writeByte } from '../console.ts';
import { EBADF, EFAULT, EINVAL, ESPIPE, SUCCESS } from './errno.ts';

const STDIN: u32 = 0;
const STDERR: u32 = 2;
/** As many buffers as a call may have; POSIX calls it IOV_MAX. */
const MAX_BUFFERS: u32 = 1024;
const CHARACTER_DEVICE: u8 = 2;
const RIGHT_FD_READ: u64 = 0x2;
const RIGHT_FD_WRITE: u64 = 0x40;

/** An iovec { pointer u32, bytes u32 }, or a result, on its way between memories. */
const crossing: usize = memory.data(24, 8);
const PIECE: u32 = 256;
const piece: usize = memory.data(256, 8);

export function fd_write(_compartment: u32, fd: u32, buffers: u32, count: u32, written: u32): u32 {
  if (fd === STDIN || fd > STDERR) return EBADF;
  if (count > MAX_BUFFERS) return EINVAL;
  if (!isInMemory(written, 4)) return EFAULT;
  let total: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (!copyIn(crossing, buffers + (i << 3), 8)) return EFAULT;
    const pointer = load<u32>(crossing);
    const bytes = load<u32>(crossing, 4);
    if (!isInMemory(pointer, bytes)) return EFAULT;
    writeBuffer(pointer, bytes);
    total += bytes;
  }
  return storeResult(written, total);
}

/** There is no input: every read is at the end of it. */
export function fd_read(_compartment: u32, fd: u32, _buffers: u32, _count: u32, read: u32): u32 {
  return fd === STDIN ? storeResult(read, 0) : EBADF;
}

export function fd_close(_compartment: u32, fd: u32): u32 {
  return fd <= STDERR ? SUCCESS : EBADF;
}

export function fd_seek(_compartment: u32, fd: u32, _by: i64, _from: u32, _at: u32): u32 {
  return fd <= STDERR ? ESPIPE : EBADF;
}

export function fd_tell(_compartment: u32, fd: u32, _at: u32): u32 {
  return fd <= STDERR ? ESPIPE : EBADF;
}

/** fdstat: filetype u8, flags u16 at 2, rights u64 at 8, inheriting rights u64 at 16. */
export function fd_fdstat_get(_compartment: u32, fd: u32, stat: u32): u32 {
  if (fd > STDERR) return EBADF;
  memory.fill(crossing, 0, 24);
  store<u8>(crossing, CHARACTER_DEVICE);
  store<u64>(crossing, fd === STDIN ? RIGHT_FD_READ : RIGHT_FD_WRITE, 8);
  return copyOut(stat, crossing, 24) ? SUCCESS : EFAULT;
}

/** No directory is open from the start: what a program's own start-up asks, counting up from 3. */
export function fd_prestat_get(_compartment: u32, _fd: u32, _prestat: u32): u32 {
  return EBADF;
}

export function fd_prestat_dir_name(_compartment: u32, _fd: u32, _path: u32, _size: u32): u32 {
  return EBADF;
}

/** Copies piece by piece: what is written is what was there once, whatever the program does next. */
function writeBuffer(pointer: u32, bytes: u32): void {
  let done: u32 = 0;
  while (done < bytes) {
    const left = bytes - done;
    const size = left < PIECE ? left : PIECE;
    copyIn(piece, pointer + done, size);
    for (let i: u32 = 0; i < size; i++) writeByte(load<u8>(piece + i));
    done += size;
  }
}

function storeResult(at: u32, value: u32): u32 {
  store<u32>(crossing, value);
  return copyOut(at, crossing, 4) ? SUCCESS : EFAULT;
}
