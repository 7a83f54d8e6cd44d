/** Error code of #PF and, with the bits from 31 up, EXITINFO1 of a nested page fault. APM2 §15.36.10. */

export const PRESENT: u64 = 0x1;
export const WRITE: u64 = 0x2;
export const USER: u64 = 0x4;
export const RESERVED: u64 = 0x8;
export const FETCH: u64 = 0x10;
export const SHADOW_STACK: u64 = 0x40;
export const RMP: u64 = 0x8000_0000;
/** The fault was on the translation of the final address, or on that of the guest's own tables. */
export const FINAL_ADDRESS: u64 = 0x1_0000_0000;
export const TABLE_ADDRESS: u64 = 0x2_0000_0000;
export const ENCRYPTED: u64 = 0x4_0000_0000;
export const SIZE_MISMATCH: u64 = 0x8_0000_0000;
export const VMPL: u64 = 0x10_0000_0000;
