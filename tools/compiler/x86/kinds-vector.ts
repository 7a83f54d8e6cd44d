import { type Form, form } from './forms.ts';
import { type Kind, XMM } from './machine.ts';

/** def = uses[0] shifted by an immediate. */
export const VECTOR_SHIFT: Kind = {
  name: 'vector-shift',
  emit(out, inst) {
    const form = inst.form as Form;
    const [d, a] = [inst.defAt[0], inst.useAt[0]] as [number, number];
    if (out.target.avx) {
      // The result is VEX's operand.
      out.asm.rrr(form, form.digit, d - XMM, a - XMM);
      out.immediate(form, inst.imm);
    } else {
      out.move(d, a);
      out.asm.ri(form, d - XMM, inst.imm);
    }
  },
};

/** def = uses[0]: no code where they share a register. */
export const XMM_COPY: Kind = {
  name: 'xmm-copy',
  emit(out, inst) {
    out.move(inst.defAt[0] as number, inst.useAt[0] as number);
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

/** memory = lane `data` of uses[0]. `form`: op m, xmm, imm8. */
export const STORE_LANE: Kind = {
  name: 'store-lane',
  emit(out, inst) {
    const row = inst.form as Form;
    out.address(row, inst.useAt[0] as number, inst);
    out.immediate(row, inst.data as number);
  },
};
