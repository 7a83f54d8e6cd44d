import { type Form, form } from './forms.ts';
import { type Kind, XMM } from './machine.ts';

/** def = uses[0] op uses[1] with an immediate, in the machine's two-address form. */
export const VECTOR_IMMEDIATE: Kind = {
  name: 'vector-imm',
  emit(out, inst) {
    const row = inst.form as Form;
    const d = inst.defAt[0] as number;
    out.move(d, inst.useAt[0] as number);
    out.source(row, d, inst.useAt[1] as number);
    out.immediate(row, inst.imm);
  },
};

/** def = op(uses[0], immediate). */
export const VECTOR_UNARY_IMMEDIATE: Kind = {
  name: 'vector-unary-imm',
  emit(out, inst) {
    const row = inst.form as Form;
    out.source(row, inst.defAt[0] as number, inst.useAt[0] as number);
    out.immediate(row, inst.imm);
  },
};

/** def = uses[0] shifted by an immediate, in place. */
export const VECTOR_SHIFT_IMMEDIATE: Kind = {
  name: 'vector-shift',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    out.move(d, inst.useAt[0] as number);
    out.asm.ri(inst.form as Form, d - XMM, inst.imm);
  },
};

/** def = uses[0] op (uses[1] or a constant's symbol), with AVX's three operands; and an immediate, if any. */
export const VECTOR_THREE: Kind = {
  name: 'vector-three',
  emit(out, inst) {
    const row = inst.form as Form;
    const [d, a, b] = [inst.defAt[0], inst.useAt[0], inst.useAt[1]] as [number, number, number];
    const { symbol, displacement } = inst.address ?? {};
    if (symbol === undefined) out.asm.rrr(row, d - XMM, a - XMM, b - XMM);
    else out.asm.rrmSymbol(row, d - XMM, a - XMM, symbol, displacement);
    if (row.immediate > 0) out.immediate(row, inst.imm);
  },
};

/** def = uses[0] shifted by an immediate, with AVX's operand for the result. */
export const VECTOR_SHIFT_THREE: Kind = {
  name: 'vector-shift-three',
  emit(out, inst) {
    const row = inst.form as Form;
    const [d, a] = [inst.defAt[0], inst.useAt[0]] as [number, number];
    out.asm.rrr(row, row.digit, d - XMM, a - XMM);
    out.immediate(row, inst.imm);
  },
};

const PEXTRB = form('pextrb r32/m8, xmm, imm8');

/** def, a general register, from the vector uses[0]. */
export const VECTOR_TO_INTEGER: Kind = {
  name: 'vector-to-integer',
  emit(out, inst) {
    const row = inst.form as Form;
    const d = inst.defAt[0] as number;
    const a = (inst.useAt[0] as number) - XMM;
    const isFirst = row.instruction.operands[0]?.place === 'reg';
    if (row === PEXTRB || !isFirst) out.asm.rr(row, a, d);
    else out.asm.rr(row, d, a);
    if (row.immediate > 0) out.immediate(row, inst.imm);
  },
};
