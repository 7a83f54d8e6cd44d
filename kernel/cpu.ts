/**
 * Instructions that Wasm lacks. The compiler turns each call into the instruction itself
 * (tools/compiler/x86/intrinsics.ts). A `va` is any virtual address, within this module's memory
 * or not: each use is a place where the kernel reaches beyond what a Wasm store can.
 */

export declare function rdmsr(index: u32): u64;
export declare function wrmsr(index: u32, value: u64): void;
/** Leaves for the hypervisor, and returns when it re-enters the guest. */
export declare function vmgexit(): void;
/** Stores EAX, EBX, ECX and EDX, four bytes each, at `out`. Raises #VC under SEV-ES and SNP. */
export declare function cpuid(leaf: u32, subleaf: u32, out: u64): void;
/** EAX in bits 7:0; bit 8 is CF: the page already was in the state asked for. APM3, PVALIDATE. */
export declare function pvalidate(va: u64, size: u32, validate: u32): u32;

/** Ports, directly: #VC under SEV-ES and SNP, where kernel/sev/port.ts asks instead. */
export declare function in8(port: u32): u32;
export declare function in16(port: u32): u32;
export declare function in32(port: u32): u32;
export declare function out8(port: u32, value: u32): void;
export declare function out16(port: u32, value: u32): void;
export declare function out32(port: u32, value: u32): void;

export declare function load8(va: u64): u32;
export declare function load16(va: u64): u32;
export declare function load32(va: u64): u32;
export declare function load64(va: u64): u64;
export declare function store32(va: u64, value: u32): void;
export declare function store64(va: u64, value: u64): void;
/** Copies upwards, byte by byte. */
export declare function copy(to: u64, from: u64, bytes: u64): void;
export declare function fill(to: u64, byte: u32, bytes: u64): void;

export declare function readCr0(): u64;
export declare function readCr2(): u64;
export declare function readCr3(): u64;
export declare function invlpg(va: u64): void;
/** Writes back and drops the cache line at `va`, as tagged by the mapping in force. */
export declare function clflush(va: u64): void;
export declare function mfence(): void;

/** Stores a random number at `out`; 0 if the generator had none. */
export declare function rdrand64(out: u64): u32;
export declare function cli(): void;
export declare function hlt(): void;
