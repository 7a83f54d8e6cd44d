import type { FunctionEmitter } from './emit.ts';
import { CALL_RM, Cc, CMP, type Form, MOV, SHL } from './forms.ts';
import type { Inst, Kind } from './machine.ts';
import { R11, R14, RAX } from './operand.ts';

/** Where a call's arguments go and its results come from: registers or outgoing stack locations. */
export interface CallData {
  readonly symbol: string;
  readonly arguments: readonly number[];
  readonly results: readonly number[];
  /** The memory record to take r14 from again afterwards, where the callee may have changed it. */
  readonly reload: string | undefined;
}

/** def = uses[…] called at a symbol. `data`: CallData. */
export const CALL: Kind = {
  name: 'call',
  emit(out, inst) {
    const data = inst.data as CallData;
    out.moves(inst.useAt.map((from, i) => ({ to: data.arguments[i] as number, from })));
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
    const targets = [...data.arguments, RAX];
    out.moves(inst.useAt.map((from, i) => ({ to: targets[i] as number, from })));
    if (data.entries === undefined) callDynamic(out, inst, data);
    else callStatic(out, inst, data, data.entries);
    finishCall(out, inst, data);
  },
};

const NO_REGISTER = -1;

function callStatic(
  out: FunctionEmitter,
  inst: Inst,
  data: IndirectCallData,
  entries: string,
): void {
  const { asm } = out;
  const compare = CMP[32].long;
  asm.ri(compare, RAX, data.size);
  asm.jcc(Cc.AE, out.trap('undefined element', inst.offset));
  asm.ri(SHL[64].imm, RAX, 4);
  asm.rmTable(compare, compare.digit, RAX, NO_REGISTER, 1, entries, 8);
  out.typeImmediate(data.type);
  asm.jcc(
    Cc.NE,
    out.wrongType(inst.offset, (form: Form) => {
      asm.rmTable(form, form.digit, RAX, NO_REGISTER, 1, entries, 8);
    }),
  );
  asm.rmTable(CALL_RM, CALL_RM.digit, RAX, NO_REGISTER, 1, entries);
}

function callDynamic(out: FunctionEmitter, inst: Inst, data: IndirectCallData): void {
  const { asm } = out;
  const compare = CMP[32].long;
  asm.rmSymbol(CMP[32].rm, RAX, data.table, 8);
  asm.jcc(Cc.AE, out.trap('undefined element', inst.offset));
  asm.ri(SHL[64].imm, RAX, 4);
  asm.rmSymbol(MOV[64], R11, data.table);
  asm.m(compare, R11, RAX, 1, 8);
  out.typeImmediate(data.type);
  asm.jcc(
    Cc.NE,
    out.wrongType(inst.offset, (form: Form) => asm.m(form, R11, RAX, 1, 8)),
  );
  asm.m(CALL_RM, R11, RAX, 1, 0);
}

/** After a call: its site, r14, and its results. */
export function finishCall(out: FunctionEmitter, inst: Inst, data: CallData): void {
  out.callSite(inst.offset);
  if (data.reload !== undefined) out.asm.rmSymbol(MOV[64], R14, data.reload);
  const moves = inst.defAt.map((to, i) => ({ to, from: data.results[i] as number }));
  out.moves(moves.filter(({ to }) => to >= 0));
}

/** The function's parameters, from where the caller put them. `data`: their locations. */
export const PARAMETERS: Kind = {
  name: 'params',
  emit(out, inst) {
    const from = inst.data as readonly number[];
    const moves = inst.defAt.map((to, i) => ({ to, from: from[i] as number }));
    out.moves(moves.filter(({ to }) => to >= 0));
  },
};
