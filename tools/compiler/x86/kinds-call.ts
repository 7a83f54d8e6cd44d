import { mapList } from '../lists.ts';
import type { FunctionEmitter } from './emit.ts';
import { CALL_RM, Cc, CMP, type Form, JMP_RM, MOV, SHL, SUB } from './forms.ts';
import type { Inst, Kind } from './machine.ts';
import { R11, R14, RAX, RSP } from './operand.ts';

/** Where a call's arguments go and its results come from: registers or outgoing stack locations. */
export interface CallData {
  readonly symbol: string;
  readonly arguments: readonly number[];
  readonly results: readonly number[];
  /** Bytes of stack arguments, which the callee has popped. */
  readonly popped: number;
  /** The memory record to take r14 from again afterwards, where the callee may have changed it. */
  readonly reload: string | undefined;
}

/** def = uses[…] called at a symbol. `data`: CallData. */
export const CALL: Kind = {
  name: 'call',
  emit(out, inst) {
    const data = inst.data as CallData;
    out.moves(mapList(inst.useAt, (from, i) => ({ to: data.arguments[i] as number, from })));
    out.asm.call(data.symbol);
    finishCall(out, inst, data);
  },
};

export interface IndirectCallData extends CallData {
  /** Symbol of the entries where they never move and their number never changes. */
  readonly entries: string | undefined;
  readonly size: number;
  /** Symbol of the table's descriptor. */
  readonly table: string;
  readonly type: string;
}

/**
 * A call through a table: uses = arguments, then the index, which goes to RAX. The index is checked
 * against the table's size, then the entry's type number against the expected one.
 */
export const CALL_INDIRECT: Kind = {
  name: 'call-indirect',
  emit(out, inst) {
    const data = inst.data as IndirectCallData;
    moveArguments(out, inst, data);
    findEntry(out, inst, data)(CALL_RM);
    finishCall(out, inst, data);
  },
};

/** A call of the symbol in place of a return. `data`: CallData. */
export const TAIL_CALL: Kind = {
  name: 'tail-call',
  emit(out, inst) {
    const data = inst.data as CallData;
    out.moves(mapList(inst.useAt, (from, i) => ({ to: data.arguments[i] as number, from })));
    out.leaveTo(data.popped, () => out.asm.jmpSymbol(data.symbol));
  },
};

/** A call through a table, as CALL_INDIRECT, in place of a return. */
export const TAIL_CALL_INDIRECT: Kind = {
  name: 'tail-call-indirect',
  emit(out, inst) {
    const data = inst.data as IndirectCallData;
    moveArguments(out, inst, data);
    findEntry(out, inst, data)(MOV[64], RAX);
    out.leaveTo(data.popped, () => out.asm.r(JMP_RM, RAX));
  },
};

const NO_REGISTER = -1;

function moveArguments(out: FunctionEmitter, inst: Inst, data: IndirectCallData): void {
  const targets = [...data.arguments, RAX];
  out.moves(mapList(inst.useAt, (from, i) => ({ to: targets[i] as number, from })));
}

/** Writes an instruction on the code address of the entry that was found. */
type WriteOnCode = (form: Form, register?: number) => void;

/** Checks the entry whose number is in RAX, and its type. */
function findEntry(out: FunctionEmitter, inst: Inst, data: IndirectCallData): WriteOnCode {
  const { asm } = out;
  const compare = CMP[32].long;
  const { entries } = data;
  if (entries === undefined) asm.rmSymbol(CMP[32].rm, RAX, data.table, 8);
  else asm.ri(compare, RAX, data.size);
  asm.jcc(Cc.AE, out.trap('undefined element', inst.offset));
  asm.ri(SHL[64].imm, RAX, 4);
  if (entries === undefined) asm.rmSymbol(MOV[64], R11, data.table);
  const at = (form: Form, register: number, offset: number) => {
    if (entries === undefined) asm.rm(form, register, R11, RAX, 1, offset);
    else asm.rmTable(form, register, RAX, NO_REGISTER, 1, entries, offset);
  };
  at(compare, compare.digit, 8);
  out.typeImmediate(data.type);
  asm.jcc(
    Cc.NE,
    out.wrongType(inst.offset, (form: Form) => at(form, form.digit, 8)),
  );
  return (form, register = form.digit) => at(form, register, 0);
}

/** After a call: its site, r14, and its results. */
export function finishCall(out: FunctionEmitter, inst: Inst, data: CallData): void {
  out.callSite(inst.offset);
  if (data.popped > 0)
    out.asm.ri(data.popped < 128 ? SUB[64].short : SUB[64].long, RSP, data.popped);
  if (data.reload !== undefined) out.asm.rmSymbol(MOV[64], R14, data.reload);
  const moves = mapList(inst.defAt, (to, i) => ({ to, from: data.results[i] as number }));
  out.moves(moves.filter(({ to }) => to >= 0));
}

/** The function's parameters, from where the caller put them. `data`: their locations. */
export const PARAMETERS: Kind = {
  name: 'params',
  emit(out, inst) {
    const from = inst.data as readonly number[];
    const moves = mapList(inst.defAt, (to, i) => ({ to, from: from[i] as number }));
    out.moves(moves.filter(({ to }) => to >= 0));
  },
};
