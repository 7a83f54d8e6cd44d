/** Addresses that the linker fills in. */

/** The ImageInfo, in rodata: measured. */
export declare function info(): u64;
/** The BootRecord, which the shim filled in. */
export declare function record(): u64;
