/**
 * What the kernel offers to compartments, by the names that the linker binds imports to:
 * `wasi_NAME` to wasi_snapshot_preview1.NAME, `tacit_NAME` to tacit.NAME. Each takes the number of
 * the calling compartment first, a constant of the link.
 *
 * asc adds an extension to what is exported from elsewhere, so these names have none.
 */

export {
  tacit_derived_key,
  tacit_extended_report,
  tacit_report,
  tacit_tsc_info,
} from './capabilities';
export { memory_grow, tacit_halt, tacit_reset } from './tacit';
export {
  args_get as wasi_args_get,
  args_sizes_get as wasi_args_sizes_get,
  environ_get as wasi_environ_get,
  environ_sizes_get as wasi_environ_sizes_get,
} from './wasi/arguments';
export {
  clock_res_get as wasi_clock_res_get,
  clock_time_get as wasi_clock_time_get,
} from './wasi/clock';
export {
  fd_close as wasi_fd_close,
  fd_fdstat_get as wasi_fd_fdstat_get,
  fd_prestat_dir_name as wasi_fd_prestat_dir_name,
  fd_prestat_get as wasi_fd_prestat_get,
  fd_read as wasi_fd_read,
  fd_seek as wasi_fd_seek,
  fd_tell as wasi_fd_tell,
  fd_write as wasi_fd_write,
} from './wasi/files';
export { poll_oneoff as wasi_poll_oneoff } from './wasi/poll';
export {
  proc_exit as wasi_proc_exit,
  sched_yield as wasi_sched_yield,
} from './wasi/process';
export { random_get as wasi_random_get } from './wasi/random';
export {
  fd_advise as wasi_fd_advise,
  fd_allocate as wasi_fd_allocate,
  fd_datasync as wasi_fd_datasync,
  fd_fdstat_set_flags as wasi_fd_fdstat_set_flags,
  fd_fdstat_set_rights as wasi_fd_fdstat_set_rights,
  fd_filestat_get as wasi_fd_filestat_get,
  fd_filestat_set_size as wasi_fd_filestat_set_size,
  fd_filestat_set_times as wasi_fd_filestat_set_times,
  fd_pread as wasi_fd_pread,
  fd_pwrite as wasi_fd_pwrite,
  fd_readdir as wasi_fd_readdir,
  fd_renumber as wasi_fd_renumber,
  fd_sync as wasi_fd_sync,
  path_create_directory as wasi_path_create_directory,
  path_filestat_get as wasi_path_filestat_get,
  path_filestat_set_times as wasi_path_filestat_set_times,
  path_link as wasi_path_link,
  path_open as wasi_path_open,
  path_readlink as wasi_path_readlink,
  path_remove_directory as wasi_path_remove_directory,
  path_rename as wasi_path_rename,
  path_symlink as wasi_path_symlink,
  path_unlink_file as wasi_path_unlink_file,
  proc_raise as wasi_proc_raise,
  sock_accept as wasi_sock_accept,
  sock_recv as wasi_sock_recv,
  sock_send as wasi_sock_send,
  sock_shutdown as wasi_sock_shutdown,
} from './wasi/unbuilt';
