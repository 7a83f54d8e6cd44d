/**
 * The functions of WASI preview1 that this kernel does not have: files and
 * sockets. Each answers ENOSYS, so that a program which can do without goes on.
 */

import { ENOSYS } from './errno.ts';

export function fd_advise(_c: u32, _fd: u32, _offset: i64, _length: i64, _advice: u32): u32 {
  return ENOSYS;
}

export function fd_allocate(_c: u32, _fd: u32, _offset: i64, _length: i64): u32 {
  return ENOSYS;
}

export function fd_datasync(_c: u32, _fd: u32): u32 {
  return ENOSYS;
}

export function fd_fdstat_set_flags(_c: u32, _fd: u32, _flags: u32): u32 {
  return ENOSYS;
}

export function fd_fdstat_set_rights(_c: u32, _fd: u32, _base: i64, _inheriting: i64): u32 {
  return ENOSYS;
}

export function fd_filestat_get(_c: u32, _fd: u32, _stat: u32): u32 {
  return ENOSYS;
}

export function fd_filestat_set_size(_c: u32, _fd: u32, _size: i64): u32 {
  return ENOSYS;
}

export function fd_filestat_set_times(
  _c: u32,
  _fd: u32,
  _accessed: i64,
  _modified: i64,
  _flags: u32,
): u32 {
  return ENOSYS;
}

export function fd_pread(
  _c: u32,
  _fd: u32,
  _buffers: u32,
  _count: u32,
  _offset: i64,
  _read: u32,
): u32 {
  return ENOSYS;
}

export function fd_pwrite(
  _c: u32,
  _fd: u32,
  _buffers: u32,
  _count: u32,
  _offset: i64,
  _written: u32,
): u32 {
  return ENOSYS;
}

export function fd_readdir(
  _c: u32,
  _fd: u32,
  _buffer: u32,
  _size: u32,
  _cookie: i64,
  _used: u32,
): u32 {
  return ENOSYS;
}

export function fd_renumber(_c: u32, _from: u32, _to: u32): u32 {
  return ENOSYS;
}

export function fd_sync(_c: u32, _fd: u32): u32 {
  return ENOSYS;
}

export function path_create_directory(_c: u32, _fd: u32, _path: u32, _size: u32): u32 {
  return ENOSYS;
}

export function path_filestat_get(
  _c: u32,
  _fd: u32,
  _flags: u32,
  _path: u32,
  _size: u32,
  _stat: u32,
): u32 {
  return ENOSYS;
}

export function path_filestat_set_times(
  _c: u32,
  _fd: u32,
  _flags: u32,
  _path: u32,
  _size: u32,
  _accessed: i64,
  _modified: i64,
  _which: u32,
): u32 {
  return ENOSYS;
}

export function path_link(
  _c: u32,
  _fd: u32,
  _flags: u32,
  _path: u32,
  _size: u32,
  _newFd: u32,
  _newPath: u32,
  _newSize: u32,
): u32 {
  return ENOSYS;
}

export function path_open(
  _c: u32,
  _fd: u32,
  _dirFlags: u32,
  _path: u32,
  _size: u32,
  _openFlags: u32,
  _base: i64,
  _inheriting: i64,
  _flags: u32,
  _opened: u32,
): u32 {
  return ENOSYS;
}

export function path_readlink(
  _c: u32,
  _fd: u32,
  _path: u32,
  _size: u32,
  _buffer: u32,
  _capacity: u32,
  _used: u32,
): u32 {
  return ENOSYS;
}

export function path_remove_directory(_c: u32, _fd: u32, _path: u32, _size: u32): u32 {
  return ENOSYS;
}

export function path_rename(
  _c: u32,
  _fd: u32,
  _path: u32,
  _size: u32,
  _newFd: u32,
  _newPath: u32,
  _newSize: u32,
): u32 {
  return ENOSYS;
}

export function path_symlink(
  _c: u32,
  _oldPath: u32,
  _oldSize: u32,
  _fd: u32,
  _path: u32,
  _size: u32,
): u32 {
  return ENOSYS;
}

export function path_unlink_file(_c: u32, _fd: u32, _path: u32, _size: u32): u32 {
  return ENOSYS;
}

export function proc_raise(_c: u32, _signal: u32): u32 {
  return ENOSYS;
}

export function sock_accept(_c: u32, _fd: u32, _flags: u32, _accepted: u32): u32 {
  return ENOSYS;
}

export function sock_recv(
  _c: u32,
  _fd: u32,
  _buffers: u32,
  _count: u32,
  _flags: u32,
  _read: u32,
  _answered: u32,
): u32 {
  return ENOSYS;
}

export function sock_send(
  _c: u32,
  _fd: u32,
  _buffers: u32,
  _count: u32,
  _flags: u32,
  _written: u32,
): u32 {
  return ENOSYS;
}

export function sock_shutdown(_c: u32, _fd: u32, _how: u32): u32 {
  return ENOSYS;
}
