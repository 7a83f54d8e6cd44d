/** The 8254 timer. PC; Intel 8254 §Programming. */

export const FREQUENCY: u32 = 1_193_182;
export const COUNTER_0: u32 = 0x40;
export const CONTROL: u32 = 0x43;
/** Counter 0: low byte, then high byte; output low until the end of the count. */
export const COUNTER_0_MODE_0: u32 = 0x30;
/** Holds counter 0's value for the next two reads. */
export const COUNTER_0_LATCH: u32 = 0x00;
