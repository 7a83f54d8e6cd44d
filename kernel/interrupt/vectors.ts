/** The vectors that the kernel asks for. Any other ends the guest. */

export const TIMER_VECTOR: u32 = 0x40;
/** What an APIC delivers when an interrupt has gone before it could be taken. */
export const SPURIOUS_VECTOR: u32 = 0xff;
/** Below are exceptions. */
export const FIRST_INTERRUPT: u32 = 32;
