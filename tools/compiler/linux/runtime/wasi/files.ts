/** WASI preview1: what an open file is, and changing it. */

import { store8, store64 } from '../cpu.ts';
import { fileStatus } from '../system.ts';
import { descriptor, isOpen, moveDescriptor, release, typeOfMode } from './descriptors.ts';
import { BADF, errnoOf, FAULT, INVAL, NOTSOCK, NOTSUP, SUCCESS } from './errno.ts';
import { guestRange } from './guest.ts';
import {
  adviseFile,
  allocateFile,
  setFileTimes,
  syncData,
  syncFile,
  truncateFile,
} from './linux-files.ts';

/** `struct stat`: linux/arch/x86/include/uapi/asm/stat.h. */
const status: usize = memory.data(144, 8);
const ST_DEV: usize = 0;
const ST_INO: usize = 8;
const ST_NLINK: usize = 16;
const ST_MODE: usize = 24;
const ST_SIZE: usize = 48;
const ST_ATIME: usize = 72;
const ST_MTIME: usize = 88;
const ST_CTIME: usize = 104;

/** Bytes of WASI's `filestat`. */
const FILESTAT_SIZE: u64 = 64;

/** Stores the `filestat` of an open Linux file at `result` in the guest's memory. */
export function statusOf(instance: u32, host: u32, result: u32): u32 {
  const to = guestRange(instance, result, FILESTAT_SIZE);
  if (to === 0) return FAULT;
  const outcome = fileStatus(host, status);
  if (outcome < 0) return errnoOf(outcome);
  store64(to, load<u64>(status, ST_DEV));
  store64(to + 8, load<u64>(status, ST_INO));
  store64(to + 16, 0);
  store8(to + 16, typeOfMode(load<u32>(status, ST_MODE)));
  store64(to + 24, load<u64>(status, ST_NLINK));
  store64(to + 32, load<u64>(status, ST_SIZE));
  store64(to + 40, nanosecondsAt(ST_ATIME));
  store64(to + 48, nanosecondsAt(ST_MTIME));
  store64(to + 56, nanosecondsAt(ST_CTIME));
  return SUCCESS;
}

function nanosecondsAt(field: usize): u64 {
  return load<u64>(status + field) * 1_000_000_000 + load<u64>(status + field, 8);
}

export function fd_filestat_get(instance: u32, fd: u32, result: u32): u32 {
  return isOpen(fd) ? statusOf(instance, descriptor(fd).host, result) : BADF;
}

export function fd_filestat_set_size(_instance: u32, fd: u32, size: u64): u32 {
  if (!isOpen(fd)) return BADF;
  return <i64>size < 0 ? INVAL : errnoOf(truncateFile(descriptor(fd).host, size));
}

/** WASI's `fstflags`, and nanoseconds that mean the same to utimensat (linux/include/linux/stat.h). */
const ATIM: u32 = 1;
const ATIM_NOW: u32 = 2;
const MTIM: u32 = 4;
const MTIM_NOW: u32 = 8;
const UTIME_NOW: u64 = 0x3fff_ffff;
const UTIME_OMIT: u64 = 0x3fff_fffe;

/** Two of Linux's `struct timespec`. */
const times: usize = memory.data(32, 8);

/** Makes what utimensat takes: its address, or 0 if the flags contradict each other. */
export function takeTimes(access: u64, modification: u64, flags: u32): usize {
  const both = ATIM | ATIM_NOW;
  if ((flags & both) === both || ((flags >>> 2) & both) === both || flags > 15) return 0;
  takeTime(times, access, (flags & ATIM) !== 0, (flags & ATIM_NOW) !== 0);
  takeTime(times + 16, modification, (flags & MTIM) !== 0, (flags & MTIM_NOW) !== 0);
  return times;
}

function takeTime(to: usize, time: u64, given: bool, now: bool): void {
  store<u64>(to, given ? time / 1_000_000_000 : 0);
  store<u64>(to, given ? time % 1_000_000_000 : now ? UTIME_NOW : UTIME_OMIT, 8);
}

export function fd_filestat_set_times(
  _instance: u32,
  fd: u32,
  access: u64,
  modification: u64,
  flags: u32,
): u32 {
  if (!isOpen(fd)) return BADF;
  const taken = takeTimes(access, modification, flags);
  return taken === 0 ? INVAL : errnoOf(setFileTimes(descriptor(fd).host, taken));
}

/** WASI counts sequential before random, Linux the other way round. */
export function fd_advise(_instance: u32, fd: u32, offset: u64, size: u64, advice: u32): u32 {
  if (!isOpen(fd)) return BADF;
  if (advice > 5) return INVAL;
  const linux = advice === 1 || advice === 2 ? 3 - advice : advice;
  return errnoOf(adviseFile(descriptor(fd).host, offset, size, linux));
}

export function fd_allocate(_instance: u32, fd: u32, offset: u64, size: u64): u32 {
  return isOpen(fd) ? errnoOf(allocateFile(descriptor(fd).host, offset, size)) : BADF;
}

export function fd_sync(_instance: u32, fd: u32): u32 {
  return isOpen(fd) ? errnoOf(syncFile(descriptor(fd).host)) : BADF;
}

export function fd_datasync(_instance: u32, fd: u32): u32 {
  return isOpen(fd) ? errnoOf(syncData(descriptor(fd).host)) : BADF;
}

/** Gives what `from` is the number `to`, and closes what that was. */
export function fd_renumber(_instance: u32, from: u32, to: u32): u32 {
  if (!isOpen(from) || !isOpen(to)) return BADF;
  if (from === to) return SUCCESS;
  const closed = release(descriptor(to).host);
  moveDescriptor(from, to);
  return errnoOf(closed);
}

/** Programs have no way to a socket but to be started with one as a standard stream. */
function notASocket(fd: u32): u32 {
  if (!isOpen(fd)) return BADF;
  return descriptor(fd).isSocket() ? NOTSUP : NOTSOCK;
}

export function sock_accept(_instance: u32, fd: u32, _flags: u32, _result: u32): u32 {
  return notASocket(fd);
}

export function sock_recv(
  _instance: u32,
  fd: u32,
  _list: u32,
  _count: u32,
  _flags: u32,
  _size: u32,
  _outFlags: u32,
): u32 {
  return notASocket(fd);
}

export function sock_send(
  _instance: u32,
  fd: u32,
  _list: u32,
  _count: u32,
  _flags: u32,
  _size: u32,
): u32 {
  return notASocket(fd);
}

export function sock_shutdown(_instance: u32, fd: u32, _how: u32): u32 {
  return notASocket(fd);
}
