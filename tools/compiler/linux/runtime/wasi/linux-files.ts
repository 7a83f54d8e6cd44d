/** The Linux system calls behind WASI's files. Numbers: linux/arch/x86/entry/syscalls. */

import { syscall } from '../linux.ts';

const FSYNC: u64 = 74;
const FDATASYNC: u64 = 75;
const FTRUNCATE: u64 = 77;
const GETDENTS64: u64 = 217;
const FADVISE64: u64 = 221;
const OPENAT: u64 = 257;
const MKDIRAT: u64 = 258;
const UNLINKAT: u64 = 263;
const RENAMEAT: u64 = 264;
const LINKAT: u64 = 265;
const SYMLINKAT: u64 = 266;
const READLINKAT: u64 = 267;
const PPOLL: u64 = 271;
const UTIMENSAT: u64 = 280;
const FALLOCATE: u64 = 285;
const OPENAT2: u64 = 437;

const EINTR: i64 = -4;

const AT_FDCWD: u64 = -100;
const AT_REMOVEDIR: u64 = 0x200;
const AT_EMPTY_PATH: u64 = 0x1000;
const RESOLVE_BENEATH: u64 = 8;

export const O_DIRECTORY: u64 = 0x1_0000;
export const O_NOFOLLOW: u64 = 0x2_0000;
export const O_CLOEXEC: u64 = 0x8_0000;
export const O_PATH: u64 = 0x20_0000;

/** Opens a path of whoever started us, which may lead anywhere. */
export function openAnywhere(path: usize, flags: u64): i64 {
  return syscall(OPENAT, AT_FDCWD, path, flags | O_CLOEXEC, 0, 0, 0);
}

/** `struct open_how`: flags, mode, resolve. */
const how: usize = memory.data(24, 8);

/** Opens a path below `directory`, or fails with EXDEV where it leads out. */
export function openBeneath(directory: u32, path: usize, flags: u64, mode: u64): i64 {
  store<u64>(how, flags);
  store<u64>(how, mode, 8);
  store<u64>(how, RESOLVE_BENEATH, 16);
  return syscall(OPENAT2, directory, path, how, 24, 0, 0);
}

export function syncFile(fd: u32): i64 {
  return syscall(FSYNC, fd, 0, 0, 0, 0, 0);
}

export function syncData(fd: u32): i64 {
  return syscall(FDATASYNC, fd, 0, 0, 0, 0, 0);
}

export function truncateFile(fd: u32, size: u64): i64 {
  return syscall(FTRUNCATE, fd, size, 0, 0, 0, 0);
}

export function allocateFile(fd: u32, offset: u64, size: u64): i64 {
  return syscall(FALLOCATE, fd, 0, offset, size, 0, 0);
}

export function adviseFile(fd: u32, offset: u64, size: u64, advice: u32): i64 {
  return syscall(FADVISE64, fd, offset, size, advice, 0, 0);
}

/** The path that means the open file itself. */
const empty: usize = memory.data<u8>([0]);

/** Sets the times of an open file, from the two `struct timespec` at `times`. */
export function setFileTimes(fd: u32, times: usize): i64 {
  return syscall(UTIMENSAT, fd, empty, times, AT_EMPTY_PATH, 0, 0);
}

/** Reads entries of a directory: bytes, or 0 at its end. */
export function readDirectory(fd: u32, to: usize, size: u64): i64 {
  return syscall(GETDENTS64, fd, to, size, 0, 0, 0);
}

export function makeDirectory(directory: u32, name: usize, mode: u64): i64 {
  return syscall(MKDIRAT, directory, name, mode, 0, 0, 0);
}

export function removeName(directory: u32, name: usize, isDirectory: bool): i64 {
  return syscall(UNLINKAT, directory, name, isDirectory ? AT_REMOVEDIR : 0, 0, 0, 0);
}

export function renameFile(directory: u32, name: usize, toDirectory: u32, toName: usize): i64 {
  return syscall(RENAMEAT, directory, name, toDirectory, toName, 0, 0);
}

export function linkFile(directory: u32, name: usize, toDirectory: u32, toName: usize): i64 {
  return syscall(LINKAT, directory, name, toDirectory, toName, 0, 0);
}

export function makeSymbolicLink(contents: usize, directory: u32, name: usize): i64 {
  return syscall(SYMLINKAT, contents, directory, name, 0, 0, 0);
}

export function readLink(directory: u32, name: usize, to: u64, size: u64): i64 {
  return syscall(READLINKAT, directory, name, to, size, 0, 0);
}

/** `struct timespec`. */
const time: usize = memory.data(16, 8);

/** Waits until one of `count` pollfd entries is ready, or `span` nanoseconds have gone by; all ones: for ever. */
export function pollFiles(entries: usize, count: u32, span: u64): i64 {
  const forever = span === <u64>-1;
  store<u64>(time, span / 1_000_000_000);
  store<u64>(time, span % 1_000_000_000, 8);
  let ready: i64;
  do {
    ready = syscall(PPOLL, entries, count, forever ? 0 : time, 0, 0, 0);
  } while (ready === EINTR);
  return ready;
}
