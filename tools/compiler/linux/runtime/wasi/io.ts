/** WASI preview1: reading, writing and seeking in what is open. */

import { copy, store8, store32, store64 } from '../cpu.ts';
import { flush } from '../output.ts';
import {
  readVectors,
  seek,
  setStatusFlags,
  statusFlags,
  VECTOR_SIZE,
  writeVectors,
} from '../system.ts';
import { descriptor, isOpen, release, TYPE_DIRECTORY } from './descriptors.ts';
import { BADF, errnoOf, FAULT, INVAL, ISDIR, NAMETOOLONG, NOTCAPABLE, SUCCESS } from './errno.ts';
import { guestRange, vectorAt, vectorSize } from './guest.ts';

/** Of a longer list only so many buffers are read or written at once, as a short read or write may be. */
const VECTORS: u32 = 64;
const vectors: usize = memory.data(64 * 16, 16);

/** Turns the guest's list of buffers into Linux's: how many, or -1 if one is not in the memory. */
function takeVectors(instance: u32, list: u32, count: u32): i32 {
  const from = guestRange(instance, list, (<u64>count) << 3);
  if (from === 0) return -1;
  const taken = min(count, VECTORS);
  for (let i: u32 = 0; i < taken; i++) {
    const buffer = vectorAt(instance, from, i);
    if (buffer === 0) return -1;
    const to = vectors + i * VECTOR_SIZE;
    store<u64>(to, buffer);
    store<u64>(to, vectorSize(from, i), 8);
  }
  return <i32>taken;
}

function transfer(
  instance: u32,
  fd: u32,
  list: u32,
  count: u32,
  offset: i64,
  result: u32,
  writing: bool,
): u32 {
  if (!isOpen(fd)) return BADF;
  const to = guestRange(instance, result, 4);
  const taken = takeVectors(instance, list, count);
  if (to === 0 || taken < 0) return FAULT;
  const entry = descriptor(fd);
  if (entry.type === TYPE_DIRECTORY) return writing ? BADF : ISDIR;
  if (writing) flush();
  const done = writing
    ? writeVectors(entry.host, vectors, taken, offset)
    : readVectors(entry.host, vectors, taken, offset);
  if (done < 0) return errnoOf(done);
  store32(to, <u32>done);
  return SUCCESS;
}

export function fd_write(instance: u32, fd: u32, list: u32, count: u32, result: u32): u32 {
  return transfer(instance, fd, list, count, -1, result, true);
}

export function fd_read(instance: u32, fd: u32, list: u32, count: u32, result: u32): u32 {
  return transfer(instance, fd, list, count, -1, result, false);
}

export function fd_pwrite(
  instance: u32,
  fd: u32,
  list: u32,
  count: u32,
  offset: u64,
  result: u32,
): u32 {
  if (<i64>offset < 0) return INVAL;
  return transfer(instance, fd, list, count, <i64>offset, result, true);
}

export function fd_pread(
  instance: u32,
  fd: u32,
  list: u32,
  count: u32,
  offset: u64,
  result: u32,
): u32 {
  if (<i64>offset < 0) return INVAL;
  return transfer(instance, fd, list, count, <i64>offset, result, false);
}

export function fd_close(_instance: u32, fd: u32): u32 {
  if (!isOpen(fd)) return BADF;
  const entry = descriptor(fd);
  entry.open = false;
  return errnoOf(release(entry.host));
}

/** Numbers of `whence` are Linux's: set, cur, end. */
export function fd_seek(instance: u32, fd: u32, offset: u64, whence: u32, result: u32): u32 {
  if (!isOpen(fd)) return BADF;
  if (whence > 2) return INVAL;
  const to = guestRange(instance, result, 8);
  if (to === 0) return FAULT;
  if (descriptor(fd).type === TYPE_DIRECTORY) return BADF;
  const place = seek(descriptor(fd).host, <i64>offset, whence);
  if (place < 0) return errnoOf(place);
  store64(to, <u64>place);
  return SUCCESS;
}

