/**
 * The modules that an executable brings along: imports from them are met by the run-time's exports,
 * each of which takes the number of the calling instance first.
 */

/** WASI preview1 as far as it is there; all are exported under their own names by runtime/main.ts. */
const wasi = [
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'fd_close',
  'fd_fdstat_get',
  'fd_fdstat_set_flags',
  'fd_fdstat_set_rights',
  'fd_pread',
  'fd_prestat_dir_name',
  'fd_prestat_get',
  'fd_pwrite',
  'fd_read',
  'fd_seek',
  'fd_tell',
  'fd_write',
  'proc_exit',
  'proc_raise',
  'random_get',
  'sched_yield',
];

/** By module and name of an import, the name of the run-time's export. */
export const hostFunctions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  wasi_snapshot_preview1: Object.fromEntries(wasi.map((name) => [name, name])),
  'fuzzing-support': {
    'log-i32': 'printI32',
    'log-i64': 'printI64',
    'log-f32': 'printF32',
    'log-f64': 'printF64',
  },
  spectest: {
    print: 'print',
    print_i32: 'printI32',
    print_i64: 'printI64',
    print_f32: 'printF32',
    print_f64: 'printF64',
    print_i32_f32: 'printI32F32',
    print_f64_f64: 'printF64F64',
  },
};
