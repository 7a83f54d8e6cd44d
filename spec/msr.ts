/** Model-specific registers. APM2 appendix A; SEV ones APM2 §15.34 to §15.36. */

export const TSC: u32 = 0x10;
export const APIC_BASE: u32 = 0x1b;
export const PATCH_LEVEL: u32 = 0x8b;
export const SYSENTER_CS: u32 = 0x174;
export const SYSENTER_ESP: u32 = 0x175;
export const SYSENTER_EIP: u32 = 0x176;
export const PAT: u32 = 0x277;
/** First of the x2APIC's registers: MSR = 0x800 + (offset >> 4). APM2 §16.11. */
export const X2APIC: u32 = 0x800;
export const X2APIC_LAST: u32 = 0x8ff;
export const XSS: u32 = 0xda0;

/** Long mode and no-execute switches. APM2 §3.1.7. */
export const EFER: u32 = 0xc000_0080;
export const EFER_SCE: u32 = 0x1;
export const EFER_LME: u32 = 0x100;
export const EFER_LMA: u32 = 0x400;
export const EFER_NXE: u32 = 0x800;
export const EFER_SVME: u32 = 0x1000;
export const EFER_FFXSR: u32 = 0x4000;
/** Those that a processor without LMSLE and TCE has; the others are reserved. */
export const EFER_DEFINED: u32 = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_FFXSR;
export const STAR: u32 = 0xc000_0081;
export const LSTAR: u32 = 0xc000_0082;
export const CSTAR: u32 = 0xc000_0083;
export const SFMASK: u32 = 0xc000_0084;
export const FS_BASE: u32 = 0xc000_0100;
export const GS_BASE: u32 = 0xc000_0101;
export const KERNEL_GS_BASE: u32 = 0xc000_0102;
export const TSC_AUX: u32 = 0xc000_0103;
export const SYSCFG: u32 = 0xc001_0010;
export const HWCR: u32 = 0xc001_0015;

/** Address of the GHCB, or a request small enough to need none. Guest only. GHCB §2.3. */
export const GHCB: u32 = 0xc001_0130;
/** Which SEV features this guest runs with; read-only, never intercepted. APM2 §15.34.10. */
export const SEV_STATUS: u32 = 0xc001_0131;
/** Bits 17:0: MHz of the secure TSC; #GP where it is off. APM2 §15.36.18. */
export const GUEST_TSC_FREQ: u32 = 0xc001_0134;
export const VIRTUAL_TOM: u32 = 0xc001_0135;
/** Never hardware: answered by the guest's own #VC handler under an SVSM. */
export const SVSM_CAA: u32 = 0xc001_f000;
