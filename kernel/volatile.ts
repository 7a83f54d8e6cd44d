/**
 * Loads and stores of memory that others write too, within this module's own memory. Each call is
 * one access of that width: Binaryen merges plain loads, and atomic ones, but not calls.
 */

export declare function load8(p: usize): u32;
export declare function load16(p: usize): u32;
export declare function load64(p: usize): u64;
export declare function store8(p: usize, value: u32): void;
export declare function store64(p: usize, value: u64): void;
/** Stores `value`; what was there before. */
export declare function exchange8(p: usize, value: u32): u32;
/** Stores `replacement` if `expected` is there; what was there before. */
export declare function compareExchange16(p: usize, expected: u32, replacement: u32): u32;
