import { array, bits, bytes, sharedLayout, struct, u8, u16, u32, u64 } from '../layout.ts';

/** Guest-Hypervisor Communication Block: one page that the hypervisor reads and writes too. GHCB §2.6, table 3. */
// biome-ignore format: one field per line, as in the specification's table
export const Ghcb = sharedLayout('Ghcb', 4096, {
  cpl:          u8(0x0cb),
  xss:          u64(0x140),
  dr7:          u64(0x160),
  rax:          u64(0x1f8),
  rcx:          u64(0x308),
  rdx:          u64(0x310),
  rbx:          u64(0x318),
  rsi:          u64(0x330),
  rdi:          u64(0x338),
  r8:           u64(0x340),
  swExitCode:   u64(0x390),
  swExitInfo1:  u64(0x398),
  swExitInfo2:  u64(0x3a0),
  swScratch:    u64(0x3a8),
  xcr0:         u64(0x3e8),
  validLow:     u64(0x3f0),
  validHigh:    u64(0x3f8),
  sharedBuffer: bytes(0x800, 2032),
  version:      u16(0xffa),
  usage:        u32(0xffc),
});

/**
 * One page, or run of pages, whose ownership is to change: read by field, written whole.
 * GHCB §4.1.6.
 */
// biome-ignore format: as above
export const PscEntry = sharedLayout('PscEntry', 8, {
  word:        u64(0),
  currentPage: bits(0, 0, 12),
  frame:       bits(0, 12, 40),
  operation:   bits(0, 52, 4),
  huge:        bits(0, 56, 1),
});

/** A batch of page state changes, placed in the shared buffer. GHCB §4.1.6. */
// biome-ignore format: as above
export const PscBatch = sharedLayout('PscBatch', 2032, {
  header:  struct(0, () => PscHeader),
  entries: array(8, () => PscEntry, 253),
});

// biome-ignore format: as above
export const PscHeader = sharedLayout('PscHeader', 8, {
  currentEntry: u16(0),
  endEntry:     u16(2),
});
