/** Loads and stores at any virtual address: the run-time's own memory is the low 4 GiB only. */

export declare function load8(va: u64): u32;
export declare function load32(va: u64): u32;
export declare function load64(va: u64): u64;
export declare function store8(va: u64, value: u32): void;
export declare function store32(va: u64, value: u32): void;
export declare function store64(va: u64, value: u64): void;
export declare function copy(destination: u64, source: u64, size: u64): void;
