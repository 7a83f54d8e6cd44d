/** WASI preview1: files by their names. */

import { store32 } from '../cpu.ts';
import { close } from '../system.ts';
import { addDescriptor, descriptor } from './descriptors.ts';
import { errnoOf, FAULT, INVAL, MFILE, SUCCESS } from './errno.ts';
import { statusOf, takeTimes } from './files.ts';
import { guestRange } from './guest.ts';
import { openFlagsOf } from './io.ts';
import {
  linkFile,
  makeDirectory,
  makeSymbolicLink,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  readLink,
  removeName,
  renameFile,
  setFileTimes,
} from './linux-files.ts';
import {
  closePath,
  firstPath,
  openPath,
  secondPath,
  splitPath,
  splitPathOfSource,
  takePath,
  takeText,
} from './path.ts';

/** WASI's `lookupflags`. */
const SYMLINK_FOLLOW: u32 = 1;

/** WASI's `oflags`, and Linux's. */
const CREAT: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCL: u32 = 4;
const TRUNC: u32 = 8;
const O_CREAT: u64 = 0x40;
const O_EXCL: u64 = 0x80;
const O_TRUNC: u64 = 0x200;
const O_WRONLY: u64 = 1;
const O_RDWR: u64 = 2;

/** WASI's `rights` that need a file open for reading (fd_read, fd_readdir) or for writing (fd_write,
 * fd_allocate, fd_filestat_set_size). */
const READING: u64 = 0x2 | 0x4000;
const WRITING: u64 = 0x40 | 0x100 | 0x40_0000;

/** What a file that the program makes may be used for, before the umask: rw-rw-rw-, rwxrwxrwx. */
const FILE_MODE: u64 = 0o666;
const DIRECTORY_MODE: u64 = 0o777;

export function path_open(
  instance: u32,
  fd: u32,
  lookup: u32,
  text: u32,
  size: u32,
  how: u32,
  rights: u64,
  inheriting: u64,
  flags: u32,
  result: u32,
): u32 {
  const path = firstPath();
  const taken = takePath(path, instance, fd, text, size);
  if (taken !== SUCCESS) return taken;
  const to = guestRange(instance, result, 4);
  if (to === 0) return FAULT;
  let open = openFlagsOf(flags) | O_CLOEXEC;
  if (how & CREAT) open |= O_CREAT;
  if (how & EXCL) open |= O_EXCL;
  if (how & TRUNC) open |= O_TRUNC;
  if (!(lookup & SYMLINK_FOLLOW)) open |= O_NOFOLLOW;
  if (how & DIRECTORY) open |= O_DIRECTORY;
  else if ((rights & WRITING) !== 0) open |= (rights & READING) !== 0 ? O_RDWR : O_WRONLY;
  const host = openPath(path, open, how & CREAT ? FILE_MODE : 0);
  if (host < 0) return <u32>-host;
  const opened = addDescriptor(host, 0);
  if (opened < 0) {
    close(host);
    return MFILE;
  }
  const entry = descriptor(opened);
  entry.rights &= rights;
  entry.inheriting = inheriting;
  store32(to, opened);
  return SUCCESS;
}

export function path_filestat_get(
  instance: u32,
  fd: u32,
  lookup: u32,
  text: u32,
  size: u32,
  result: u32,
): u32 {
  const path = firstPath();
  const taken = takePath(path, instance, fd, text, size);
  if (taken !== SUCCESS) return taken;
  const host = openPath(path, O_PATH | (lookup & SYMLINK_FOLLOW ? 0 : O_NOFOLLOW), 0);
  if (host < 0) return <u32>-host;
  const outcome = statusOf(instance, host, result);
  close(host);
  return outcome;
}

export function path_filestat_set_times(
  instance: u32,
  fd: u32,
  lookup: u32,
  text: u32,
  size: u32,
  access: u64,
  modification: u64,
  flags: u32,
): u32 {
  const path = firstPath();
  const taken = takePath(path, instance, fd, text, size);
  if (taken !== SUCCESS) return taken;
  const times = takeTimes(access, modification, flags);
  if (times === 0) return INVAL;
  const host = openPath(path, O_PATH | (lookup & SYMLINK_FOLLOW ? 0 : O_NOFOLLOW), 0);
  if (host < 0) return <u32>-host;
  const outcome = errnoOf(setFileTimes(host, times));
  close(host);
  return outcome;
}

