import { mapList } from '../lists.ts';
import { TABLE_DESCRIPTOR, TABLE_ENTRY } from '../object.ts';
import type { FunctionEmitter } from './emit.ts';
import { ADD, Cc, CMOV, CMP, LEA, MOV, MOV_STORE, MOVSXD, SHL, TEST } from './forms.ts';
import { checkEnd, entryAddress } from './kinds-bulk.ts';
import type { Inst, Kind } from './machine.ts';
import { R8, R9, R11, RAX, RCX, RDI, RDX, RSI } from './operand.ts';

/** What the instructions on single entries of a table work with. */
export interface TableData {
  /** Symbol of the table's descriptor. */
  readonly table: string;
  /** Whether its entries are functions; else externrefs. */
  readonly hasFunctions: boolean;
  /** Symbol of the routine that grows tables. */
  readonly grow: string;
  /** Symbol of the routine that fills parts of them. */
  readonly fill: string;
}

const NO_REGISTER = -1;
const OUT_OF_BOUNDS = 'out of bounds table access';

/** def = entry number uses[0] (a register). */
export const TABLE_GET: Kind = {
  name: 'table-get',
  emit(out, inst) {
    const { table, hasFunctions } = inst.data as TableData;
    const { asm } = out;
    const d = inst.defAt[0] as number;
    checkIndex(out, inst, table);
    asm.rr(MOV[32], d, inst.useAt[0] as number);
    asm.ri(SHL[64].imm, d, 4);
    asm.rmSymbol(ADD[64].rm, d, table);
    if (hasFunctions) asm.rm(MOVSXD, d, d, NO_REGISTER, 1, TABLE_ENTRY.record);
    else asm.rm(MOV[64], d, d, NO_REGISTER, 1, 0);
  },
};

/** Entry number uses[0] = uses[1], late registers both; temps: two. */
export const TABLE_SET: Kind = {
  name: 'table-set',
  emit(out, inst) {
    const { table, hasFunctions } = inst.data as TableData;
    const { asm } = out;
    const [low, high] = inst.tempAt as [number, number];
    out.output.writesTables = true;
    checkIndex(out, inst, table);
    loadEntry(out, hasFunctions, inst.useAt[1] as number, low, high);
    asm.rr(MOV[32], R11, inst.useAt[0] as number);
    asm.ri(SHL[64].imm, R11, 4);
    asm.rmSymbol(ADD[64].rm, R11, table);
    asm.rm(MOV_STORE[64], low, R11, NO_REGISTER, 1, 0);
    asm.rm(MOV_STORE[64], high, R11, NO_REGISTER, 1, 8);
  },
};

/** Item `imm` of the element segment `data.table` = uses[0], a late register; temps: two. */
export const SET_ELEMENT: Kind = {
  name: 'set-element',
  emit(out, inst) {
    const { table, hasFunctions } = inst.data as TableData;
    const { asm } = out;
    const [low, high] = inst.tempAt as [number, number];
    loadEntry(out, hasFunctions, inst.useAt[0] as number, low, high);
    asm.rmSymbol(MOV_STORE[64], low, table, 16 * inst.imm);
    asm.rmSymbol(MOV_STORE[64], high, table, 16 * inst.imm + 8);
  },
};

/** def = the table grown by uses[1] entries uses[0]: a call, in RDI and RSI. */
export const TABLE_GROW: Kind = {
  name: 'table-grow',
  emit(out, inst) {
    const { table, hasFunctions, grow } = inst.data as TableData;
    const [value, count] = inst.useAt as [number, number];
    out.moves([
      { to: RDI, from: value },
      { to: RSI, from: count },
    ]);
    loadEntry(out, hasFunctions, RDI, RDX, RCX);
    out.asm.rmSymbol(LEA[64], RDI, table);
    out.callHelper(grow, inst.offset);
    const d = inst.defAt[0] as number;
    if (d >= 0) out.move(d, RAX);
  },
};

/** uses[2] entries from uses[0] on = uses[1]; in RDI, RSI and RDX. */
export const TABLE_FILL: Kind = {
  name: 'table-fill',
  emit(out, inst) {
    const { table, hasFunctions, fill } = inst.data as TableData;
    out.output.writesTables = true;
    out.moves(mapList(inst.useAt, (from, i) => ({ to: [RDI, RSI, RDX][i] as number, from })));
    checkEnd(out, RDI, table, TABLE_DESCRIPTOR.size, out.trap(OUT_OF_BOUNDS, inst.offset));
    entryAddress(out, RDI, table);
    loadEntry(out, hasFunctions, RSI, R8, R9);
    out.callHelper(fill, inst.offset);
  },
};

function checkIndex(out: FunctionEmitter, inst: Inst, table: string): void {
  out.asm.rmSymbol(CMP[32].rm, inst.useAt[0] as number, table, TABLE_DESCRIPTOR.size);
  out.asm.jcc(Cc.AE, out.trap(OUT_OF_BOUNDS, inst.offset));
}

/** The two halves of the entry for a reference: a function's record is one already. Uses R11. */
function loadEntry(
  out: FunctionEmitter,
  isFunction: boolean,
  reference: number,
  low: number,
  high: number,
): void {
  const { asm } = out;
  if (!isFunction) {
    out.move(low, reference);
    out.clear(high);
    return;
  }
  out.constantOperand(LEA[64], R11, 0n, 16);
  asm.rr(TEST[64].mr, reference, reference);
  asm.rr(CMOV[64][Cc.NE] as (typeof CMOV)[64][number], R11, reference);
  asm.rm(MOV[64], low, R11, NO_REGISTER, 1, 0);
  asm.rm(MOV[64], high, R11, NO_REGISTER, 1, 8);
}
