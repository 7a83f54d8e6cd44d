/** Direct boot of PVH guests. PVH, elfnote.h and start_info.h. */

export const START_INFO_MAGIC: u32 = 0x336e_c578;
/** Type of the ELF note whose description is the 32-bit entry; its name is NOTE_NAME. */
export const NOTE_PHYS32_ENTRY: u32 = 18;

/** MemoryMapEntry.type. */
export const RAM: u32 = 1;
export const RESERVED: u32 = 2;
export const ACPI: u32 = 3;
export const NVS: u32 = 4;
export const UNUSABLE: u32 = 5;
