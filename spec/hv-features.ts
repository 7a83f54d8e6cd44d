/** What a hypervisor offers: GHCB MSR 080h/081h and event 8000_FFFDh. GHCB §4.1.10. */

export const SNP: u64 = 0x1;
export const AP_CREATION: u64 = 0x2;
export const RESTRICTED_INJECTION: u64 = 0x4;
export const RESTRICTED_INJECTION_TIMER: u64 = 0x8;
export const APIC_ID_LIST: u64 = 0x10;
export const MULTI_VMPL: u64 = 0x20;
