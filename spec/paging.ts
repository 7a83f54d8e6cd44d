/**
 * Page-table entries of long mode. APM2 §5.3, §5.4. The C-bit's place is the CPU's to say (often 51).
 *
 *   63   62:52      51:12                      11:9  8 7  6 5 4   3   2 1 0
 *   NX   software   frame (C-bit within)       soft  G PS D A PCD PWT U W P
 */

export const PRESENT: u64 = 0x1;
export const WRITABLE: u64 = 0x2;
export const USER: u64 = 0x4;
export const WRITE_THROUGH: u64 = 0x8;
export const CACHE_DISABLE: u64 = 0x10;
export const ACCESSED: u64 = 0x20;
export const DIRTY: u64 = 0x40;
/** In a level-2 or level-3 entry: it maps 2 MiB or 1 GiB. */
export const PAGE_SIZE: u64 = 0x80;
export const GLOBAL: u64 = 0x100;
export const NO_EXECUTE: u64 = 0x8000_0000_0000_0000;
/** Bits 51:12. */
export const ADDRESS_MASK: u64 = 0xf_ffff_ffff_f000;
