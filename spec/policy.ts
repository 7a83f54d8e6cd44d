/** Guest policy of an SNP launch (SNP §4.3), and, by SEV_ names, of one before SNP (SEV §3). */

export const ABI_MINOR_MASK: u64 = 0xff;
export const ABI_MAJOR_MASK: u64 = 0xff00;
export const SMT: u64 = 0x1_0000;
/** Must be one. */
export const RESERVED_ONE: u64 = 0x2_0000;
export const MIGRATE_MA: u64 = 0x4_0000;
export const DEBUG: u64 = 0x8_0000;
export const SINGLE_SOCKET: u64 = 0x10_0000;
export const CXL_ALLOW: u64 = 0x20_0000;
export const MEM_AES_256_XTS: u64 = 0x40_0000;
export const RAPL_DIS: u64 = 0x80_0000;
export const CIPHERTEXT_HIDING_DRAM: u64 = 0x100_0000;
export const PAGE_SWAP_DISABLE: u64 = 0x200_0000;

export const SEV_NODBG: u32 = 0x1;
