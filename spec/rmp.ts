/** The reverse map table: who owns which page. APM2 §15.36.3 to §15.36.10. */

export const PAGE_4K: u32 = 0;
export const PAGE_2M: u32 = 1;

/** EAX after PVALIDATE, RMPADJUST, RMPUPDATE and PSMASH. */
export const OK: u32 = 0;
export const FAIL_INPUT: u32 = 1;
export const FAIL_PERMISSION: u32 = 2;
export const FAIL_INUSE: u32 = 3;
export const FAIL_OVERLAP: u32 = 4;
export const FAIL_SIZEMISMATCH: u32 = 6;
/** PSMASH of what is no page of 2 MiB that can be made 512. */
export const FAIL_BAD_PAGE: u32 = 7;

/** What a VMPL may do with a page. APM2 table 15-36. */
export const READ: u32 = 0x1;
export const WRITE: u32 = 0x2;
export const EXECUTE_USER: u32 = 0x4;
export const EXECUTE_SUPERVISOR: u32 = 0x8;
export const ALL: u32 = 0xf;

/** RMPADJUST's RDX: bits 7:0 the VMPL, 15:8 its permissions, and this to make the page a VMSA. */
export const ATTRIBUTE_VMSA: u32 = 0x1_0000;
