/** Launching an SNP guest. SNP §8.17 (LAUNCH_UPDATE). */

/** PAGE_TYPE. */
export const NORMAL: u32 = 1;
export const VMSA: u32 = 2;
export const ZERO: u32 = 3;
export const UNMEASURED: u32 = 4;
export const SECRETS: u32 = 5;
export const CPUID: u32 = 6;

/** Where KVM measures every vCPU's VMSA: the last page below 2^48. */
export const VMSA_GPA: u64 = 0xffff_ffff_f000;