export function fd_tell(instance: u32, fd: u32, result: u32): u32 {
  return fd_seek(instance, fd, 0, 1, result);
}

/** WASI's `fdflags` and the O_* that they are in Linux. */
const APPEND: u32 = 1;
const DSYNC: u32 = 2;
const NONBLOCK: u32 = 4;
const RSYNC: u32 = 8;
const SYNC: u32 = 16;
const O_APPEND: u64 = 0x400;
const O_NONBLOCK: u64 = 0x800;
const O_DSYNC: u64 = 0x1000;
const O_SYNC: u64 = 0x10_1000;

/** Linux's open flags for WASI's `fdflags`. */
export function openFlagsOf(flags: u32): u64 {
  let open: u64 = 0;
  if (flags & APPEND) open |= O_APPEND;
  if (flags & NONBLOCK) open |= O_NONBLOCK;
  if (flags & DSYNC) open |= O_DSYNC;
  if (flags & (SYNC | RSYNC)) open |= O_SYNC;
  return open;
}

function fdFlagsOf(open: u64): u32 {
  let flags: u32 = 0;
  if (open & O_APPEND) flags |= APPEND;
  if (open & O_NONBLOCK) flags |= NONBLOCK;
  if ((open & O_SYNC) === O_SYNC) flags |= SYNC | RSYNC;
  else if (open & O_DSYNC) flags |= DSYNC;
  return flags;
}

/** `fdstat`: type u8 at 0, flags u16 at 2, rights u64 at 8, inheriting rights u64 at 16. */
export function fd_fdstat_get(instance: u32, fd: u32, result: u32): u32 {
  if (!isOpen(fd)) return BADF;
  const to = guestRange(instance, result, 24);
  if (to === 0) return FAULT;
  const entry = descriptor(fd);
  const flags = statusFlags(entry.host);
  if (flags < 0) return errnoOf(flags);
  store64(to, 0);
  store8(to, entry.type);
  store8(to + 2, fdFlagsOf(<u64>flags));
  store64(to + 8, entry.rights);
  store64(to + 16, entry.inheriting);
  return SUCCESS;
}

export function fd_fdstat_set_flags(_instance: u32, fd: u32, flags: u32): u32 {
  if (!isOpen(fd)) return BADF;
  return errnoOf(setStatusFlags(descriptor(fd).host, openFlagsOf(flags)));
}

/** Rights can be given up, not gained. */
export function fd_fdstat_set_rights(_instance: u32, fd: u32, rights: u64, inheriting: u64): u32 {
  if (!isOpen(fd)) return BADF;
  const entry = descriptor(fd);
  if ((rights & ~entry.rights) !== 0 || (inheriting & ~entry.inheriting) !== 0) return NOTCAPABLE;
  entry.rights = rights;
  entry.inheriting = inheriting;
  return SUCCESS;
}

/** `prestat`: tag u8 at 0 (0, a directory), length of its name u32 at 4. */
export function fd_prestat_get(instance: u32, fd: u32, result: u32): u32 {
  if (!isOpen(fd) || !descriptor(fd).preopened) return BADF;
  const to = guestRange(instance, result, 8);
  if (to === 0) return FAULT;
  store32(to, 0);
  store32(to + 4, <u32>descriptor(fd).nameSize);
  return SUCCESS;
}

export function fd_prestat_dir_name(instance: u32, fd: u32, path: u32, size: u32): u32 {
  if (!isOpen(fd) || !descriptor(fd).preopened) return BADF;
  const entry = descriptor(fd);
  if (size < entry.nameSize) return NAMETOOLONG;
  const to = guestRange(instance, path, entry.nameSize);
  if (to === 0) return FAULT;
  copy(to, entry.name, entry.nameSize);
  return SUCCESS;
}
