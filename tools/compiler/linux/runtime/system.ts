/** The Linux system calls that the run-time makes. Numbers: linux/arch/x86/entry/syscalls. */

import { syscall } from './linux.ts';

const READ: u64 = 0;
const WRITE: u64 = 1;
const CLOSE: u64 = 3;
const FSTAT: u64 = 5;
const POLL: u64 = 7;
const LSEEK: u64 = 8;
const MMAP: u64 = 9;
const MPROTECT: u64 = 10;
const RT_SIGACTION: u64 = 13;
const READV: u64 = 19;
const WRITEV: u64 = 20;
const SCHED_YIELD: u64 = 24;
const FCNTL: u64 = 72;
const SIGALTSTACK: u64 = 131;
const CLOCK_GETTIME: u64 = 228;
const CLOCK_GETRES: u64 = 229;
const EXIT_GROUP: u64 = 231;
const PREADV: u64 = 295;
const PWRITEV: u64 = 296;
const GETRANDOM: u64 = 318;

const EINTR: i64 = -4;
const EAGAIN: i64 = -11;

const POLLIN: u32 = 1;
const POLLOUT: u32 = 4;

const PROT_READ_WRITE: u64 = 3;
const MAP_PRIVATE_ANONYMOUS_NORESERVE: u64 = 0x4022;

/** Ends the process. */
export function exit(code: u32): void {
  syscall(EXIT_GROUP, code, 0, 0, 0, 0, 0);
}

/** `struct pollfd`: fd i32, events i16, revents i16. */
const polled: usize = memory.data(8, 8);

/** Waits for a file that does not wait itself: the program may have made a standard stream one. */
function waitFor(fd: u32, events: u32): void {
  store<u32>(polled, fd);
  store<u32>(polled, events, 4);
  syscall(POLL, polled, 1, -1, 0, 0, 0);
}

/** Writes all of the bytes, or as many as the file takes: 0, or minus an error number. */
export function writeAll(fd: u32, bytes: u64, size: u64): i64 {
  while (size > 0) {
    const written = syscall(WRITE, fd, bytes, size, 0, 0, 0);
    if (written === EAGAIN) waitFor(fd, POLLOUT);
    if (written === EAGAIN || written === EINTR) continue;
    if (written < 0) return written;
    bytes += <u64>written;
    size -= <u64>written;
  }
  return 0;
}

/** Reads at most `size` bytes: how many (0 at the end of the file), or minus an error number. */
export function readSome(fd: u32, bytes: u64, size: u64): i64 {
  let got: i64;
  do {
    got = syscall(READ, fd, bytes, size, 0, 0, 0);
    if (got === EAGAIN) waitFor(fd, POLLIN);
  } while (got === EAGAIN || got === EINTR);
  return got;
}

/** Reserves address space that nothing may touch yet: its address, or minus an error number. */
export function reserve(size: u64): i64 {
  return syscall(MMAP, 0, size, 0, MAP_PRIVATE_ANONYMOUS_NORESERVE, <u64>-1, 0);
}

/** Makes reserved pages readable and writable: 0, or minus an error number. */
export function commit(address: u64, size: u64): i64 {
  if (size === 0) return 0;
  return syscall(MPROTECT, address, size, PROT_READ_WRITE, 0, 0, 0);
}

/** Sets the handler of a signal from the kernel's `struct sigaction` at `action`. */
export function setSignalAction(signal: u64, action: usize): i64 {
  return syscall(RT_SIGACTION, signal, action, 0, 8, 0, 0);
}

/** Sets the stack of signal handlers from the `stack_t` at `stack`. */
export function setSignalStack(stack: usize): i64 {
  return syscall(SIGALTSTACK, stack, 0, 0, 0, 0, 0);
}

/** Where Linux writes a `struct timespec`: seconds, nanoseconds. */
const time: usize = memory.data(16, 8);

function nanoseconds(): u64 {
  return load<u64>(time) * 1_000_000_000 + load<u64>(time, 8);
}

/** Nanoseconds of a clock that exists. */
export function clockTime(clock: u32): u64 {
  syscall(CLOCK_GETTIME, clock, time, 0, 0, 0, 0);
  return nanoseconds();
}

/** Nanoseconds between two ticks of a clock that exists. */
export function clockResolution(clock: u32): u64 {
  syscall(CLOCK_GETRES, clock, time, 0, 0, 0, 0);
  return nanoseconds();
}

/** Fills all of the bytes: 0, or minus an error number. */
export function randomBytes(to: u64, size: u64): i64 {
  while (size > 0) {
    const got = syscall(GETRANDOM, to, size, 0, 0, 0, 0);
    if (got === EINTR) continue;
    if (got < 0) return got;
    to += <u64>got;
    size -= <u64>got;
  }
  return 0;
}

export function yieldProcessor(): i64 {
  return syscall(SCHED_YIELD, 0, 0, 0, 0, 0, 0);
}

/** An `iovec` of Linux's. */
export const VECTOR_SIZE: usize = 16;

/** Reads into `count` buffers, at `offset` or, if that is negative, at the file's place. */
export function readVectors(fd: u32, vectors: usize, count: u32, offset: i64): i64 {
  if (offset < 0) return syscall(READV, fd, vectors, count, 0, 0, 0);
  return syscall(PREADV, fd, vectors, count, <u64>offset, 0, 0);
}

/** Writes from `count` buffers, at `offset` or, if that is negative, at the file's place. */
export function writeVectors(fd: u32, vectors: usize, count: u32, offset: i64): i64 {
  if (offset < 0) return syscall(WRITEV, fd, vectors, count, 0, 0, 0);
  return syscall(PWRITEV, fd, vectors, count, <u64>offset, 0, 0);
}

export function seek(fd: u32, offset: i64, from: u32): i64 {
  return syscall(LSEEK, fd, <u64>offset, from, 0, 0, 0);
}

export function close(fd: u32): i64 {
  return syscall(CLOSE, fd, 0, 0, 0, 0, 0);
}

/** Stores a `struct stat` of the open file at `to`. */
export function fileStatus(fd: u32, to: usize): i64 {
  return syscall(FSTAT, fd, to, 0, 0, 0, 0);
}

/** F_GETFL and F_SETFL of fcntl. */
export function statusFlags(fd: u32): i64 {
  return syscall(FCNTL, fd, 3, 0, 0, 0, 0);
}

export function setStatusFlags(fd: u32, flags: u64): i64 {
  return syscall(FCNTL, fd, 4, flags, 0, 0, 0);
}
