import { layout, u32, u64 } from '../layout.ts';

/** What EBX points at when a PVH guest is entered. PVH, start_info.h. */
// biome-ignore format: a field a line
export const StartInfo = layout('StartInfo', 56, {
  magic:          u32(0),
  version:        u32(4),
  flags:          u32(8),
  moduleCount:    u32(12),
  modules:        u64(16),
  commandLine:    u64(24),
  rsdp:           u64(32),
  memoryMap:      u64(40), // from version 1 on
  memoryMapCount: u32(48),
});

/** A range of the guest-physical map. PVH, hvm_memmap_table_entry. */
// biome-ignore format: a field a line
export const MemoryMapEntry = layout('MemoryMapEntry', 24, {
  address: u64(0),
  size:    u64(8),
  type:    u32(16),
});
