/** Software-defined events: SW_EXITCODE beyond the architecture's own. GHCB §4.1. */

export const MMIO_READ: u32 = 0x8000_0001;
export const MMIO_WRITE: u32 = 0x8000_0002;
export const NMI_COMPLETE: u32 = 0x8000_0003;
export const AP_RESET_HOLD: u32 = 0x8000_0004;
export const AP_JUMP_TABLE: u32 = 0x8000_0005;
export const PAGE_STATE_CHANGE: u32 = 0x8000_0010;
export const GUEST_REQUEST: u32 = 0x8000_0011;
export const EXTENDED_GUEST_REQUEST: u32 = 0x8000_0012;
export const AP_CREATION: u32 = 0x8000_0013;
export const HV_DOORBELL_PAGE: u32 = 0x8000_0014;
export const HV_IPI: u32 = 0x8000_0015;
export const HV_TIMER: u32 = 0x8000_0016;
export const APIC_ID_LIST: u32 = 0x8000_0017;
export const RUN_VMPL: u32 = 0x8000_0018;
export const SECURE_AVIC: u32 = 0x8000_001a;
export const HV_FEATURES: u32 = 0x8000_fffd;
export const TERMINATION_REQUEST: u32 = 0x8000_fffe;
export const UNSUPPORTED_EVENT: u32 = 0x8000_ffff;
