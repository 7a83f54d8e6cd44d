import type { Instruction as Row } from '../../spec/x86/instruction.ts';
import { type Decoded, decode } from '../compiler/x86/decode.ts';
import { isMemory, type Memory } from '../compiler/x86/operand.ts';
import { print } from '../compiler/x86/print.ts';

export interface RegisterOperand {
  readonly kind: 'register';
  readonly file: 'gpr' | 'xmm';
  readonly number: number;
  /** Bits. */
  readonly width: number;
}

export interface MemoryOperand {
  readonly kind: 'memory';
  readonly at: Memory;
  /** Bytes accessed; 0 where only the address counts. */
  readonly size: number;
}

export type Operand =
  | RegisterOperand
  | MemoryOperand
  /** `value` is sign-extended where the instruction does so. */
  | { readonly kind: 'immediate'; readonly value: bigint }
  | { readonly kind: 'target'; readonly address: number }
  | { readonly kind: 'far'; readonly address: number; readonly selector: number };

/** A decoded instruction at its address. */
export interface Instruction {
  readonly address: number;
  /** Address of the byte after it. */
  readonly next: number;
  readonly row: Row;
  readonly operands: readonly Operand[];
  readonly decoded: Decoded;
  readonly mode: 32 | 64;
}

const SEGMENTS = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const ADDRESS32 = 0x67;
const PREFIXES = [...SEGMENTS, ADDRESS32, 0x66, 0xf0, 0xf2, 0xf3];
const FLOW = ['jcc', 'jmp', 'call', 'ret'];

/** Maps of opcodes: 0F, 0F 38 and 0F 3A. */
const LAST_MAP = 3;

/** Registers without REX that are named AH, CH, DH and BH: nothing of ours uses them. */
const FIRST_HIGH_BYTE = 4;
const LAST_HIGH_BYTE = 7;

/**
 * The instruction at `offset` of `code`, which lies at address `start`. A text instead of it says what
 * is wrong with the bytes: no instruction of the table, or one in a form that no compiler of ours writes.
 */
export function instructionAt(
  code: Uint8Array,
  start: number,
  offset: number,
  mode: 32 | 64 = 64,
): Instruction | string {
  const decoded = decode(code, offset, mode);
  if (!decoded) return 'no instruction of the table';
  const { instruction: row, values, length } = decoded;
  if (decoded.repeat !== 0 && row.repeat === 'none') return 'a prefix that does not belong there';
  if (decoded.lock && !row.lockable) return 'a lock prefix that does not belong there';
  const prefixes = prefixesOf(code, offset);
  if (prefixes.some((byte) => SEGMENTS.includes(byte))) return 'a segment override';
  // A jump of 16 bits keeps 16 bits of RIP, whatever it adds to it.
  const isFlow = FLOW.includes(row.effect.name);
  if (isFlow && prefixes.length > 0) return 'a prefix that does not belong there';
  const hasMemory = values.some((value) => typeof value === 'object' && isMemory(value));
  if (prefixes.includes(ADDRESS32) && !hasMemory) return 'an address of 32 bits that is implied';
  if (isOfOtherMap(code, offset)) return 'no instruction of the table';
  const next = start + offset + length;
  const operands: Operand[] = [];
  let used = 0;
  for (const { kind, file, width, memory, fixed } of row.operands) {
    if (kind === 'one') {
      operands.push({ kind: 'immediate', value: 1n });
      continue;
    }
    if (kind === 'fixed') {
      if (file === 'gpr' || file === 'xmm') {
        operands.push({ kind: 'register', file, number: fixed ?? 0, width });
      }
      continue;
    }
    if (kind === 'offset') return 'an address without ModRM';
    const value = values[used++];
    if (typeof value === 'object' && isMemory(value)) {
      operands.push({ kind: 'memory', at: value, size: memory / 8 });
    } else if (kind === 'far') {
      operands.push({ kind, address: Number(value), selector: Number(values[used++]) });
    } else if (kind === 'relative') {
      operands.push({ kind: 'target', address: next + Number(value) });
    } else if (kind === 'register' || kind === 'rm') {
      const number = Number(value);
      if (file === 'xmm') operands.push({ kind: 'register', file, number, width });
      else if (file === 'gpr') {
        const isHigh = width === 8 && number >= FIRST_HIGH_BYTE && number <= LAST_HIGH_BYTE;
        if (isHigh && !hasRex(code, offset)) return 'a register AH, CH, DH or BH';
        operands.push({ kind: 'register', file, number, width });
      }
    } else {
      operands.push({ kind: 'immediate', value: BigInt(value as number | bigint) });
    }
  }
  return { address: start + offset, next, row, operands, decoded, mode };
}

/** The prefixes before REX, VEX or the opcode. */
function prefixesOf(code: Uint8Array, offset: number): number[] {
  const found: number[] = [];
  for (let at = offset; PREFIXES.includes(code[at] ?? 0); at++) found.push(code[at] ?? 0);
  return found;
}

/** Whether a REX or VEX prefix stands before the opcode. */
function hasRex(code: Uint8Array, offset: number): boolean {
  const byte = code[offset + prefixesOf(code, offset).length] ?? 0;
  return (byte & 0xf0) === 0x40 || byte === 0xc4 || byte === 0xc5;
}

/** Whether a VEX prefix of three bytes names a map of opcodes that the table has no rows of. */
function isOfOtherMap(code: Uint8Array, offset: number): boolean {
  const at = offset + prefixesOf(code, offset).length;
  return code[at] === 0xc4 && ((code[at + 1] ?? 0) & 0x1f) > LAST_MAP;
}

/** As `objdump -M intel` writes it. */
export function textOf({ decoded, address, next, mode }: Instruction): string {
  const { instruction, values, lock, repeat } = decoded;
  const prefix = lock ? 'lock ' : repeat === 0xf3 ? 'rep ' : repeat === 0xf2 ? 'repne ' : '';
  // Values of branches are distances, so the printer needs the address as the processor has it.
  const text = print(instruction, values, next, mode);
  return address < next ? prefix + text : text;
}
