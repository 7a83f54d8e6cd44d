import { bytes, layout, u8, u16, u32, u64 } from '../layout.ts';

/** The head of a file; version 2 has the last two fields. IGVM, IGVM_FIXED_HEADER. */
// biome-ignore format: a field a line
export const IgvmHeader = layout('IgvmHeader', 32, {
  magic:                u32(0x00),
  formatVersion:        u32(0x04),
  variableHeaderOffset: u32(0x08),
  variableHeaderSize:   u32(0x0c),
  totalFileSize:        u32(0x10),
  checksum:             u32(0x14),
  architecture:         u32(0x18),
  pageSize:             u32(0x1c),
});

/** Before each variable header; `length` is that of the content alone. */
// biome-ignore format: a field a line
export const IgvmVariable = layout('IgvmVariable', 8, {
  type:   u32(0),
  length: u32(4),
});

// biome-ignore format: a field a line
export const IgvmSupportedPlatform = layout('IgvmSupportedPlatform', 16, {
  compatibilityMask: u32(0),
  highestVtl:        u8(4),
  platformType:      u8(5),
  platformVersion:   u16(6),
  sharedGpaBoundary: u64(8),
});

// biome-ignore format: a field a line
export const IgvmGuestPolicy = layout('IgvmGuestPolicy', 16, {
  policy:            u64(0),
  compatibilityMask: u32(8),
  reserved:          u32(12),
});

// biome-ignore format: a field a line
export const IgvmParameterArea = layout('IgvmParameterArea', 16, {
  numberOfBytes: u64(0),
  index:         u32(8),
  fileOffset:    u32(12),
});

// biome-ignore format: a field a line
export const IgvmPageData = layout('IgvmPageData', 24, {
  gpa:               u64(0),
  compatibilityMask: u32(8),
  fileOffset:        u32(12),
  flags:             u32(16),
  dataType:          u16(20),
  reserved:          u16(22),
});

// biome-ignore format: a field a line
export const IgvmParameterInsert = layout('IgvmParameterInsert', 16, {
  gpa:               u64(0),
  compatibilityMask: u32(8),
  parameterArea:     u32(12),
});

// biome-ignore format: a field a line
export const IgvmParameter = layout('IgvmParameter', 8, {
  parameterArea: u32(0),
  byteOffset:    u32(4),
});

// biome-ignore format: a field a line
export const IgvmVpContext = layout('IgvmVpContext', 20, {
  gpa:               u64(0),
  compatibilityMask: u32(8),
  fileOffset:        u32(12),
  vpIndex:           u16(16),
  reserved:          u16(18),
});

// biome-ignore format: a field a line
export const IgvmRequiredMemory = layout('IgvmRequiredMemory', 24, {
  gpa:               u64(0),
  compatibilityMask: u32(8),
  numberOfBytes:     u32(12),
  flags:             u32(16),
  reserved:          u32(20),
});

/** An entry of the MEMORY_MAP parameter; one with no pages ends the list. */
// biome-ignore format: a field a line
export const IgvmMemoryMapEntry = layout('IgvmMemoryMapEntry', 24, {
  startingPage:  u64(0),
  numberOfPages: u64(8),
  type:          u16(16),
  flags:         u16(18),
  reserved:      u32(20),
});

/** What an SNP launch must come to, signed: the AMD-SP's ID block and its authentication. IGVM, SNP_ID_BLOCK. */
// biome-ignore format: a field a line
export const IgvmSnpIdBlock = layout('IgvmSnpIdBlock', 0x2b8, {
  compatibilityMask:  u32(0x000),
  authorKeyEnabled:   u8(0x004),
  reserved:           bytes(0x005, 3),
  digest:             bytes(0x008, 48),
  familyId:           bytes(0x038, 16),
  imageId:            bytes(0x048, 16),
  version:            u32(0x058),
  guestSvn:           u32(0x05c),
  idKeyAlgorithm:     u32(0x060),
  authorKeyAlgorithm: u32(0x064),
  blockSignature:     bytes(0x068, 144), // R, S
  idKeyCurve:         u32(0x0f8),
  idKey:              bytes(0x100, 144), // Qx, Qy
  idKeySignature:     bytes(0x190, 144),
  authorKeyCurve:     u32(0x220),
  authorKey:          bytes(0x228, 144),
});

/** A vCPU's first state on the native and SEV platforms. IGVM, IgvmNativeVpContextX64. */
// biome-ignore format: a field a line
export const IgvmNativeContext = layout('IgvmNativeContext', 232, {
  rax: u64(0),   rcx: u64(8),   rdx: u64(16),  rbx: u64(24),
  rsp: u64(32),  rbp: u64(40),  rsi: u64(48),  rdi: u64(56),
  r8:  u64(64),  r9:  u64(72),  r10: u64(80),  r11: u64(88),
  r12: u64(96),  r13: u64(104), r14: u64(112), r15: u64(120),
  rip:            u64(128),
  rflags:         u64(136),
  idtBase:        u64(144),
  idtLimit:       u16(152),
  reserved:       bytes(154, 4),
  gdtLimit:       u16(158),
  gdtBase:        u64(160),
  codeSelector:   u16(168),
  codeAttributes: u16(170), // descriptor bits 8..23: access byte, then flags in bits 15:12
  codeBase:       u32(172),
  codeLimit:      u32(176),
  dataSelector:   u16(180),
  dataAttributes: u16(182),
  dataBase:       u32(184),
  dataLimit:      u32(188),
  gsBase:         u64(192),
  cr0:            u64(200),
  cr3:            u64(208),
  cr4:            u64(216),
  efer:           u64(224),
});
