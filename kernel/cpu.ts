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

/**
 * Instructions that this kernel has no use for, and that a #VC of theirs is served all the same:
 * the images that test kernel/sev/vc.ts execute each. `ins` and `outs` repeat, `Once` do not.
 */
export declare function ins8(port: u32, to: u64, count: u64): void;
export declare function ins16(port: u32, to: u64, count: u64): void;
export declare function ins32(port: u32, to: u64, count: u64): void;
export declare function insOnce8(port: u32, to: u64): void;
export declare function insOnce16(port: u32, to: u64): void;
export declare function insOnce32(port: u32, to: u64): void;
export declare function outs8(port: u32, from: u64, count: u64): void;
export declare function outs16(port: u32, from: u64, count: u64): void;
export declare function outs32(port: u32, from: u64, count: u64): void;
export declare function outsOnce8(port: u32, from: u64): void;
export declare function outsOnce16(port: u32, from: u64): void;
export declare function outsOnce32(port: u32, from: u64): void;
export declare function rdtsc(): u64;
/** Stores TSC_AUX, four bytes, at `aux`. */
export declare function rdtscp(aux: u64): u64;
export declare function rdpmc(counter: u32): u64;
export declare function wbinvd(): void;
export declare function invd(): void;
export declare function monitor(va: u64, extensions: u32, hints: u32): void;
export declare function mwait(hints: u32, extensions: u32): void;
export declare function readDr7(): u64;
export declare function writeDr7(value: u64): void;
/** The hypervisor's call `number`; its result. */
export declare function vmmcall(number: u64): u64;
/** An extended control register; #UD unless CR4.OSXSAVE. */
export declare function xgetbv(register: u32): u64;

export declare function load8(va: u64): u32;
export declare function load16(va: u64): u32;
export declare function load32(va: u64): u32;
export declare function load64(va: u64): u64;
export declare function store8(va: u64, value: u32): void;
export declare function store16(va: u64, value: u32): void;
export declare function store32(va: u64, value: u32): void;
export declare function store64(va: u64, value: u64): void;
/** Copies upwards, byte by byte. */
export declare function copy(to: u64, from: u64, bytes: u64): void;
export declare function fill(to: u64, byte: u32, bytes: u64): void;

export declare function readCr0(): u64;
export declare function readCr2(): u64;
export declare function readCr3(): u64;
export declare function readCr4(): u64;
export declare function invlpg(va: u64): void;
/** Writes back and drops the cache line at `va`, as tagged by the mapping in force. */
export declare function clflush(va: u64): void;
export declare function mfence(): void;

/** Stores a random number at `out`; 0 if the generator had none. */
export declare function rdrand64(out: u64): u32;
/** As {@link rdrand64}, from the entropy source itself. */
export declare function rdseed64(out: u64): u32;

/** One round of AES on the 16 bytes at `block`, by the round key at `key`, aligned to 16 bytes. */
export declare function aesenc(block: u64, key: u64): void;
/** The last round: without MixColumns. */
export declare function aesenclast(block: u64, key: u64): void;
/** Stores the 128 bits of the product of two polynomials over GF(2) at `out`. */
export declare function pclmulqdq(a: u64, b: u64, out: u64): void;
export declare function cli(): void;
export declare function hlt(): void;
