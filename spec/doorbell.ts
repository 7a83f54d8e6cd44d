/** Bits of the #HV doorbell page's fields, and of the event about it. GHCB §4.1.13. */

/** PendingEvent. */
export const VECTOR_MASK: u32 = 0xff;
export const NMI: u32 = 0x100;
export const MACHINE_CHECK: u32 = 0x200;
export const RESERVED: u32 = 0x7c00;
export const NO_FURTHER_SIGNAL: u32 = 0x8000;

/** NoEoiRequired. */
export const NO_EOI: u32 = 0x1;

/** SW_EXITINFO1 of event HV_DOORBELL_PAGE. */
export const GET_PREFERRED: u32 = 0;
export const SET: u32 = 1;
export const QUERY: u32 = 2;
export const CLEAR: u32 = 3;
