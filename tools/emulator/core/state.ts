import { bits, bytes, layout, struct, u8, u16, u32, u64 } from '../../../spec/layout.ts';
import { VmsaSegment } from '../../../spec/layouts/vmsa.ts';

/**
 * The registers of the vCPU that the core runs. The general registers come first because a
 * decoded instruction names them by their offset in one byte.
 */
// biome-ignore format: one field per line
export const CpuState = layout('CpuState', 0x800, {
  rax: u64(0x000), rcx: u64(0x008), rdx: u64(0x010), rbx: u64(0x018),
  rsp: u64(0x020), rbp: u64(0x028), rsi: u64(0x030), rdi: u64(0x038),
  r8:  u64(0x040), r9:  u64(0x048), r10: u64(0x050), r11: u64(0x058),
  r12: u64(0x060), r13: u64(0x068), r14: u64(0x070), r15: u64(0x078),
  /** Always zero: the base or index of an address that has none. */
  zero:      u64(0x080),
  /** Address that a decoded instruction has computed for the one after it. */
  address:   u64(0x088),
  rip:       u64(0x100),
  rflags:    u64(0x108),
  /** Instructions executed since the core was made; a REP counts one per iteration. */
  instructions: u64(0x110),
  es:   struct(0x180, () => VmsaSegment),
  cs:   struct(0x190, () => VmsaSegment),
  ss:   struct(0x1a0, () => VmsaSegment),
  ds:   struct(0x1b0, () => VmsaSegment),
  fs:   struct(0x1c0, () => VmsaSegment),
  gs:   struct(0x1d0, () => VmsaSegment),
  ldtr: struct(0x1e0, () => VmsaSegment),
  tr:   struct(0x1f0, () => VmsaSegment),
  gdtr: struct(0x200, () => VmsaSegment),
  idtr: struct(0x210, () => VmsaSegment),
  cpl:          u8(0x220),
  cr0:          u64(0x228),
  cr2:          u64(0x230),
  cr3:          u64(0x238),
  cr4:          u64(0x240),
  cr8:          u64(0x248),
  efer:         u64(0x250),
  dr0:          u64(0x258),
  dr1:          u64(0x260),
  dr2:          u64(0x268),
  dr3:          u64(0x270),
  dr6:          u64(0x278),
  dr7:          u64(0x280),
  star:         u64(0x288),
  lstar:        u64(0x290),
  cstar:        u64(0x298),
  sfmask:       u64(0x2a0),
  kernelGsBase: u64(0x2a8),
  sysenterCs:   u64(0x2b0),
  sysenterEsp:  u64(0x2b8),
  sysenterEip:  u64(0x2c0),
  pat:          u64(0x2c8),
  xcr0:         u64(0x2d0),
  xss:          u64(0x2d8),
  tscAux:       u32(0x2e0),
  pkru:         u32(0x2e4),
  ghcb:         u64(0x2e8),
  /** SEV_STATUS as the guest reads it (MSR C001_0131). */
  sevStatus:    u64(0x2f0),
  debugControl: u64(0x2f8),
  mxcsr:        u32(0x300),
  x87Control:   u16(0x304),
  x87Status:    u16(0x306),
  x87Tag:       u16(0x308),
  x87Opcode:    u16(0x30a),
  /** Added to the time (Control.timeSkipped), scaled where it is secure, for the time stamp counter. */
  tscOffset:    u64(0x310),
  /** The eight x87 registers by number in the stack's memory, ten bytes each in sixteen. */
  x87:          bytes(0x380, 128),
  xmm:          bytes(0x400, 256),
  ymmHigh:      bytes(0x500, 256),
});

/**
 * What the hypervisor decides about a run and what it learns from the exit: the control area of a
 * VMCB, without the addresses that mean nothing here. APM2 app. B, table B-1.
 */
// biome-ignore format: one field per line
export const Control = layout('Control', 0x400, {
  /** Bit n of word k: intercept of exit code 32 k + n. */
  intercept0: u32(0x000),
  intercept1: u32(0x004),
  intercept2: u32(0x008),
  intercept3: u32(0x00c),
  intercept4: u32(0x010),
  intercept5: u32(0x014),
  /** Number of the guest and of its memory key; see {@link Core.setKey}. */
  asid:       u32(0x058),
  /** The virtual interrupt, VMCB 0x060: the word, then its fields. */
  vIntr:         u64(0x060),
  vTpr:         bits(0x060, 0, 8),
  vIrq:         bits(0x060, 8, 1),
  vIntrPriority: bits(0x060, 16, 4),
  vIgnoreTpr:   bits(0x060, 20, 1),
  vIntrMasking: bits(0x060, 24, 1),
  vIntrVector:  bits(0x060, 32, 8),
  intState:     u64(0x068),
  interruptShadow: bits(0x068, 0, 1),
  exitCode:     u64(0x070),
  exitInfo1:    u64(0x078),
  exitInfo2:    u64(0x080),
  exitIntInfo:  u64(0x088),
  /** Event to inject at the next run; cleared when it has been taken up. */
  eventInj:     u64(0x0a8),
  /** Address of the instruction after the one that was intercepted. */
  nRip:         u64(0x0c8),
  /** The guest's memory is encrypted where its C-bit says so. */
  sev:          u8(0x200),
  /** Intercepts that are not automatic exits raise #VC. */
  sevEs:        u8(0x201),
  /** RMP checks; CPUID and port I/O always raise #VC. */
  snp:          u8(0x202),
  vmpl:         u8(0x203),
  /** Number of privilege levels of the machine: 4 on the processors that have any. */
  vmplCount:    u8(0x204),
  /** Position of the C-bit in page-table entries. */
  cBit:         u8(0x205),
  /** Width of guest physical addresses, in bits, the C-bit not counted. */
  addressWidth: u8(0x206),
  sevFeatures:  u64(0x208),
  /** Number of the row of the instruction table that has no handler, after EXIT.UNIMPLEMENTED. */
  unimplemented: u32(0x210),
  /** What was not implemented, beside instructions: number of a {@link MISSING} text. */
  missing:      u32(0x214),
  /** State of the generator behind RDRAND and RDSEED. */
  random:       u64(0x218),
  /** Of RDRAND and RDSEED: 0 they have no number, 1 as they should be, RANDOM_STUCK always `random` itself. */
  randomReady:  u8(0x220),
  /** Time that passed without instructions, while the guest was halted; runs with their count. */
  timeSkipped:  u64(0x228),
  /** Secure TSC: its scale, with 32 bits of fraction, and GUEST_TSC_FREQ in MHz. APM2 §15.36.18. */
  tscScale:     u64(0x230),
  tscFrequency: u32(0x238),
  /** The tweak of memory encryption is a linear function of the address, without a key. */
  linearTweak:  u8(0x221),
  /** A run begins with the translations of the one before, whatever was changed in between: VMCB TLB_CONTROL 0. */
  keepsTranslations: u8(0x222),
  /** System frame of the VMSA that the guest runs from, or NO_FRAME: RMPADJUST cannot change it. APM2 §15.36.12. */
  vmsaFrame:    u32(0x240),
  /** Checks that are not made, LIFTED_* of memory-map.ts: for controls of tests. */
  lifted:       u32(0x23c),
});
