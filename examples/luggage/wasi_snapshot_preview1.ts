/** What the program asks of its host. WASI preview1. Results are 0, or why not. */

export declare function args_sizes_get(count: usize, bytes: usize): u32;
/** Stores a pointer to each argument at `pointers`, and the arguments, each ended by NUL, at `bytes`. */
export declare function args_get(pointers: usize, bytes: usize): u32;
/** Writes `count` buffers, each { pointer, bytes } at `buffers`. */
export declare function fd_write(fd: u32, buffers: usize, count: u32, written: usize): u32;
export declare function proc_exit(code: u32): void;
