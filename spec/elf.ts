/** Numbers of ELF files. ELF, chapters 4 and 5; x86-64 supplement §4. */

export const MAGIC: u32 = 0x464c_457f;
export const CLASS_32: u32 = 1;
export const CLASS_64: u32 = 2;
export const DATA_LITTLE_ENDIAN: u32 = 1;
export const VERSION: u32 = 1;

export const TYPE_EXECUTABLE: u32 = 2;
export const TYPE_CORE: u32 = 4;
export const MACHINE_386: u32 = 3;
export const MACHINE_X86_64: u32 = 62;

export const PROGRAM_LOAD: u32 = 1;
export const PROGRAM_NOTE: u32 = 4;
export const PROGRAM_GNU_STACK: u32 = 0x6474_e551;
export const FLAG_EXECUTE: u32 = 1;
export const FLAG_WRITE: u32 = 2;
export const FLAG_READ: u32 = 4;

export const SECTION_NULL: u32 = 0;
export const SECTION_PROGBITS: u32 = 1;
export const SECTION_SYMTAB: u32 = 2;
export const SECTION_STRTAB: u32 = 3;
export const SECTION_NOTE: u32 = 7;
export const SECTION_NOBITS: u32 = 8;
export const SECTION_WRITE: u32 = 1;
export const SECTION_ALLOC: u32 = 2;
export const SECTION_EXECUTE: u32 = 4;

export const NOTE_PRSTATUS: u32 = 1;
