/** Registers of the local APIC by number: MSR 800h + number, or 16 bytes each in the page. APM2 §16.3. */
export const ID = 0x02;
export const VERSION = 0x03;
export const TASK_PRIORITY = 0x08;
export const PROCESSOR_PRIORITY = 0x0a;
export const END_OF_INTERRUPT = 0x0b;
export const LOGICAL_DESTINATION = 0x0d;
export const DESTINATION_FORMAT = 0x0e;
export const SPURIOUS = 0x0f;
/** In service, trigger mode, requested: 256 bits each, 32 in a register. */
export const IN_SERVICE = 0x10;
export const TRIGGER_MODE = 0x18;
export const REQUESTED = 0x20;
export const ERROR_STATUS = 0x28;
export const COMMAND = 0x30;
/** Only in the page: in x2APIC mode COMMAND has 64 bits. */
export const COMMAND_HIGH = 0x31;
export const TIMER = 0x32;
export const THERMAL = 0x33;
export const PERFORMANCE = 0x34;
export const LINT0 = 0x35;
export const LINT1 = 0x36;
export const ERROR = 0x37;
export const INITIAL_COUNT = 0x38;
export const CURRENT_COUNT = 0x39;
export const DIVIDE = 0x3e;
/** Only in x2APIC mode. */
export const SELF = 0x3f;

/** SPURIOUS: the APIC takes part in anything at all. */
export const SOFTWARE_ENABLE = 0x100;
/** Entries of the local vector table. */
export const MASKED = 0x1_0000;
export const PERIODIC = 0x2_0000;

/** MSR APIC_BASE. APM2 §16.3.1. */
export const BASE_BSP = 0x100n;
export const BASE_X2APIC = 0x400n;
export const BASE_ENABLE = 0x800n;