export function path_create_directory(instance: u32, fd: u32, text: u32, size: u32): u32 {
  const path = firstPath();
  let outcome = takePath(path, instance, fd, text, size);
  if (outcome === SUCCESS) outcome = splitPath(path);
  if (outcome !== SUCCESS) return outcome;
  outcome = errnoOf(makeDirectory(path.directory, path.name, DIRECTORY_MODE));
  closePath(path);
  return outcome;
}

function remove(instance: u32, fd: u32, text: u32, size: u32, isDirectory: bool): u32 {
  const path = firstPath();
  let outcome = takePath(path, instance, fd, text, size);
  if (outcome === SUCCESS) outcome = splitPath(path);
  if (outcome !== SUCCESS) return outcome;
  outcome = errnoOf(removeName(path.directory, path.name, isDirectory));
  closePath(path);
  return outcome;
}

export function path_remove_directory(instance: u32, fd: u32, text: u32, size: u32): u32 {
  return remove(instance, fd, text, size, true);
}

export function path_unlink_file(instance: u32, fd: u32, text: u32, size: u32): u32 {
  return remove(instance, fd, text, size, false);
}

/**
 * Takes and splits the two paths of a call: SUCCESS, or what is wrong with one. `follows`: Linux follows
 * the first.
 */
function takeTwo(
  follows: bool,
  instance: u32,
  fromFd: u32,
  from: u32,
  fromSize: u32,
  toFd: u32,
  to: u32,
  toSize: u32,
): u32 {
  let outcome = takePath(firstPath(), instance, fromFd, from, fromSize);
  if (outcome === SUCCESS) outcome = takePath(secondPath(), instance, toFd, to, toSize);
  if (outcome !== SUCCESS) return outcome;
  outcome = follows ? splitPathOfSource(firstPath()) : splitPath(firstPath());
  if (outcome !== SUCCESS) return outcome;
  outcome = splitPath(secondPath());
  if (outcome !== SUCCESS) closePath(firstPath());
  return outcome;
}

export function path_rename(
  instance: u32,
  fromFd: u32,
  from: u32,
  fromSize: u32,
  toFd: u32,
  to: u32,
  toSize: u32,
): u32 {
  let outcome = takeTwo(false, instance, fromFd, from, fromSize, toFd, to, toSize);
  if (outcome !== SUCCESS) return outcome;
  const source = firstPath();
  const target = secondPath();
  outcome = errnoOf(renameFile(source.directory, source.name, target.directory, target.name));
  closePath(source);
  closePath(target);
  return outcome;
}

/** A link to what a symbolic link stands for would be made outside the reach of RESOLVE_BENEATH. */
export function path_link(
  instance: u32,
  fromFd: u32,
  lookup: u32,
  from: u32,
  fromSize: u32,
  toFd: u32,
  to: u32,
  toSize: u32,
): u32 {
  if (lookup & SYMLINK_FOLLOW) return INVAL;
  let outcome = takeTwo(true, instance, fromFd, from, fromSize, toFd, to, toSize);
  if (outcome !== SUCCESS) return outcome;
  const source = firstPath();
  const target = secondPath();
  outcome = errnoOf(linkFile(source.directory, source.name, target.directory, target.name));
  closePath(source);
  closePath(target);
  return outcome;
}

/** What the link says does not matter: following it is checked when that is done. */
export function path_symlink(
  instance: u32,
  contents: u32,
  contentsSize: u32,
  fd: u32,
  text: u32,
  size: u32,
): u32 {
  const path = firstPath();
  let outcome = takePath(path, instance, fd, text, size);
  if (outcome === SUCCESS) outcome = takeText(secondPath(), instance, contents, contentsSize);
  if (outcome === SUCCESS) outcome = splitPath(path);
  if (outcome !== SUCCESS) return outcome;
  outcome = errnoOf(makeSymbolicLink(secondPath().name, path.directory, path.name));
  closePath(path);
  return outcome;
}

export function path_readlink(
  instance: u32,
  fd: u32,
  text: u32,
  size: u32,
  buffer: u32,
  capacity: u32,
  result: u32,
): u32 {
  const path = firstPath();
  const to = guestRange(instance, buffer, capacity);
  const usedAt = guestRange(instance, result, 4);
  if (to === 0 || usedAt === 0) return FAULT;
  let outcome = takePath(path, instance, fd, text, size);
  if (outcome === SUCCESS) outcome = splitPathOfSource(path);
  if (outcome !== SUCCESS) return outcome;
  const used = readLink(path.directory, path.name, to, capacity);
  closePath(path);
  if (used < 0) return errnoOf(used);
  store32(usedAt, <u32>used);
  return SUCCESS;
}
