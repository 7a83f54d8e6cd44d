/**
 * The instruction table as the decoder reads it, in the core's memory. Both languages read this.
 *
 * First an index, a u32 for each mode, map and opcode: where the list of rows to try starts (16 bits), how
 * many there are (8), whether a ModRM byte follows (1). Then the lists, u16 row numbers. Then the rows.
 */

export const INDEX_MAPS: u32 = 7; // 0F-less, 0F, 0F 38, 0F 3A, and VEX's 0F, 0F 38, 0F 3A
/** Behind 2 modes × 7 maps × 256 opcodes × 4 bytes of index. */
export const LISTS: u32 = 0x3800;
export const LISTS_SIZE: u32 = 0x8000;
export const ROWS: u32 = 0xb800;

export const INDEX_COUNT_SHIFT: u32 = 16;
export const INDEX_MODRM: u32 = 0x100_0000;

export const ROW_SIZE: u32 = 32;
export const ROW_MASK: u32 = 0; // u32: bits of the key below that the row cares for
export const ROW_KEY: u32 = 4; // u32: what they must be
export const ROW_REGISTER_OPERATION: u32 = 8; // u16: operation where ModRM.rm is a register or absent
export const ROW_MEMORY_OPERATION: u32 = 10; // u16: operation where it is memory
export const ROW_EFFECT: u32 = 12; // u16
export const ROW_WIDTH: u32 = 14; // u8: bytes that the effect works on
export const ROW_FLAGS: u32 = 15; // u8
export const ROW_OPERANDS: u32 = 16; // three times u8: place, file in the high half
export const ROW_FIXED: u32 = 19; // three times u8: number of the register that is implied
export const ROW_IMMEDIATES: u32 = 22; // twice u8: bytes; IMMEDIATE_ADDRESS
export const ROW_CONDITION: u32 = 24; // u8
export const ROW_ACCESS: u32 = 25; // u8: bytes of the memory operand, 0 for the largest and for none
export const ROW_INTERCEPT: u32 = 26; // u16: exit code, NO_INTERCEPT
export const ROW_SEGMENT: u32 = 28; // u8: number of the segment register that les … lgs load
export const ROW_SOURCE: u32 = 29; // u8: bytes of the second operand
export const ROW_AVX: u32 = 30; // u8, one of AVX_… below

export const NO_INTERCEPT: u32 = 0xffff;
export const IMMEDIATE_ADDRESS: u32 = 0xff;

/** The key that rows are matched by. */
export const KEY_SIZE16: u32 = 0x1;
export const KEY_SIZE32: u32 = 0x2;
export const KEY_SIZE64: u32 = 0x4;
export const KEY_66: u32 = 0x8;
export const KEY_F2: u32 = 0x10;
export const KEY_F3: u32 = 0x20;
export const KEY_REX_W: u32 = 0x40;
export const KEY_REGISTER: u32 = 0x80; // ModRM.mod = 3
export const KEY_MODRM_SHIFT: u32 = 8; // eight bits
export const KEY_ADDRESS16: u32 = 0x1_0000;
export const KEY_ADDRESS32: u32 = 0x2_0000;
export const KEY_ADDRESS64: u32 = 0x4_0000;
export const KEY_VEX_L: u32 = 0x8_0000;
export const KEY_VEX_PP_SHIFT: u32 = 20; // two bits
export const KEY_REX_B: u32 = 0x40_0000;

/** ROW_FLAGS. */
export const FLAG_LOCK: u32 = 0x1;
export const FLAG_CPL0: u32 = 0x2;
export const FLAG_HOST: u32 = 0x4;
/** Nothing of the block follows the instruction. */
export const FLAG_ENDS: u32 = 0x8;
/** ModRM.rm is a register whatever ModRM.mod says (moves to and from control registers). */
export const FLAG_REGISTER: u32 = 0x10;
/** The fast operation holds in 64-bit mode alone. */
export const FLAG_LONG_MODE: u32 = 0x20;
export const FLAG_IMMEDIATE_SIGNED: u32 = 0x40;
/** The row has an SSE operand, so that CR0 and CR4 decide whether it is there. */
export const FLAG_SSE: u32 = 0x80;

/**
 * ROW_AVX: no such row; one with operands as SSE has them; one whose result is apart from its first operand,
 * and where that is. ROW_OPERANDS are SSE's, without it.
 */
export const AVX_NONE: u32 = 0;
export const AVX_SAME: u32 = 1;
export const AVX_FIRST_VVVV: u32 = 2;
export const AVX_FIRST_RM: u32 = 3;

/** ROW_OPERANDS: places, low half. */
export const PLACE_NONE: u32 = 0;
export const PLACE_REG: u32 = 1;
export const PLACE_RM: u32 = 2;
export const PLACE_OPCODE: u32 = 3;
export const PLACE_VVVV: u32 = 4;
export const PLACE_IMMEDIATE: u32 = 5;
export const PLACE_RELATIVE: u32 = 6;
export const PLACE_OFFSET: u32 = 7;
export const PLACE_FAR: u32 = 8;
export const PLACE_FIXED: u32 = 9;
export const PLACE_ONE: u32 = 10;

/** ROW_OPERANDS: files, high half. */
export const FILE_GPR: u32 = 0;
export const FILE_GPR8: u32 = 1;
export const FILE_XMM: u32 = 2;
export const FILE_NUMBER: u32 = 3;

/** Traits of the operations (operations/table.ts), by number, behind the rows. */
export const TRAITS: u32 = 0x2_0000;
export const TRAIT_SIZE: u32 = 40;
export const TRAIT_FLAGS: u32 = 0; // u8, one of those below
export const TRAIT_CONDITION: u32 = 1; // u8: condition code + 1 of a conditional branch
export const TRAIT_QUIET: u32 = 2; // u16
export const TRAIT_FUSED: u32 = 4; // sixteen times u16, by condition code

export const FLAGS_SET: u32 = 1;
export const FLAGS_REPLACED: u32 = 2;
export const FLAGS_CHANGED: u32 = 3;
export const FLAGS_IGNORED: u32 = 4;
