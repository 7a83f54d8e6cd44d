/**
 * The core's own memory, from its first byte to the machine's frames. Both languages read it.
 *
 *   1000  CpuState, Control             11000  static data of AssemblyScript
 *   2000  MSR permission map            20000  TLBs: read, write, execute
 *   4000  bounce buffer                 50000  decoder tables
 *   5000  tables of AES                100000  a FrameInfo per system frame,
 *   6000  key schedules                         nested page table, decoded code, frames
 *   c000  what to flush in the TLBs
 *
 * What comes after 100000 depends on the machine's size: {@link FRAME_INFO} and `init` in as/index.ts.
 */

export const CPU: u32 = 0x1000;
export const CONTROL: u32 = 0x1800;
/** Two bits per MSR, read and write, as VMCB.MSRPM_BASE_PA points to. APM2 §15.11. */
export const MSRPM: u32 = 0x2000;
export const MSRPM_SIZE: u32 = 0x2000;
/** Accesses that cross a page are put together here. */
export const BOUNCE: u32 = 0x4000;
export const AES_TABLES: u32 = 0x5000;
/** Key slots: {@link KEY_SLOT_SIZE} bytes each, slot 0 stands for no key. */
export const KEYS: u32 = 0x6000;
export const KEY_SLOT_SIZE: u32 = 0x240;
export const KEY_SLOTS: u32 = 40;
export const JOURNALS: u32 = 0xc000;
export const STATIC_DATA: u32 = 0x1_1000;
export const TLB_READ: u32 = 0x2_0000;
export const TLB_WRITE: u32 = 0x3_0000;
export const TLB_EXECUTE: u32 = 0x4_0000;
export const DECODER: u32 = 0x5_0000;
export const DECODER_SIZE: u32 = 0x7_0000;
export const FRAME_INFO: u32 = 0x10_0000;

/** A system frame: RMP entry, granules that hold decoded code, its code pages, key slot, flags. */
export const FRAME_INFO_SIZE: u32 = 32;
export const FRAME_RMP: u32 = 0;
export const FRAME_CODE: u32 = 16;
export const FRAME_CODE_PAGES: u32 = 24;
export const FRAME_KEY: u32 = 28;
export const FRAME_FLAGS: u32 = 29;
/** FRAME_FLAGS: written, by the guest or through the interface, since the flag was cleared. */
export const FRAME_WRITTEN: u32 = 1;
/** FRAME_FLAGS: the observer is told of each access of the guest's before it is made. */
export const FRAME_WATCHED: u32 = 2;
/** FRAME_FLAGS: its bytes are not those of the snapshot that was made or gone back to last. */
export const FRAME_CHANGED: u32 = 4;
/** FRAME_FLAGS, high half: reads under another key than the frame's since it was converted. */
export const FRAME_PEEKS_SHIFT: u32 = 4;
export const FRAME_PEEKS_MAX: u32 = 8;

/** Nested page-table entries, eight bytes per guest frame; the system frame is in bits 63:12. */
export const NPT_PRESENT: u32 = 1;
export const NPT_WRITABLE: u32 = 2;
export const NPT_EXECUTABLE: u32 = 4;
/** A reserved bit is set: the page is a device's. */
export const NPT_RESERVED: u32 = 8;
export const NPT_HUGE: u32 = 16;

/** Room for decoded instructions; when it is full, everything is decoded anew. */
export const CODE_SIZE: u32 = 0x180_0000;

/** RMP entry, first word. APM2 table 15-34, APM2 §15.36.3. */
export const RMP_ASSIGNED: u32 = 1;
export const RMP_HUGE: u32 = 2;
export const RMP_IMMUTABLE: u32 = 4;
export const RMP_ASID_SHIFT: u32 = 51;
export const RMP_VMSA_SHIFT: u32 = 61;
export const RMP_VALIDATED_SHIFT: u32 = 62;

/** Control.lifted: checks that the machine goes without: of the RMP, of VMPLs, of V_IRQ; encryption. */
export const LIFTED_OWNER: u32 = 1;
export const LIFTED_REVERSE_MAP: u32 = 2;
export const LIFTED_SIZE: u32 = 4;
export const LIFTED_VALIDATED: u32 = 8;
export const LIFTED_VMPL: u32 = 16;
export const LIFTED_SHARED_WRITE: u32 = 32;
export const LIFTED_ENCRYPTION: u32 = 64;
export const LIFTED_PVALIDATE_VMPL: u32 = 128;
export const LIFTED_RMPADJUST_VMPL: u32 = 256;
export const LIFTED_VIRTUAL_INTERRUPT: u32 = 512;

/** Control.randomReady of a generator that gives the same for ever. */
export const RANDOM_STUCK: u32 = 2;

/** Control.vmsaFrame where there is no VMSA. */
export const NO_FRAME: u32 = 0xffff_ffff;

/** What `run` answers beside SVM exit codes. */
export const EXIT_LIMIT: u32 = 0x1_0000;
export const EXIT_UNIMPLEMENTED: u32 = 0x1_0001;
