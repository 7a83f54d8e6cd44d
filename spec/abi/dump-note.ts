import { layout, u8, u16, u32, u64 } from '../layout.ts';

/**
 * The note of a memory dump that tells the state of every page: name "TACIT" with its NUL, type
 * DUMP_NOTE_PAGES. A DumpHeader, then `runCount` DumpRuns in ascending order of frames, which do
 * not overlap and cover exactly the frames of the dump's PT_LOAD segments.
 *
 *   PT_NOTE: | namesz 6 | descsz | type | T A C I T 0 . . | DumpHeader | DumpRun | DumpRun | ...
 */
export const DUMP_NOTE_NAME_SIZE = 6;
export const DUMP_NOTE_PAGES = 1;
export const DUMP_NOTE_VERSION = 1;

/** DumpRun.state. The guest's and validated (sev, sev-es: last written under the guest's key). */
export const PAGE_PRIVATE = 1;
/** Given to the host by a page-state change (sev, sev-es: last written through C=0; none: all). */
export const PAGE_SHARED = 2;
/** The guest's in the RMP, but not validated. */
export const PAGE_UNVALIDATED = 3;
/** All the rest: the hypervisor's own. */
export const PAGE_HYPERVISOR = 4;

/** DumpRun.flags: written by launch or guest since it became the guest's; for private pages. */
export const PAGE_WRITTEN = 1;

// biome-ignore format: a field a line
export const DumpHeader = layout('DumpHeader', 16, {
  version:  u32(0),
  mode:     u32(4),  // spec/abi/platform.ts PLATFORM_*
  runCount: u32(8),
  reserved: u32(12), // 0
});

// biome-ignore format: a field a line
export const DumpRun = layout('DumpRun', 16, {
  frame:    u64(0),  // GPA / 4096
  pages:    u32(8),
  state:    u8(12),  // PAGE_*
  flags:    u8(13),
  reserved: u16(14), // 0
});
