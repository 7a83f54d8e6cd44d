import { array, layout, u32, u64 } from '../layout.ts';

/** One CPUID function with its answer. SNP §7.1, table 14. */
// biome-ignore format: a field a line
export const CpuidFunction = layout('CpuidFunction', 48, {
  eaxIn:  u32(0x00),
  ecxIn:  u32(0x04),
  xcr0In: u64(0x08),
  xssIn:  u64(0x10),
  eax:    u32(0x18),
  ebx:    u32(0x1c),
  ecx:    u32(0x20),
  edx:    u32(0x24),
});

/** What the AMD-SP vouches for: the CPUID page of the launch. SNP §8.17.2.6. */
// biome-ignore format: a field a line
export const CpuidPage = layout('CpuidPage', 4096, {
  count:     u32(0x00),
  functions: array(0x10, () => CpuidFunction, 64),
});
