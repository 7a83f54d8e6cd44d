/** Bits of MSR SEV_STATUS. A feature's bit in VMSA.SEV_FEATURES is two lower. APM2 §15.34.10. */

export const SEV: u64 = 0x1;
export const SEV_ES: u64 = 0x2;
export const SNP: u64 = 0x4;
export const VTOM: u64 = 0x8;
export const REFLECT_VC: u64 = 0x10;
export const RESTRICTED_INJECTION: u64 = 0x20;
export const ALTERNATE_INJECTION: u64 = 0x40;
export const DEBUG_SWAP: u64 = 0x80;
export const PREVENT_HOST_IBS: u64 = 0x100;
export const BTB_ISOLATION: u64 = 0x200;
export const VMPL_SSS: u64 = 0x400;
export const SECURE_TSC: u64 = 0x800;
export const VMGEXIT_PARAMETER: u64 = 0x1000;
export const PMC_VIRTUALIZATION: u64 = 0x2000;
export const IBS_VIRTUALIZATION: u64 = 0x4000;
export const GUEST_INTERCEPT_CTL: u64 = 0x8000;
export const VMSA_REG_PROT: u64 = 0x1_0000;
export const SMT_PROTECTION: u64 = 0x2_0000;
export const SECURE_AVIC: u64 = 0x4_0000;
export const IBPB_ON_ENTRY: u64 = 0x80_0000;

/** VMSA.SEV_FEATURES = SEV_STATUS >> this. */
export const FEATURES_SHIFT: u32 = 2;
