import type { Instruction, Operand } from '../../../spec/x86/instruction.ts';
import { isAvx, type Operations, type Traits } from './operations/operation.ts';
import * as Row from './row-format.ts';

/** What the tables are made with: numbers of effects and of operations. */
export interface Numbering {
  effect(name: string): number;
  operations(row: Instruction): Operations;
}

/** Instructions after which decoding in a straight line leads nowhere. */
const ENDS = new Set(
  `jmp jmpFar call callFar ret retFar iret syscall sysret sysenter sysexit ud int int3 int1 into hlt
   movToControl rsm vmgexit`.split(/\s+/),
);

/** Segment register that a far pointer is loaded into. */
const FAR_SEGMENTS: Readonly<Record<string, number>> = { les: 0, lss: 2, lds: 3, lfs: 4, lgs: 5 };

const PREFIX_KEY = { 0: 0, 102: Row.KEY_66, 242: Row.KEY_F2, 243: Row.KEY_F3 } as const;
const ALL_PREFIXES = Row.KEY_66 | Row.KEY_F2 | Row.KEY_F3;

/** The bits of a decoding key that a row asks for. */
function keyOf(row: Instruction): { mask: number; value: number } {
  const { encoding } = row;
  let mask = 0;
  let value = 0;
  const ask = (bits: number, is: number) => {
    mask |= bits;
    value |= is;
  };
  if (encoding.vex) {
    ask(Row.KEY_VEX_L, encoding.vex.l ? Row.KEY_VEX_L : 0);
    ask(3 << Row.KEY_VEX_PP_SHIFT, encoding.vex.pp << Row.KEY_VEX_PP_SHIFT);
    if (encoding.vex.w !== undefined) ask(Row.KEY_REX_W, encoding.vex.w ? Row.KEY_REX_W : 0);
  } else if (encoding.rexW) ask(Row.KEY_REX_W, Row.KEY_REX_W);
  else if (encoding.default64) ask(Row.KEY_SIZE16, 0);
  else if (encoding.prefix === 0x66) {
    // The prefix is part of the opcode, and says nothing about the operand's size.
  } else if (encoding.operandSize === 16) ask(Row.KEY_SIZE16, Row.KEY_SIZE16);
  else if (encoding.operandSize === 32) ask(Row.KEY_SIZE32, Row.KEY_SIZE32);
  if (encoding.prefix !== 0) ask(PREFIX_KEY[encoding.prefix], PREFIX_KEY[encoding.prefix]);
  if (encoding.noPrefix) ask(ALL_PREFIXES, 0);
  if (encoding.addressSize === 16) ask(Row.KEY_ADDRESS16, Row.KEY_ADDRESS16);
  if (encoding.addressSize === 32) ask(Row.KEY_ADDRESS32, Row.KEY_ADDRESS32);
  if (encoding.addressSize === 64) ask(Row.KEY_ADDRESS64, Row.KEY_ADDRESS64);
  if (encoding.modrm === 'digit') {
    ask(0x38 << Row.KEY_MODRM_SHIFT, encoding.digit << (Row.KEY_MODRM_SHIFT + 3));
  }
  if (encoding.modrm === 'byte') {
    ask(0xff << Row.KEY_MODRM_SHIFT, encoding.digit << Row.KEY_MODRM_SHIFT);
  }
  // 90 is XCHG with rAX, which only without REX.B names RAX itself and so does nothing.
  if (encoding.map === 0 && encoding.opcode === 0x90 && !encoding.plusRegister) {
    ask(Row.KEY_REX_B, 0);
  }
  const inRm = row.operands.find(({ place }) => place === 'rm');
  if (inRm?.kind === 'memory') ask(Row.KEY_REGISTER, 0);
  if (inRm?.kind === 'register' && !controlMove(row)) ask(Row.KEY_REGISTER, Row.KEY_REGISTER);
  return { mask, value };
}

function controlMove(row: Instruction): boolean {
  return row.operands.some(({ file }) => file === 'control' || file === 'debug');
}

