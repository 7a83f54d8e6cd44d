import { bits, bytes, layout, u64 } from '../layout.ts';

/** What the AMD-SP keeps of a page that was swapped out: an entry of a metadata page. SNP §3.1 (MDATA). */
// biome-ignore format: a field a line
export const MetadataEntry = layout('MetadataEntry', 0x40, {
  softwareData:  u64(0x00), // the hypervisor's, not looked at
  iv:            u64(0x08),
  tag:           bytes(0x10, 16),
  flags:         u64(0x20),
  valid:         bits(0x20, 0, 1),
  pageValidated: bits(0x20, 1, 1),
  vmsa:          bits(0x20, 2, 1),
  metadata:      bits(0x20, 3, 1),
  huge:          bits(0x20, 4, 1),
  gfn:           bits(0x20, 12, 52),
  permissions:   u64(0x28), // a byte a VMPL
});
