/**
 * A code page: what is decoded of one linear page, while it maps to a frame in a mode.
 *
 *    0 linear page (u64)         8 1 while the execute TLB has it     12 frame
 *   16 mode                     20 next code page of the frame        24 bytes of the frame
 *   28 blocks                   64 slots, 4096 × u32: first record of the block that starts at a byte
 */
export const PAGE_LINEAR: usize = 0;
export const PAGE_VALID: usize = 8;
export const PAGE_FRAME: usize = 12;
export const PAGE_MODE: usize = 16;
export const PAGE_NEXT: usize = 20;
export const PAGE_BYTES: usize = 24;
export const PAGE_BLOCKS: usize = 28;
export const PAGE_SLOTS: usize = 64;
export const PAGE_SIZE: usize = PAGE_SLOTS + 4096 * 4;
