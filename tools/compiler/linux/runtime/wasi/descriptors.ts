/** What a WASI program has open: its file descriptors, and the Linux ones behind them. */

import { close, fileStatus, statusFlags } from '../system.ts';
import { O_PATH, openAnywhere } from './linux-files.ts';

/** WASI preview1, `filetype`. */
export const TYPE_UNKNOWN: u32 = 0;
export const TYPE_BLOCK_DEVICE: u32 = 1;
export const TYPE_CHARACTER_DEVICE: u32 = 2;
export const TYPE_DIRECTORY: u32 = 3;
export const TYPE_REGULAR_FILE: u32 = 4;
export const TYPE_SOCKET_STREAM: u32 = 6;
export const TYPE_SYMBOLIC_LINK: u32 = 7;

/** WASI preview1, `rights`: all thirty; a terminal can neither seek nor tell, which is how it is known. */
export const ALL_RIGHTS: u64 = 0x3fff_ffff;
const SEEK_AND_TELL: u64 = 0x24;

@unmanaged
export class Descriptor {
  /** Linux's file descriptor. */
  host: u32;
  /** Whether this entry of the table is in use. */
  open: bool;
  /** TYPE_*. */
  type: u8;
  /** Given from the start, under `name`. */
  preopened: bool;
  append: bool;
  rights: u64;
  inheriting: u64;
  /** Name of a preopened directory: bytes anywhere. */
  name: u64;
  nameSize: u64;

  isSocket(): bool {
    return this.type === TYPE_SOCKET_STREAM;
  }
}

const CAPACITY: u32 = 1024;
const table: usize = memory.data(1024 * 40, 8);

function entryAt(fd: u32): Descriptor {
  return changetype<Descriptor>(table + <usize>fd * offsetof<Descriptor>());
}

/** Whether the program has `fd` open. */
export function isOpen(fd: u32): bool {
  return fd < CAPACITY && entryAt(fd).open;
}

/** The descriptor `fd`, which is open. */
export function descriptor(fd: u32): Descriptor {
  return entryAt(fd);
}

/** Puts an open Linux file into the lowest free entry from `lowest` on: its number, or -1 if the table is full. */
export function addDescriptor(host: u32, lowest: u32): i32 {
  for (let fd: u32 = lowest; fd < CAPACITY; fd++) {
    const entry = entryAt(fd);
    if (entry.open) continue;
    memory.fill(changetype<usize>(entry), 0, offsetof<Descriptor>());
    entry.open = true;
    entry.host = host;
    entry.type = <u8>typeOfFile(host);
    entry.rights = entry.type === TYPE_CHARACTER_DEVICE ? ALL_RIGHTS & ~SEEK_AND_TELL : ALL_RIGHTS;
    entry.inheriting = ALL_RIGHTS;
    return <i32>fd;
  }
  return -1;
}

/** Makes `from` the number `to`, which is taken from whatever has it. */
export function moveDescriptor(from: u32, to: u32): void {
  const entry = entryAt(from);
  memory.copy(changetype<usize>(entryAt(to)), changetype<usize>(entry), offsetof<Descriptor>());
  entry.open = false;
}

/** Linux's numbers below this are the standard streams: what --batch reads, answers, and complaints. */
export const STREAMS: u32 = 3;

/** The path of a directory that there always is. */
const root: usize = memory.data<u8>([0x2f, 0]);

/**
 * Gives the program those standard streams that there are. The number of one that is missing is taken by what
 * can be neither read nor written, so that no file of the program's becomes what the run-time uses. False if
 * Linux refuses that.
 */
export function addStandardStreams(): bool {
  for (let fd: u32 = 0; fd < STREAMS; fd++) {
    if (statusFlags(fd) >= 0) addDescriptor(fd, fd);
    else if (openAnywhere(root, O_PATH) < 0) return false;
  }
  return true;
}

/** Closes the Linux file of an entry given up; a standard stream stays open for the run-time's own use. */
export function release(host: u32): i64 {
  return host < STREAMS ? 0 : close(host);
}

const status: usize = memory.data(144, 8);
/** Of `struct stat`, linux/arch/x86/include/uapi/asm/stat.h. */
const ST_MODE: usize = 24;

/** The TYPE_* of an open file. */
export function typeOfFile(host: u32): u32 {
  return fileStatus(host, status) < 0 ? TYPE_UNKNOWN : typeOfMode(load<u32>(status, ST_MODE));
}

/** The TYPE_* of a `st_mode`. */
export function typeOfMode(mode: u32): u32 {
  switch (mode & 0o170000) {
    case 0o020000:
      return TYPE_CHARACTER_DEVICE;
    case 0o040000:
      return TYPE_DIRECTORY;
    case 0o060000:
      return TYPE_BLOCK_DEVICE;
    case 0o100000:
      return TYPE_REGULAR_FILE;
    case 0o120000:
      return TYPE_SYMBOLIC_LINK;
    case 0o140000:
      return TYPE_SOCKET_STREAM;
    default:
      return TYPE_UNKNOWN;
  }
}
