import { layout, u16, u32, u64 } from '../layout.ts';

/**
 * What the image tells the kernel about itself and what the shim found out, in our own form.
 *
 * An address called `va` is virtual and 64 bits wide. A `place` is 32 bits: the distance from
 * TOP (ffff_ffff_8000_0000h), which for everything the linker places is its GPA too. Tables lie in
 * rodata, sorted by their first field. All of it is measured but BootRecord.
 */

/** Filled in by the shim before it enters the kernel. Lies in data: private, not measured. */
// biome-ignore format: a field a line
export const BootRecord = layout('BootRecord', 64, {
  entry:      u32(0x00), // spec/abi/platform.ts ENTRY_*
  platform:   u32(0x04), // spec/abi/platform.ts PLATFORM_*, as the shim saw it
  sevStatus:  u64(0x08), // MSR C001_0131, 0 where there is none
  cBit:       u32(0x10), // position of the C-bit in a page-table entry, 0 where there is none
  startInfo:  u32(0x14), // GPA of PVH's start_info, 0 where the entry was not PVH's
  ghcbMsr:    u64(0x18), // MSR C001_0130 as found at entry (SEV information), 0 where there is none
  cpuidMax:   u32(0x20), // highest standard CPUID leaf seen by the shim
  reserved:   u32(0x24),
});

/** The root of all the linker tells the kernel: the symbol `image.info`. */
// biome-ignore format: a field a line
export const ImageInfo = layout('ImageInfo', 0x140, {
  magic:            u64(0x000), // spec/abi/platform.ts IMAGE_MAGIC
  modes:            u32(0x008), // bit PLATFORM_x set: the image may run there
  host:             u32(0x00c), // spec/abi/platform.ts HOST_*
  featuresRequired: u64(0x010), // SEV_STATUS bits that must be set under SNP
  featuresAllowed:  u64(0x018), // SEV_STATUS bits that may be set; any other ends the guest
  lazyAbove:        u64(0x020), // RAM beyond this many bytes is accepted on first use; all ones: never
  vmsaGpa:          u64(0x028), // where the launch puts the VMSA
  cpuidPage:        u32(0x030), // places of the launch's special pages; mapped read-only at TOP + place
  secretsPage:      u32(0x034),
  memoryMapPage:    u32(0x038),
  environmentPage:  u32(0x03c), // ENVIRONMENT_INFO u32 at 0, VP_COUNT u32 at 4
  pageTableRoot:    u32(0x040), // place of the first PML4
  pool:             u32(0x044), // first unused page of the page-table pool
  poolPages:        u32(0x048),
  kernelMemory:     u32(0x04c), // GPA of the kernel's static data, mapped at virtual = GPA
  kernelMemoryEnd:  u32(0x050),
  windowStart:      u32(0x054), // places that the linker leaves unmapped, for the kernel to map stacks in
  windowEnd:        u32(0x058),
  rangeCount:       u32(0x05c),
  ranges:           u64(0x060), // va of ImageRange[]
  functions:        u64(0x068), // va of FunctionEntry[]
  functionCount:    u32(0x070),
  lineCount:        u32(0x074),
  lines:            u64(0x078), // va of LineEntry[]
  traps:            u64(0x080), // va of TrapSite[]
  trapCount:        u32(0x088),
  interceptCount:   u32(0x08c),
  intercepts:       u64(0x090), // va of InterceptSite[]
  strings:          u64(0x098), // va of the string table: NUL-terminated UTF-8
  files:            u64(0x0a0), // va of u32[]: offsets into the string table of source file names
  compartments:     u64(0x0a8), // va of CompartmentInfo[]
  compartmentCount: u32(0x0b0),
  fileCount:        u32(0x0b4),
  stackTop:         u64(0x0b8), // va one past the kernel's stack
  stackBottom:      u64(0x0c0), // its lowest byte; a guard page lies below
});

/** A run of guest-physical pages that the image takes up; no RAM may be claimed there. */
// biome-ignore format: a field a line
export const ImageRange = layout('ImageRange', 24, {
  start: u64(0),  // GPA of the first byte
  end:   u64(8),  // GPA one past the last
  kind:  u32(16), // spec/abi/platform.ts RANGE_*
  flags: u32(20),
});

/** A function of the text: what a backtrace needs to step over it. */
// biome-ignore format: a field a line
export const FunctionEntry = layout('FunctionEntry', 16, {
  start:     u32(0),  // place of its first instruction
  end:       u32(4),  // place one past its last
  frameSize: u32(8),  // bytes from RSP in its body up to its return address; all ones: no frame to step over
  name:      u32(12), // offset in the string table
});

/** Where in the sources a return address or trapping instruction comes from. */
// biome-ignore format: a field a line
export const LineEntry = layout('LineEntry', 8, {
  place: u32(0),
  line:  u16(4), // 1-based
  file:  u16(6), // index into `files`
});

/** An instruction that traps on purpose, and why: spec/abi/trap-reason.ts. */
// biome-ignore format: a field a line
export const TrapSite = layout('TrapSite', 8, {
  place:  u32(0),
  reason: u32(4),
});

/** An instruction whose intercept raises #VC, and the exit code it does so with. */
// biome-ignore format: a field a line
export const InterceptSite = layout('InterceptSite', 8, {
  place:    u32(0),
  exitCode: u32(4),
});

/** A Wasm module with a memory of its own: the program, or a driver. */
// biome-ignore format: a field a line
export const CompartmentInfo = layout('CompartmentInfo', 0x60, {
  name:         u32(0x00), // offset in the string table
  index:        u32(0x04), // its memory is at index * 16 GiB
  entry:        u64(0x08), // va of its start: _start, or the manifest's choice
  initialize:   u64(0x10), // va of its Wasm start function, 0 if it has none
  memoryRecord: u64(0x18), // va of its MemoryRecord
  minPages:     u32(0x20), // of 64 KiB
  maxPages:     u32(0x24),
  segments:     u64(0x28), // va of SegmentInfo[]
  segmentCount: u32(0x30),
  argumentCount: u32(0x34),
  arguments:    u64(0x38), // va of NUL-terminated strings one after the other
  argumentsSize: u32(0x40),
  environmentCount: u32(0x44),
  environment:  u64(0x48), // va, as the arguments
  environmentSize: u32(0x50),
  stackPages:   u32(0x54), // 4 KiB pages of stack it asks for
  grants:       u64(0x58), // va of GrantInfo[], which one with entry 0 ends
});

/** A function of the kernel that the manifest lets a compartment call. Read by check-image, not the kernel. */
// biome-ignore format: a field a line
export const GrantInfo = layout('GrantInfo', 16, {
  entry:    u64(0), // va of its first instruction
  name:     u32(8), // MODULE.NAME: offset in the string table
  reserved: u32(12),
});

/** Bytes that a compartment's memory starts with. */
// biome-ignore format: a field a line
export const SegmentInfo = layout('SegmentInfo', 16, {
  source: u64(0),  // va in rodata
  offset: u32(8),  // in the compartment's memory
  size:   u32(12),
});

/** How big a compartment's memory is just now: read by its own memory.size, kept by the kernel. */
// biome-ignore format: a field a line
export const MemoryRecord = layout('MemoryRecord', 16, {
  base:     u64(0),
  pages:    u32(8),
  maxPages: u32(12),
});