/**
 * Order in which the rows of an opcode are tried: F2 and F3 before 66, that before no prefix; then
 * a fixed ModRM byte, a digit, none; REX.W before none; what is not an alias before what is.
 */
function rank(row: Instruction): number {
  const { encoding } = row;
  const prefix = encoding.prefix === 0 ? 0 : encoding.prefix === 0x66 ? 1 : 2;
  const modrm = encoding.modrm === 'byte' ? 2 : encoding.modrm === 'digit' ? 1 : 0;
  return -(
    prefix * 1000 +
    modrm * 100 +
    (encoding.plusRegister ? 0 : 50) +
    (encoding.rexW ? 20 : encoding.operandSize === 16 ? 10 : 0) +
    (encoding.noPrefix ? 5 : 0) +
    (row.alias ? 0 : 1)
  );
}

/** The opcodes that a row stands for. */
function opcodes({ encoding }: Instruction): number[] {
  const count = encoding.plusRegister ? 8 : 1;
  return Array.from({ length: count }, (_, i) => encoding.opcode + i);
}

/** Makes the tables of the decoder out of the instruction table. */
export function decoderTables(
  rows: readonly Instruction[],
  numbering: Numbering,
  firstOperation: number,
  traits: readonly Traits[],
): Uint8Array {
  if (Row.ROWS + rows.length * Row.ROW_SIZE > Row.TRAITS) {
    throw new RangeError(`${rows.length} rows exceed their room`);
  }
  const bytes = new Uint8Array(Row.TRAITS + (firstOperation + traits.length) * Row.TRAIT_SIZE);
  const data = new DataView(bytes.buffer);
  let next = 0;
  for (const mode of [0, 1]) {
    const cells = new Map<number, number[]>();
    rows.forEach((row, number) => {
      if (!(mode === 0 ? row.modes.protected32 : row.modes.long64)) return;
      const map = row.encoding.vex ? 3 + row.encoding.map : row.encoding.map;
      for (const opcode of opcodes(row)) {
        const cell = map * 256 + opcode;
        cells.set(cell, [...(cells.get(cell) ?? []), number]);
      }
    });
    for (const [cell, numbers] of cells) {
      const of = (number: number) => rows[number] as Instruction;
      numbers.sort((a, b) => rank(of(a)) - rank(of(b)) || a - b);
      const modrm = numbers.some((number) => of(number).encoding.modrm !== 'none');
      const entry =
        next | (numbers.length << Row.INDEX_COUNT_SHIFT) | (modrm ? Row.INDEX_MODRM : 0);
      data.setUint32((mode * Row.INDEX_MAPS * 256 + cell) * 4, entry, true);
      for (const number of numbers) data.setUint16(Row.LISTS + 2 * next++, number, true);
    }
  }
  if (next * 2 > Row.LISTS_SIZE) throw new RangeError(`decoder lists hold ${next} entries`);
  rows.forEach((row, number) => {
    writeRow(new DataView(bytes.buffer, Row.ROWS + number * Row.ROW_SIZE, Row.ROW_SIZE), row);
  });
  traits.forEach((trait, i) => {
    const at = Row.TRAITS + (firstOperation + i) * Row.TRAIT_SIZE;
    data.setUint8(at + Row.TRAIT_FLAGS, trait.flags);
    data.setUint8(at + Row.TRAIT_CONDITION, trait.condition);
    data.setUint16(at + Row.TRAIT_QUIET, trait.quiet, true);
    trait.fused.forEach((number, code) => {
      data.setUint16(at + Row.TRAIT_FUSED + 2 * code, number, true);
    });
  });
  return bytes;

  function writeRow(out: DataView, row: Instruction): void {
    const { mask, value } = keyOf(row);
    const { register, memory, longModeOnly } = numbering.operations(row);
    out.setUint32(Row.ROW_MASK, mask, true);
    out.setUint32(Row.ROW_KEY, value, true);
    out.setUint16(Row.ROW_REGISTER_OPERATION, register, true);
    out.setUint16(Row.ROW_MEMORY_OPERATION, memory, true);
    out.setUint16(Row.ROW_EFFECT, numbering.effect(row.effect.name), true);
    out.setUint8(Row.ROW_WIDTH, row.effect.width >> 3);
    out.setUint8(Row.ROW_FLAGS, flagsOf(row, longModeOnly));
    const { avx, operands } = splitOperands(row);
    out.setUint8(Row.ROW_AVX, avx);
    operands.forEach((operand, i) => {
      if (i > 2) throw new RangeError(`${row.id} has more than three operands`);
      out.setUint8(Row.ROW_OPERANDS + i, placeOf(operand) | (fileOf(operand) << 4));
      out.setUint8(Row.ROW_FIXED + i, operand.fixed ?? 0);
    });
    row.encoding.immediates.forEach((size, i) => {
      out.setUint8(Row.ROW_IMMEDIATES + i, size < 0 ? Row.IMMEDIATE_ADDRESS : size);
    });
    out.setUint8(Row.ROW_CONDITION, row.effect.condition & 0xff);
    const access = Math.max(0, ...row.operands.map((operand) => operand.memory)) >> 3;
    out.setUint8(Row.ROW_ACCESS, access < 256 ? access : 0);
    const source = operands[1];
    out.setUint8(Row.ROW_SOURCE, (source?.memory || source?.width || 0) >> 3);
    out.setUint8(Row.ROW_SEGMENT, FAR_SEGMENTS[row.mnemonic] ?? 0);
    out.setUint16(Row.ROW_INTERCEPT, row.intercept ?? Row.NO_INTERCEPT, true);
  }
}

