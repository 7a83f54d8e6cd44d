/** Reasons of set 0 for a termination request: those that the GHCB specification names. GHCB §2.3.1. */

export const GENERAL: u32 = 0;
export const PROTOCOL_VERSION_UNSUPPORTED: u32 = 1;
export const SNP_FEATURES_UNSUPPORTED: u32 = 2;
