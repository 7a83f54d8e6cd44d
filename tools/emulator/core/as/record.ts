/**
 * A decoded instruction, or a step of one: 32 bytes.
 *
 *    0 operation (u16)          2 destination, 3 source register      4 base, 5 index register
 *    6 scale (a shift)          7 number of the instruction in its block, from 1
 *    8 immediate, or the address that a branch leads to (u64)
 *   16 displacement (i32)
 *   20 where a branch leads, if that was decoded; else, where no branch: row (u16), bytes, form
 *   24 offset of the instruction in its page (u16)
 *   26 bytes of the instruction 27 prefixes
 *   28 code page (u32)
 *
 * Registers are byte offsets into their file: the general ones from CpuState, of which the zero
 * register is one; XMM registers from the first; others by number.
 */
import { DECODER } from '../memory-map';
import { ROW_CONDITION, ROW_SIZE, ROWS } from '../row-format';
import { PAGE_LINEAR } from './code-page';
import * as Cpu from './cpu';

export const RECORD_SIZE: usize = 32;

export const OPERATION: usize = 0;
export const DESTINATION: usize = 2;
export const SOURCE: usize = 3;
export const BASE: usize = 4;
export const INDEX: usize = 5;
export const SCALE: usize = 6;
export const COUNT: usize = 7;
export const IMMEDIATE: usize = 8;
export const DISPLACEMENT: usize = 16;
export const LINK: usize = 20;
export const ROW: usize = 20;
export const WIDTH: usize = 22;
export const FORM: usize = 23;
export const OFFSET: usize = 24;
export const LENGTH: usize = 26;
export const PREFIXES: usize = 27;
export const PAGE: usize = 28;

/** FORM: operand 0, 1 or 2 is memory; operand 1 is the immediate; operand 2 the register it names. */
export const FORM_MEMORY0: u32 = 1;
export const FORM_MEMORY1: u32 = 2;
export const FORM_MEMORY2: u32 = 4;
export const FORM_IMMEDIATE1: u32 = 8;
export const FORM_REGISTER2: u32 = 16;
/** FORM: addresses are 32, or 16, bits wide. */
export const FORM_ADDRESS32: u32 = 32;
export const FORM_ADDRESS16: u32 = 64;

/** PREFIXES: REP or REPE, REPNE; the segment override's number + 1 in bits 6:4. */
export const PREFIX_REP: u32 = 1;
export const PREFIX_REPNE: u32 = 2;
export const PREFIX_LOCK: u32 = 4;
export const PREFIX_OPERAND: u32 = 8;
export const PREFIX_REX_W: u32 = 0x80;
export const PREFIX_SEGMENT_SHIFT: u32 = 4;
/** PREFIXES of AVX's instructions, which have none of the first four: number of the first operand's register. */
export const AVX_FIRST: u32 = 15;

/** Operations with a fixed number; those of the instructions follow, see operations.ts. */
export const STALE: u16 = 0;
export const END: u16 = 1;
export const SLOW: u16 = 2;
export const ADDRESS: u16 = 3;
/** Raise #UD; say that no row of the table fits; raise #GP for more than 15 bytes. */
export const UNDEFINED: u16 = 4;
export const UNKNOWN: u16 = 5;
export const TOO_LONG: u16 = 6;
/** See to the second page of an instruction that lies in two. */
export const ACROSS: u16 = 7;

/** Offsets of registers that decoded instructions name. */
export const ZERO_REGISTER: u8 = <u8>(Cpu.ZERO - Cpu.FIRST);
export const ADDRESS_REGISTER: u8 = <u8>(Cpu.ADDRESS - Cpu.FIRST);

/** Linear address of the instruction. */
export function ripOf(p: usize): u64 {
  return load<u64>(load<u32>(p, PAGE), PAGE_LINEAR) + load<u16>(p, OFFSET);
}

/** Linear address of the instruction after it. */
export function nextOf(p: usize): u64 {
  return ripOf(p) + load<u8>(p, LENGTH);
}

/** Row of the instruction table that a record without an operation of its own was made from. */
export function rowOf(p: usize): usize {
  return DECODER + ROWS + <usize>load<u16>(p, ROW) * ROW_SIZE;
}

/** Condition code of a setcc, cmovcc or jcc. */
export function conditionOf(p: usize): u32 {
  return load<u8>(rowOf(p), ROW_CONDITION);
}
