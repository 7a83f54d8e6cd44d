/** CPUID leaves and the bits of them that we use. APM3 appendix E. */

export const LEAF_FEATURES: u32 = 0x1;
export const LEAF_STRUCTURED_FEATURES: u32 = 0x7;
export const LEAF_TOPOLOGY: u32 = 0xb;
export const LEAF_XSAVE: u32 = 0xd;
/** EAX: the TSC's kHz, EBX the APIC bus's. A convention of hypervisors, first VMware's. */
export const LEAF_FREQUENCIES: u32 = 0x4000_0010;
export const LEAF_EXTENDED: u32 = 0x8000_0000;
export const LEAF_EXTENDED_FEATURES: u32 = 0x8000_0001;
export const LEAF_ADDRESS_SIZES: u32 = 0x8000_0008;
export const LEAF_EXTENDED_APIC: u32 = 0x8000_001e;
export const LEAF_EXTENDED_TOPOLOGY: u32 = 0x8000_0026;
/** EBX[5:0] is the position of the C-bit, EBX[31] COHERENCY_SFW_NO. */
export const LEAF_ENCRYPTED_MEMORY: u32 = 0x8000_001f;

/** Leaf 1, EDX. */
export const EDX_FPU: u32 = 0x1;
export const EDX_PSE: u32 = 0x8;
export const EDX_TSC: u32 = 0x10;
export const EDX_MSR: u32 = 0x20;
export const EDX_PAE: u32 = 0x40;
export const EDX_CX8: u32 = 0x100;
export const EDX_APIC: u32 = 0x200;
export const EDX_SEP: u32 = 0x800;
export const EDX_PGE: u32 = 0x2000;
export const EDX_CMOV: u32 = 0x8000;
export const EDX_CLFLUSH: u32 = 0x8_0000;
export const EDX_FXSR: u32 = 0x100_0000;
export const EDX_SSE: u32 = 0x200_0000;
export const EDX_SSE2: u32 = 0x400_0000;
/** Leaf 1, ECX. */
export const ECX_SSE3: u32 = 0x1;
export const ECX_PCLMULQDQ: u32 = 0x2;
export const ECX_SSSE3: u32 = 0x200;
export const ECX_CX16: u32 = 0x2000;
export const ECX_SSE41: u32 = 0x8_0000;
export const ECX_SSE42: u32 = 0x10_0000;
export const ECX_X2APIC: u32 = 0x20_0000;
export const ECX_MOVBE: u32 = 0x40_0000;
export const ECX_POPCNT: u32 = 0x80_0000;
export const ECX_AES: u32 = 0x200_0000;
export const ECX_XSAVE: u32 = 0x400_0000;
export const ECX_OSXSAVE: u32 = 0x800_0000;
export const ECX_AVX: u32 = 0x1000_0000;
export const ECX_RDRAND: u32 = 0x4000_0000;
export const ECX_HYPERVISOR: u32 = 0x8000_0000;
/** Leaf 7, EBX and ECX. */
export const EBX_FSGSBASE: u32 = 0x1;
export const EBX_BMI1: u32 = 0x8;
export const EBX_AVX2: u32 = 0x20;
export const EBX_SMEP: u32 = 0x80;
export const EBX_BMI2: u32 = 0x100;
export const EBX_INVPCID: u32 = 0x400;
export const EBX_RDSEED: u32 = 0x4_0000;
export const EBX_SMAP: u32 = 0x10_0000;
export const EBX_CLFLUSHOPT: u32 = 0x80_0000;
export const EBX_CLWB: u32 = 0x100_0000;
export const ECX_OSPKE: u32 = 0x10;
export const ECX_RDPID: u32 = 0x40_0000;
/** Leaf Dh: EAX of subleaf 1, ECX of those from 2 up. */
export const EAX_XSAVES: u32 = 0x8;
export const ECX_XSAVE_ALIGNED: u32 = 0x2;
/** Leaf 8000_0001h, EDX and ECX. */
export const EDX_SYSCALL: u32 = 0x800;
export const EDX_NX: u32 = 0x10_0000;
export const EDX_PAGE_1G: u32 = 0x400_0000;
export const EDX_RDTSCP: u32 = 0x800_0000;
export const EDX_LONG_MODE: u32 = 0x2000_0000;
export const ECX_LAHF: u32 = 0x1;
export const ECX_LZCNT: u32 = 0x20;
export const ECX_PREFETCH: u32 = 0x100;
/** Leaf 8000_001Fh, EAX and EBX. */
export const EAX_SEV: u32 = 0x2;
export const EAX_SEV_ES: u32 = 0x8;
export const EAX_SNP: u32 = 0x10;
export const EAX_VMPL: u32 = 0x20;
export const EAX_COHERENT: u32 = 0x400;
export const EAX_64_BIT_HOST: u32 = 0x800;
export const EAX_RESTRICTED_INJECTION: u32 = 0x1000;
export const EBX_C_BIT_MASK: u32 = 0x3f;
export const EBX_COHERENCY_SFW_NO: u32 = 0x8000_0000;
