/**
 * EVENTINJ and EXITINTINFO, and SW_EXITINFO2 of an exception that the hypervisor reflects.
 * APM2 §15.20, GHCB §4.1.
 *
 *   63:32        31  30:12  11               10:8  7:0
 *   error code   V   0      error code valid type  vector
 */

export const TYPE_SHIFT: u32 = 8;
export const TYPE_INTERRUPT: u32 = 0;
export const TYPE_NMI: u32 = 2;
export const TYPE_EXCEPTION: u32 = 3;
export const TYPE_SOFTWARE: u32 = 4;
export const ERROR_VALID: u32 = 0x800;
export const VALID: u32 = 0x8000_0000;
