/** The reset control register of PC chipsets. PC; Intel ICH9 §13.7.5. */

export const RESET_CONTROL: u32 = 0xcf9;
/** A hard reset, now. */
export const HARD_RESET: u32 = 0x6;
