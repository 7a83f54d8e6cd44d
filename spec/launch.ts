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

/** PAGE_TYPE of SNP_PAGE_SWAP_OUT and SNP_PAGE_SWAP_IN. SNP, PAGE_SWAP_OUT. */
export const SWAP_DATA: u32 = 0;
export const SWAP_METADATA: u32 = 1;
export const SWAP_VMSA: u32 = 2;

/** Algorithm and curve of the keys that sign an ID block: ECDSA on P-384, over SHA-384. */
export const ECDSA_P384_SHA384: u32 = 1;
export const CURVE_P384: u32 = 2;
