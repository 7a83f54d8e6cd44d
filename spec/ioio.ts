/** SW_EXITINFO1 of event IOIO, which is EXITINFO1 of the intercept. GHCB §4.1.1, APM2 §15.10.2. */

export const IN: u32 = 0x1;
export const STRING: u32 = 0x4;
export const REP: u32 = 0x8;
export const SIZE_8: u32 = 0x10;
export const SIZE_16: u32 = 0x20;
export const SIZE_32: u32 = 0x40;
export const ADDRESS_16: u32 = 0x80;
export const ADDRESS_32: u32 = 0x100;
export const ADDRESS_64: u32 = 0x200;
export const SEGMENT_SHIFT: u32 = 10;
export const SEGMENT_ES: u32 = 0;
export const SEGMENT_DS: u32 = 3;
export const PORT_SHIFT: u32 = 16;
