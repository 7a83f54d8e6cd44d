/** WASI preview1: the entries of a directory. */

import { copy, store32 } from '../cpu.ts';
import { seek } from '../system.ts';
import { descriptor, isOpen, typeOfMode } from './descriptors.ts';
import { BADF, errnoOf, FAULT, SUCCESS } from './errno.ts';
import { guestRange } from './guest.ts';
import { readDirectory } from './linux-files.ts';

/** Linux's entries: `struct linux_dirent64`. */
const CAPACITY: u64 = 32768;
const entries: usize = memory.data(32768, 8);
const D_INO: usize = 0;
const D_OFF: usize = 8;
const D_RECLEN: usize = 16;
const D_TYPE: usize = 18;
const D_NAME: usize = 19;

/** WASI's `dirent`, before the name: next cookie u64, inode u64, size of the name u32, type u8. */
const DIRENT_SIZE: u64 = 24;
const head: usize = memory.data(24, 8);

/**
 * Cookies are Linux's own places in the directory. The buffer is filled to its last byte, an entry
 * cut short if need be, unless the directory ends first.
 */
export function fd_readdir(
  instance: u32,
  fd: u32,
  buffer: u32,
  size: u32,
  cookie: u64,
  result: u32,
): u32 {
  if (!isOpen(fd)) return BADF;
  const to = guestRange(instance, buffer, size);
  const usedAt = guestRange(instance, result, 4);
  if (to === 0 || usedAt === 0) return FAULT;
  const host = descriptor(fd).host;
  const place = seek(host, <i64>cookie, 0);
  if (place < 0) return errnoOf(place);
  let used: u64 = 0;
  while (used < size) {
    const got = readDirectory(host, entries, CAPACITY);
    if (got < 0) return errnoOf(got);
    if (got === 0) break;
    for (let at: usize = 0; at < <usize>got && used < size; ) {
      const entry = entries + at;
      at += load<u16>(entry, D_RECLEN);
      used += putEntry(to + used, size - used, entry);
    }
  }
  store32(usedAt, <u32>used);
  return SUCCESS;
}

/** Writes as much of an entry as there is room for: how many bytes. */
function putEntry(to: u64, room: u64, entry: usize): u64 {
  let nameSize: u64 = 0;
  while (load<u8>(entry + D_NAME + <usize>nameSize) !== 0) nameSize += 1;
  store<u64>(head, load<u64>(entry, D_OFF));
  store<u64>(head, load<u64>(entry, D_INO), 8);
  store<u32>(head, <u32>nameSize, 16);
  // DT_* are the file type's bits of st_mode. linux/include/linux/fs_types.h.
  store<u32>(head, typeOfMode((<u32>load<u8>(entry, D_TYPE)) << 12), 20);
  const headSize = min(DIRENT_SIZE, room);
  copy(to, head, headSize);
  nameSize = min(nameSize, room - headSize);
  copy(to + headSize, entry + D_NAME, nameSize);
  return headSize + nameSize;
}
