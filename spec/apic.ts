/** The local APIC: offsets in its page; in x2APIC mode MSR 800h + offset / 16. APM2 §16.3, §16.11. */

/** Physical address of the page after reset. */
export const PAGE: u32 = 0xfee0_0000;

export const ID: u32 = 0x20;
export const VERSION: u32 = 0x30;
export const TASK_PRIORITY: u32 = 0x80;
export const END_OF_INTERRUPT: u32 = 0xb0;
/** 7:0 vector, 8 the APIC is on. */
export const SPURIOUS: u32 = 0xf0;
export const TIMER: u32 = 0x320;
/** What the 8259 interrupts through. */
export const LINT0: u32 = 0x350;
export const INITIAL_COUNT: u32 = 0x380;
export const CURRENT_COUNT: u32 = 0x390;
export const DIVIDE: u32 = 0x3e0;

export const SPURIOUS_ENABLE: u32 = 0x100;
/** Entries of the local vector table. */
export const MASKED: u32 = 0x1_0000;
/** DIVIDE: by one, by sixteen. */
export const DIVIDE_BY_1: u32 = 0xb;
export const DIVIDE_BY_16: u32 = 0x3;

/** MSR APIC_BASE. APM2 §16.3.1, §16.9. */
export const BASE_X2APIC: u64 = 0x400;
export const BASE_ENABLE: u64 = 0x800;
export const BASE_ADDRESS_MASK: u64 = 0xf_ffff_ffff_f000;
