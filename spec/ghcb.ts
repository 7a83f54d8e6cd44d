/** Numbers of the GHCB page protocol. GHCB §2, §4. */

/** Protocol versions that we speak. SNP needs 2. */
export const VERSION_MIN: u32 = 1;
export const VERSION_MAX: u32 = 2;

/** GHCB_USAGE: the layout in spec/layouts/ghcb.ts; all ones, by our own choice, marks a page not in use. */
export const USAGE_STANDARD: u32 = 0;
export const USAGE_INVALID: u32 = 0xffff_ffff;

/** SW_EXITINFO1[31:0] on return. GHCB §4.1. */
export const RESULT_OK: u32 = 0;
export const RESULT_EXCEPTION: u32 = 1;
export const RESULT_MALFORMED: u32 = 2;

/** SW_EXITINFO2 where the result is RESULT_MALFORMED. */
export const ERROR_NOT_REGISTERED: u32 = 1;
export const ERROR_INVALID_USAGE: u32 = 2;
export const ERROR_INVALID_SCRATCH: u32 = 3;
export const ERROR_MISSING_INPUT: u32 = 4;
export const ERROR_INVALID_INPUT: u32 = 5;
export const ERROR_INVALID_EVENT: u32 = 6;

/** Bit numbers of the valid bitmap: the field's offset divided by eight. */
export const VALID_CPL: u32 = 25;
export const VALID_XSS: u32 = 40;
export const VALID_RAX: u32 = 63;
export const VALID_RCX: u32 = 97;
export const VALID_RDX: u32 = 98;
export const VALID_RBX: u32 = 99;
export const VALID_RSI: u32 = 102;
export const VALID_RDI: u32 = 103;
export const VALID_R8: u32 = 104;
export const VALID_SW_EXITCODE: u32 = 114;
export const VALID_SW_EXITINFO1: u32 = 115;
export const VALID_SW_EXITINFO2: u32 = 116;
export const VALID_SW_SCRATCH: u32 = 117;
export const VALID_XCR0: u32 = 125;

/** Where the shared buffer lies in the page, and its size. */
export const SHARED_BUFFER: u32 = 0x800;
export const SHARED_BUFFER_SIZE: u32 = 2032;
