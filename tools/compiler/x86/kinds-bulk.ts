import { mapList } from '../lists.ts';
import type { FunctionEmitter } from './emit.ts';
import { ADD, Cc, CMP, type Form, form, LEA, MOV, SHL, STORE_IMM } from './forms.ts';
import type { Inst, Kind } from './machine.ts';
import { R11, R14, RAX, RCX, RDI, RDX, RSI } from './operand.ts';

/** Symbols and helpers that a bulk instruction works with. */
export interface BulkData {
  /** The memory's record; undefined at base 0, where all 4 GiB are there. */
  readonly memory: string | undefined;
  /** The segment's contents, its length in `${segment}.size`. */
  readonly segment: string;
  /** Descriptors of the tables. */
  readonly to: string;
  readonly from: string;
  readonly copy: string;
  /** Undefined where `rep stosb` does as well. */
  readonly fill: string | undefined;
}

const REP_MOVSB = form('movsb');
const REP_MOVSQ = form('movsq');
const REP_STOSB = form('stosb');
const MEMORY = 'out of bounds memory access';
const TABLE = 'out of bounds table access';

/** The arguments are in RDI, RSI and RDX; all that a call destroys may be used. */
function bulk(
  name: string,
  write: (out: FunctionEmitter, inst: Inst, data: BulkData) => void,
): Kind {
  return {
    name,
    emit(out, inst) {
      const registers = [RDI, RSI, RDX];
      out.moves(mapList(inst.useAt, (from, i) => ({ to: registers[i] as number, from })));
      write(out, inst, inst.data as BulkData);
    },
  };
}

export const MEMORY_COPY = bulk('memory-copy', (out, inst, data) => {
  checkMemory(out, inst, data, RDI);
  checkMemory(out, inst, data, RSI);
  addBase(out, RDI);
  addBase(out, RSI);
  out.callHelper(data.copy, inst.offset);
});

export const MEMORY_FILL = bulk('memory-fill', (out, inst, data) => {
  checkMemory(out, inst, data, RDI);
  addBase(out, RDI);
  if (data.fill !== undefined) {
    out.callHelper(data.fill, inst.offset);
    return;
  }
  out.asm.rr(MOV[32], RAX, RSI);
  out.asm.rr(MOV[32], RCX, RDX);
  repeat(out, REP_STOSB);
});

export const MEMORY_INIT = bulk('memory-init', (out, inst, data) => {
  checkEnd(out, RSI, `${data.segment}.size`, 0, out.trap(MEMORY, inst.offset));
  checkMemory(out, inst, data, RDI);
  addBase(out, RDI);
  out.asm.rmSymbol(LEA[64], RAX, data.segment);
  out.asm.rr(ADD[64].rm, RSI, RAX);
  out.asm.rr(MOV[32], RCX, RDX);
  repeat(out, REP_MOVSB);
});

/** Also of an element segment. */
export const DROP = bulk('drop', (out, _inst, data) => {
  out.asm.miSymbol(STORE_IMM[32], `${data.segment}.size`, 0, 0);
});

export const TABLE_INIT = bulk('table-init', (out, inst, data) => {
  out.output.writesTables = true;
  const trap = out.trap(TABLE, inst.offset);
  checkEnd(out, RSI, `${data.segment}.size`, 0, trap);
  checkEnd(out, RDI, data.to, 8, trap);
  entryAddress(out, RDI, data.to);
  out.asm.ri(SHL[64].imm, RSI, 4);
  out.asm.rmSymbol(LEA[64], RAX, data.segment);
  out.asm.rr(ADD[64].rm, RSI, RAX);
  out.asm.rm(LEA[64], RCX, RDX, RDX, 1, 0);
  repeat(out, REP_MOVSQ);
});

export const TABLE_COPY = bulk('table-copy', (out, inst, data) => {
  out.output.writesTables = true;
  const trap = out.trap(TABLE, inst.offset);
  checkEnd(out, RSI, data.from, 8, trap);
  checkEnd(out, RDI, data.to, 8, trap);
  entryAddress(out, RDI, data.to);
  entryAddress(out, RSI, data.from);
  out.asm.ri(SHL[64].imm, RDX, 4);
  out.callHelper(data.copy, inst.offset);
});

/** Traps unless [start, start + RDX) lies within the memory. Uses RAX and R11. */
function checkMemory(out: FunctionEmitter, inst: Inst, { memory }: BulkData, start: number): void {
  if (memory === undefined) return;
  const { asm } = out;
  asm.rmSymbol(MOV[32], RAX, memory, 8);
  asm.ri(SHL[64].imm, RAX, 16);
  asm.rm(LEA[64], R11, start, RDX, 1, 0);
  asm.rr(CMP[64].rm, R11, RAX);
  asm.jcc(Cc.A, out.trap(MEMORY, inst.offset));
}

/** Traps unless start + RDX is at most the u32 at a symbol. Uses RAX and R11. */
export function checkEnd(
  out: FunctionEmitter,
  start: number,
  symbol: string,
  addend: number,
  trap: ReturnType<FunctionEmitter['trap']>,
): void {
  const { asm } = out;
  asm.rmSymbol(MOV[32], RAX, symbol, addend);
  asm.rm(LEA[64], R11, start, RDX, 1, 0);
  asm.rr(CMP[64].rm, R11, RAX);
  asm.jcc(Cc.A, trap);
}

/** An index in a table becomes its entry's address. */
export function entryAddress(out: FunctionEmitter, register: number, table: string): void {
  out.asm.ri(SHL[64].imm, register, 4);
  out.asm.rmSymbol(ADD[64].rm, register, table);
}

function addBase(out: FunctionEmitter, register: number): void {
  if (out.target.baseRegister) out.asm.rr(ADD[64].rm, register, R14);
}

function repeat(out: FunctionEmitter, row: Form): void {
  out.asm.prefix('rep');
  out.asm.none(row);
}