/** The operands of an AVX row as SSE has them, and where the one is that SSE's result shares its register with. */
function splitOperands(row: Instruction): { avx: number; operands: readonly Operand[] } {
  const { operands } = row;
  if (!isAvx(row)) return { avx: Row.AVX_NONE, operands };
  const without = (place: Operand['place']) =>
    operands.filter((operand) => operand.place !== place);
  switch (operands.findIndex(({ place }) => place === 'vvvv')) {
    case -1:
      return { avx: Row.AVX_SAME, operands };
    case 0:
      return { avx: Row.AVX_FIRST_RM, operands: without('rm') };
    default:
      return { avx: Row.AVX_FIRST_VVVV, operands: without('vvvv') };
  }
}

function flagsOf(row: Instruction, longModeOnly: boolean): number {
  const immediate = row.operands.find(({ kind }) => kind === 'immediate' || kind === 'relative');
  return (
    (row.lockable ? Row.FLAG_LOCK : 0) |
    (row.cpl0 ? Row.FLAG_CPL0 : 0) |
    (row.host ? Row.FLAG_HOST : 0) |
    (ENDS.has(row.effect.name) ? Row.FLAG_ENDS : 0) |
    (controlMove(row) ? Row.FLAG_REGISTER : 0) |
    (longModeOnly ? Row.FLAG_LONG_MODE : 0) |
    (immediate?.signed ? Row.FLAG_IMMEDIATE_SIGNED : 0) |
    (row.operands.some(({ file }) => file === 'xmm') ? Row.FLAG_SSE : 0)
  );
}

function placeOf({ kind, place }: Operand): number {
  switch (place) {
    case 'reg':
      return Row.PLACE_REG;
    case 'rm':
      return Row.PLACE_RM;
    case 'opcode':
      return Row.PLACE_OPCODE;
    case 'vvvv':
      return Row.PLACE_VVVV;
  }
  switch (kind) {
    case 'immediate':
      return Row.PLACE_IMMEDIATE;
    case 'relative':
      return Row.PLACE_RELATIVE;
    case 'offset':
      return Row.PLACE_OFFSET;
    case 'far':
      return Row.PLACE_FAR;
    case 'fixed':
      return Row.PLACE_FIXED;
    case 'one':
      return Row.PLACE_ONE;
    default:
      return Row.PLACE_NONE;
  }
}

function fileOf({ file, width }: Operand): number {
  if (file === 'xmm') return Row.FILE_XMM;
  if (file === 'segment' || file === 'control' || file === 'debug') return Row.FILE_NUMBER;
  return width === 8 ? Row.FILE_GPR8 : Row.FILE_GPR;
}
