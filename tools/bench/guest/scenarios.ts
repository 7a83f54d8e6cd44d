/** What the guest of the benchmarks does, and how often: its kernel (kernel/main.ts) and measure.ts read it. */

/** Port at which the guest says what it begins with, by its number, and that it is done, by DONE. */
export const MARK_PORT: u32 = 0x500;
/** Port of a device that takes bytes, and gives them. */
export const DATA_PORT: u32 = 0x510;

export const DONE: u32 = 0;
/** Nothing: what the marks themselves cost. */
export const NOTHING: u32 = 1;
/** All RAM that is not to wait for its first use becomes the guest's. */
export const ACCEPTANCE: u32 = 2;
/** A line of {@link LINE_SIZE} bytes, as the kernel's console sends it. */
export const LINE: u32 = 3;
/** The same line byte by byte, each after a look at the line status. */
export const BYTES: u32 = 4;
export const PORT_WRITE: u32 = 5;
export const PORT_READ: u32 = 6;
/** Registers of the x2APIC. */
export const MSR_WRITE: u32 = 7;
export const MSR_READ: u32 = 8;
/** A page is lent to the host and taken back. */
export const LOAN: u32 = 9;
/** A sleep that one tick of the timer ends. */
export const TICK: u32 = 10;
/** The first message to the AMD-SP, which needs two pages lent to the host. */
export const FIRST_REPORT: u32 = 11;
export const REPORT: u32 = 12;

/** Times that each is done between two marks, but ACCEPTANCE and FIRST_REPORT, which are done once. */
export const TIMES: u32 = 16;
/** With its newline. */
export const LINE_SIZE: u32 = 64;
