/**
 * Paths below a directory that the program has open. Linux itself keeps them there: every path is
 * resolved by openat2 with RESOLVE_BENEATH, which follows neither `..` nor a link out of the
 * directory. What changes a name is done to the last part of the path, in its parent so opened.
 */

import { copy } from '../cpu.ts';
import { close } from '../system.ts';
import { descriptor, isOpen, TYPE_DIRECTORY } from './descriptors.ts';
import {
  BADF,
  errnoOf,
  FAULT,
  ILSEQ,
  NAMETOOLONG,
  NOENT,
  NOTCAPABLE,
  NOTDIR,
  SUCCESS,
} from './errno.ts';
import { guestRange } from './guest.ts';
import { O_DIRECTORY, O_PATH, openBeneath } from './linux-files.ts';

/** What openat2 says of a path that leads out. */
const EXDEV: i64 = -18;

/** PATH_MAX, with the 0 at the end. */
const CAPACITY: u32 = 4096;

/** Two paths can be in work at once: rename and link have two. */
@unmanaged
export class Path {
  /** Linux's number of the directory that the path starts from; after {@link splitPath} of the parent. */
  directory: u32;
  /** Whether `directory` was opened by {@link splitPath}. */
  opened: bool;
  /** The path, or after {@link splitPath} its last part: ends with a 0. */
  name: usize;
}

const first: usize = memory.data(16, 8);
const second: usize = memory.data(16, 8);
const firstText: usize = memory.data(4096, 8);
const secondText: usize = memory.data(4096, 8);

/** The path of a call, or the first of two. */
export function firstPath(): Path {
  return changetype<Path>(first);
}

/** The second path of a call. */
export function secondPath(): Path {
  return changetype<Path>(second);
}

function textOf(path: Path): usize {
  return changetype<usize>(path) === first ? firstText : secondText;
}

/** Copies the guest's path, relative to its descriptor `fd`, into `to`: SUCCESS or what is wrong. */
export function takePath(to: Path, instance: u32, fd: u32, text: u32, size: u32): u32 {
  if (!isOpen(fd)) return BADF;
  if (descriptor(fd).type !== TYPE_DIRECTORY) return NOTDIR;
  to.directory = descriptor(fd).host;
  to.opened = false;
  return takeText(to, instance, text, size);
}

/** Copies the guest's text alone: the contents of a symbolic link. */
export function takeText(to: Path, instance: u32, text: u32, size: u32): u32 {
  if (size >= CAPACITY) return NAMETOOLONG;
  const from = guestRange(instance, text, size);
  if (from === 0) return FAULT;
  if (size === 0) return NOENT;
  const name = textOf(to);
  copy(name, from, size);
  store<u8>(name + size, 0);
  for (let i: u32 = 0; i < size; i++) {
    if (load<u8>(name + i) === 0) return ILSEQ;
  }
  to.name = name;
  return SUCCESS;
}

/** Opens a path that was taken: Linux's file descriptor, or minus WASI's error. */
export function openPath(path: Path, flags: u64, mode: u64): i32 {
  const host = openBeneath(path.directory, path.name, flags, mode);
  if (host === EXDEV) return -(<i32>NOTCAPABLE);
  return host < 0 ? -(<i32>errnoOf(host)) : <i32>host;
}

function endOf(path: Path): usize {
  let end = path.name;
  while (load<u8>(end) !== 0) end += 1;
  return end;
}

/**
 * Turns a path that was taken into its last part in its parent directory, opened: SUCCESS, after
 * which {@link closePath} must come, or what is wrong. The last part keeps the slashes after it: with
 * them Linux takes it for a directory only.
 */
export function splitPath(path: Path): u32 {
  const start = path.name;
  let cut = endOf(path);
  while (cut > start + 1 && load<u8>(cut - 1) === 0x2f) cut -= 1;
  while (cut > start && load<u8>(cut - 1) !== 0x2f) cut -= 1;
  if (cut === start) return SUCCESS;
  const name = cut;
  if (cut - 1 === start) return NOTCAPABLE;
  store<u8>(cut - 1, 0);
  const parent = openPath(path, O_PATH | O_DIRECTORY, 0);
  if (parent < 0) return <u32>-parent;
  path.directory = parent;
  path.opened = true;
  path.name = name;
  return SUCCESS;
}

/** The name of a directory in itself. */
const itself: usize = memory.data<u8>([0x2e, 0]);

/**
 * {@link splitPath} for calls in which Linux follows a symbolic link that has slashes after it: what such a
 * path leads to is opened here, where it cannot lead out.
 */
export function splitPathOfSource(path: Path): u32 {
  if (load<u8>(endOf(path) - 1) !== 0x2f) return splitPath(path);
  const opened = openPath(path, O_PATH | O_DIRECTORY, 0);
  if (opened < 0) return <u32>-opened;
  path.directory = opened;
  path.opened = true;
  path.name = itself;
  return SUCCESS;
}

export function closePath(path: Path): void {
  if (path.opened) close(path.directory);
  path.opened = false;
}
