import type { FunctionEmitter } from './emit.ts';
import { type AluForms, Cc, type Form, form, SETCC, TEST } from './forms.ts';
import { aluImmediate } from './kinds-integer.ts';
import { type Inst, type Kind, SLOT } from './machine.ts';

const AND_BYTE = form('and r8, r/m8');
const OR_BYTE = form('or r8, r/m8');
const TEST_BYTE = form('test r/m8, imm8');

/**
 * A comparison that sets the flags, as part of an instruction that then branches, selects or sets
 * a register by them. Its operands come first among the instruction's uses: `values` of them, then
 * those of the address, if it has one.
 */
export interface Comparison {
  /**
   * rm: uses[0] with uses[1] or memory; mi: uses[0] or memory with `imm`;
   * mr: memory with uses[0]; self: uses[0] with itself (or, in a slot, with 0).
   */
  readonly shape: 'rm' | 'mi' | 'mr' | 'self';
  readonly form: Form | undefined;
  readonly forms: AluForms | undefined;
  readonly imm: number;
  readonly cc: number;
  /** Floats: what the parity flag (unordered) adds to the condition. */
  readonly parity: 'none' | 'and-ordered' | 'or-unordered';
}

/** Compares, leaving the answer in the flags. No move between it and their use changes them. */
export function emitComparison(out: FunctionEmitter, inst: Inst, c: Comparison): void {
  const [a, b] = [inst.useAt[0], inst.useAt[1]] as [number, number];
  const forms = c.forms as AluForms;
  switch (c.shape) {
    case 'rm': {
      const form = c.form ?? forms.rm;
      if (inst.address) out.address(form, a, inst);
      else out.source(form, a, b);
      return;
    }
    case 'mr':
      out.address(forms.mr, a, inst);
      return;
    case 'self':
      if (a < SLOT) {
        if (!out.flags.areOfTest(a, forms.mr, c.cc)) out.asm.rr(forms.mr, a, a);
      } else {
        const long = forms.long;
        out.operand(long, a);
        out.immediate(long, c.imm);
      }
      return;
    default:
      if (inst.address) {
        const form = isShort(c.imm, forms) ? forms.short : forms.long;
        out.address(form, form.digit, inst);
        out.immediate(form, c.imm);
      } else if (
        a < SLOT &&
        (forms === TEST[32] || forms === TEST[64]) &&
        c.imm >= 0 &&
        c.imm <= 0x7f
      ) {
        // `test` has no short immediate; bits of the low byte are as well tested in it.
        out.asm.ri(TEST_BYTE, a, c.imm);
      } else if (a < SLOT) {
        aluImmediate(out, forms, a, c.imm);
      } else {
        const form = isShort(c.imm, forms) ? forms.short : forms.long;
        out.operand(form, a);
        out.immediate(form, c.imm);
      }
  }
}

function isShort(imm: number, { short }: AluForms): boolean {
  return imm >= -128 && imm <= 127 && short.immediate === 1;
}

/** def = 0 or 1. `data`: Comparison. Uses are late, so that def can be cleared first. */
export const SET_CONDITION: Kind = {
  name: 'setcc',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    const c = inst.data as Comparison;
    out.clear(d);
    emitComparison(out, inst, c);
    out.asm.r(SETCC[c.cc] as Form, d);
    if (c.parity !== 'none') {
      const t = inst.tempAt[0] as number;
      const and = c.parity === 'and-ordered';
      out.asm.r(SETCC[and ? Cc.NP : Cc.P] as Form, t);
      out.asm.rr(and ? AND_BYTE : OR_BYTE, d, t);
    }
  },
};

export interface CarryData {
  readonly comparison: Comparison;
  /** Position in uses of what is added to. */
  readonly position: number;
  /** adc or sbb, and its immediate. */
  readonly forms: AluForms;
  readonly imm: number;
}

/** def = uses[position], with an immediate and the carry of a comparison added or subtracted. */
export const ADD_CARRY: Kind = {
  name: 'add-carry',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    const { comparison, position, forms, imm } = inst.data as CarryData;
    emitComparison(out, inst, comparison);
    out.move(d, inst.useAt[position] as number);
    aluImmediate(out, forms, d, imm);
  },
};

export interface SelectData {
  readonly comparison: Comparison;
  /** Positions in uses of the values chosen if the condition holds and if not. */
  readonly yes: number;
  readonly no: number;
  readonly cmov: readonly Form[];
}

/** def = uses[yes] (late) or uses[no], by a comparison. */
export const SELECT: Kind = {
  name: 'select',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    const { comparison, yes, no, cmov } = inst.data as SelectData;
    const [y, n] = [inst.useAt[yes], inst.useAt[no]] as [number, number];
    emitComparison(out, inst, comparison);
    if (comparison.parity === 'and-ordered') {
      // Chosen only if equal and ordered: start from `yes`, and take `no` on either opposite.
      out.move(d, y);
      out.source(cmov[comparison.cc ^ 1] as Form, d, n);
      out.source(cmov[Cc.P] as Form, d, n);
      return;
    }
    out.move(d, n);
    out.source(cmov[comparison.cc] as Form, d, y);
    if (comparison.parity === 'or-unordered') out.source(cmov[Cc.P] as Form, d, y);
  },
};

/** The same for floats, which have no conditional move: a branch over a move. */
export const SELECT_FLOAT: Kind = {
  name: 'select-float',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    const { comparison, yes, no } = inst.data as SelectData;
    const [y, n] = [inst.useAt[yes], inst.useAt[no]] as [number, number];
    const { asm } = out;
    const done = asm.label();
    emitComparison(out, inst, comparison);
    if (comparison.parity === 'and-ordered') {
      const other = asm.label();
      asm.jcc(Cc.P, other);
      out.move(d, y);
      asm.jcc(comparison.cc, done);
      asm.bind(other);
      out.move(d, n);
      asm.bind(done);
      return;
    }
    out.move(d, y);
    asm.jcc(comparison.cc, done);
    if (comparison.parity === 'or-unordered') asm.jcc(Cc.P, done);
    out.move(d, n);
    asm.bind(done);
  },
};
