/** What a WASI program has open: its file descriptors, and the Linux ones behind them. */

import { fileStatus } from '../system.ts';

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

/** Puts an open Linux file into the lowest free entry: its number, or -1 if the table is full. */
export function addDescriptor(host: u32): i32 {
  for (let fd: u32 = 0; fd < CAPACITY; fd++) {
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

/** Gives the program Linux's 0, 1 and 2. */
export function addStandardStreams(): void {
  for (let fd: u32 = 0; fd < 3; fd++) addDescriptor(fd);
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
