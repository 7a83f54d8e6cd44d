import type { FunctionEmitter } from './emit.ts';
import { type Form, XORPS } from './forms.ts';
import { type Inst, type Kind, SLOT, XMM } from './machine.ts';

/**
 * def = uses[0] op (uses[1] or memory), and an immediate if the form has one. `form`: op xmm, xmm/m.
 * Without AVX the second operand is a late use.
 */
export const XMM_BINARY: Kind = {
  name: 'xmm',
  emit(out, inst) {
    const right = inst.address ? inst : (inst.useAt[1] as number);
    combine(out, inst, inst.useAt[0] as number, right);
  },
};

/** The same where the operands may be exchanged: both are early uses. */
export const XMM_COMMUTATIVE: Kind = {
  name: 'xmm',
  emit(out, inst) {
    const [d, a, b] = [inst.defAt[0], inst.useAt[0], inst.useAt[1]] as [number, number, number];
    if (inst.address) combine(out, inst, a, inst);
    else if (out.target.avx ? a >= SLOT : b === d || (a >= SLOT && b < SLOT && a !== d)) {
      combine(out, inst, b, a);
    } else combine(out, inst, a, b);
  },
};

/** def = op(uses[0] or memory), and an immediate if the form has one. */
export const XMM_UNARY: Kind = {
  name: 'xmm-unary',
  emit(out, inst) {
    const form = inst.form as Form;
    const d = inst.defAt[0] as number;
    if (inst.address) out.address(form, d, inst);
    else out.source(form, d, inst.useAt[0] as number);
    if (form.immediate > 0) out.immediate(form, inst.imm);
  },
};

/** The same for forms that keep part of another register: one that is ready, and soon is the result's. */
export const XMM_SCALAR: Kind = {
  name: 'xmm-scalar',
  emit(out, inst) {
    const form = inst.form as Form;
    const d = inst.defAt[0] as number;
    const a = inst.address ? undefined : (inst.useAt[0] as number);
    const isReady = a !== undefined && (a === d || (out.target.avx && a < SLOT && a >= XMM));
    if (!isReady) clear(out, d);
    if (a === undefined) out.address(form, d, inst);
    else out.source(form, d, a, isReady ? a : d);
    if (form.immediate > 0) out.immediate(form, inst.imm);
  },
};

function combine(out: FunctionEmitter, inst: Inst, left: number, right: number | Inst): void {
  const form = inst.form as Form;
  out.combine(form, inst.defAt[0] as number, left, right);
  if (form.immediate > 0) out.immediate(form, inst.imm);
}

/** Zero into an XMM register. */
export function clear(out: FunctionEmitter, register: number): void {
  if (register >= SLOT) throw new RangeError('a spill slot can not be cleared');
  out.asm.rr(XORPS, register & 15, register & 15);
}
