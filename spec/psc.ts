/** Page state changes. GHCB §4.1.6. */

export const PRIVATE: u32 = 1;
export const SHARED: u32 = 2;
export const PSMASH: u32 = 3;
export const UNSMASH: u32 = 4;

/** Entries that fit in the shared buffer after the header of eight bytes. */
export const MAX_ENTRIES: u32 = 253;

/** SW_EXITINFO2 of the event is 0, or high half 1 with one of these low, or high half GENERIC_ERROR. */
export const ERROR_INVALID_HEADER: u32 = 1;
export const ERROR_INVALID_ENTRY: u32 = 2;
export const GENERIC_ERROR: u32 = 0x100;
