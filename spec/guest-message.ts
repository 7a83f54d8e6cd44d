/** Messages between a guest and the AMD-SP, sent by a guest request. SNP §7, §8.26. */

export const ALGORITHM_AES_256_GCM: u32 = 1;
export const HEADER_VERSION: u32 = 1;
export const HEADER_SIZE: u32 = 0x60;
export const MESSAGE_VERSION: u32 = 1;
/** What is authenticated with the payload: the header from here to its end. */
export const AUTHENTICATED_OFFSET: u32 = 0x30;
export const IV_SIZE: u32 = 12;
export const TAG_SIZE: u32 = 16;

/** MSG_TYPE; the answer's is one more. */
export const CPUID_REQUEST: u32 = 1;
export const KEY_REQUEST: u32 = 3;
export const REPORT_REQUEST: u32 = 5;
export const EXPORT_REQUEST: u32 = 7;
export const TSC_INFO_REQUEST: u32 = 17;

/** Bits 63:32 of the answer to a guest request: what the hypervisor has to say. GHCB §4.1.7. */
export const VMM_OK: u32 = 0;
export const VMM_INVALID_LENGTH: u32 = 1;
export const VMM_BUSY: u32 = 2;
