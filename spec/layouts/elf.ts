import { bytes, layout, u8, u16, u32, u64 } from '../layout.ts';

/** The file header. ELF, chapter 4. */
// biome-ignore format: a field a line
export const ElfHeader = layout('ElfHeader', 64, {
  magic:        u32(0x00),
  class:        u8(0x04),
  data:         u8(0x05),
  version:      u8(0x06),
  osAbi:        u8(0x07),
  type:         u16(0x10),
  machine:      u16(0x12),
  fileVersion:  u32(0x14),
  entry:        u64(0x18),
  programs:     u64(0x20),
  sections:     u64(0x28),
  flags:        u32(0x30),
  headerSize:   u16(0x34),
  programSize:  u16(0x36),
  programCount: u16(0x38),
  sectionSize:  u16(0x3a),
  sectionCount: u16(0x3c),
  nameSection:  u16(0x3e),
});

/** A segment. ELF, chapter 5. */
// biome-ignore format: a field a line
export const ElfProgram = layout('ElfProgram', 56, {
  type:         u32(0x00),
  flags:        u32(0x04),
  offset:       u64(0x08),
  virtual:      u64(0x10),
  physical:     u64(0x18),
  fileSize:     u64(0x20),
  memorySize:   u64(0x28),
  alignment:    u64(0x30),
});

/** A section. ELF, chapter 4. */
// biome-ignore format: a field a line
export const ElfSection = layout('ElfSection', 64, {
  name:      u32(0x00),
  type:      u32(0x04),
  flags:     u64(0x08),
  address:   u64(0x10),
  offset:    u64(0x18),
  size:      u64(0x20),
  link:      u32(0x28),
  info:      u32(0x2c),
  alignment: u64(0x30),
  entrySize: u64(0x38),
});

/** The head of a note; its name and description follow, each padded to four bytes. */
// biome-ignore format: a field a line
export const ElfNote = layout('ElfNote', 12, {
  nameSize:        u32(0),
  descriptionSize: u32(4),
  type:            u32(8),
});

/** NT_PRSTATUS of x86-64 Linux, as QEMU writes it in its dumps too. */
// biome-ignore format: a field a line
export const PrStatus = layout('PrStatus', 336, {
  pid:       u32(32),
  registers: bytes(112, 216), // r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs
});
