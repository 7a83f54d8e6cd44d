/** Numbers of our own that boot, kernel and linker share. See spec/abi/handoff.ts. */

/** ImageInfo.magic: "TACIT" in ASCII. */
export const IMAGE_MAGIC: u64 = 0x54_4943_4154;

/** BootRecord.platform, and the bit number in ImageInfo.modes. */
export const PLATFORM_NONE: u32 = 0;
export const PLATFORM_SEV: u32 = 1;
export const PLATFORM_SEV_ES: u32 = 2;
export const PLATFORM_SNP: u32 = 3;

/** BootRecord.entry: which label of the shim was entered. */
export const ENTRY_PVH: u32 = 1;
export const ENTRY_IGVM: u32 = 2;

/** ImageInfo.host: how interrupts are expected to arrive. */
export const HOST_KVM: u32 = 0;
export const HOST_HV: u32 = 1;

/** ImageRange.kind. */
export const RANGE_SHIM: u32 = 1;
export const RANGE_CPUID: u32 = 2;
export const RANGE_SECRETS: u32 = 3;
export const RANGE_PARAMETERS: u32 = 4;
export const RANGE_TEXT: u32 = 5;
export const RANGE_RODATA: u32 = 6;
export const RANGE_DATA: u32 = 7;
export const RANGE_PAGE_TABLES: u32 = 8;
export const RANGE_STACK: u32 = 9;
export const RANGE_KERNEL_MEMORY: u32 = 10;

/** The 4 KiB pages of a compartment's memory start at its index times this. */
export const COMPARTMENT_STRIDE: u64 = 0x4_0000_0000;

/**
 * Bytes that compartments' code makes sure of below each of its frames that calls anything, and that their
 * stacks have beyond what the manifest gives them: for the kernel's functions, and for exceptions on top.
 * tools/compiler/link/stack-depth.ts holds that to be enough.
 */
export const STACK_IN_HAND: u32 = 0x2000;
/** Exceptions within each other that the kernel has room for; one more ends the guest. */
export const TRAP_LEVELS: u32 = 4;

/** Port on which the guest tells how it ended; QEMU's isa-debug-exit with iobase=0xf4,iosize=4. */
export const EXIT_PORT: u32 = 0xf4;
/** Set in what is written there when it is a panic: bits 15:8 the set, 7:0 the reason. */
export const EXIT_PANIC: u32 = 0x8000_0000;
