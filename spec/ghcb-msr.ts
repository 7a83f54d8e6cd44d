/** Requests that fit in the GHCB MSR itself; bits 11:0 name the request. GHCB §2.3.1. */

export const INFO_MASK: u32 = 0xfff;

/** Answered by SEV_INFO_RESPONSE: bits 63:48 highest version, 47:32 lowest, 31:24 C-bit. */
export const SEV_INFO_REQUEST: u32 = 0x002;
export const SEV_INFO_RESPONSE: u32 = 0x001;

/** Bits 63:32 leaf, 31:30 register (0 EAX, 1 EBX, 2 ECX, 3 EDX); the answer has the value in 63:32. */
export const CPUID_REQUEST: u32 = 0x004;
export const CPUID_RESPONSE: u32 = 0x005;

export const AP_RESET_HOLD_REQUEST: u32 = 0x006;
export const AP_RESET_HOLD_RESPONSE: u32 = 0x007;

/** The answer's bits 63:12 hold the frame that the hypervisor would like, or all ones. */
export const PREFERRED_GHCB_REQUEST: u32 = 0x010;
export const PREFERRED_GHCB_RESPONSE: u32 = 0x011;

/** Bits 63:12 hold the page frame to use as GHCB; the answer repeats it, or all ones to refuse. */
export const REGISTER_GHCB_REQUEST: u32 = 0x012;
export const REGISTER_GHCB_RESPONSE: u32 = 0x013;

/** Bits 55:52 operation (spec/psc.ts), 51:12 frame; the answer's bits 63:32 are an error, 0 if done. */
export const PAGE_STATE_CHANGE_REQUEST: u32 = 0x014;
export const PAGE_STATE_CHANGE_RESPONSE: u32 = 0x015;

export const RUN_VMPL_REQUEST: u32 = 0x016;
export const RUN_VMPL_RESPONSE: u32 = 0x017;

/** The answer's bits 63:12 are those of spec/hv-features.ts. */
export const HV_FEATURES_REQUEST: u32 = 0x080;
export const HV_FEATURES_RESPONSE: u32 = 0x081;

/** Bits 15:12 name a set of reasons, bits 23:16 a reason in it. There is no answer. */
export const TERMINATE_REQUEST: u32 = 0x100;
