import type { FunctionEmitter } from './emit.ts';
import {
  type AluForms,
  type Form,
  IMUL_IMM,
  IMUL_SHORT,
  LEA,
  type ShiftForms,
  type Width,
} from './forms.ts';
import { type Inst, type Kind, SLOT } from './machine.ts';
import { RAX, RCX, RDX } from './operand.ts';

const NO_REGISTER = -1;

/**
 * def = uses[0] op (uses[1] or memory), in the machine's two-address form. `form`: op r, r/m.
 * The second operand, and those of an address, are late uses.
 */
export const ALU: Kind = { name: 'alu', emit: emitAlu };

/** The same where the operands may be exchanged: both are early uses, an address's late. */
export const ALU_COMMUTATIVE: Kind = { name: 'alu', emit: emitCommutative };

/** An addition, which may be done by `lea`. `form`: add r, r/m. `imm`: the width. */
export const ADD_REGISTERS: Kind = {
  name: 'add',
  emit(out, inst) {
    const [d, a, b] = [inst.defAt[0], inst.useAt[0], inst.useAt[1]] as [number, number, number];
    if (inst.address || d === a || d === b || a >= SLOT || b >= SLOT) {
      emitCommutative(out, inst);
    } else {
      out.asm.rm(LEA[inst.imm as Width], d, a, b, 1, 0);
    }
  },
};

/** def = uses[0] op imm. `data`: AluForms. */
export const ALU_IMMEDIATE: Kind = {
  name: 'alu-imm',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    out.move(d, inst.useAt[0] as number);
    aluImmediate(out, inst.data as AluForms, d, inst.imm);
  },
};

/** def = uses[0] + imm, by `lea` where it saves a move. `data`: AluForms. */
export const ADD_IMMEDIATE: Kind = {
  name: 'add-imm',
  emit(out, inst) {
    const [d, a] = [inst.defAt[0], inst.useAt[0]] as [number, number];
    const { rm } = inst.data as AluForms;
    if (d !== a && a < SLOT) {
      out.asm.rm(rm.rexW ? LEA[64] : LEA[32], d, a, NO_REGISTER, 1, inst.imm);
    } else {
      out.move(d, a);
      aluImmediate(out, inst.data as AluForms, d, inst.imm);
    }
  },
};

/** def = address, without an access. `form`: lea. */
export const LEA_ADDRESS: Kind = {
  name: 'lea',
  emit(out, inst) {
    out.address(inst.form as Form, inst.defAt[0] as number, inst);
  },
};

/** def = uses[0] * imm. `imm`: the factor; `form`: the register form, for its width. */
export const MULTIPLY_IMMEDIATE: Kind = {
  name: 'imul-imm',
  emit(out, inst) {
    const width = (inst.form as Form).rexW ? 64 : 32;
    const short = inst.imm >= -128 && inst.imm <= 127;
    const form = short ? IMUL_SHORT[width] : IMUL_IMM[width];
    out.source(form, inst.defAt[0] as number, inst.useAt[0] as number);
    out.immediate(form, inst.imm);
  },
};

/** def = op(uses[0] or memory). `form`: op r, r/m. */
export const UNARY: Kind = {
  name: 'unary',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    if (inst.address) out.address(inst.form as Form, d, inst);
    else out.source(inst.form as Form, d, inst.useAt[0] as number);
  },
};

/** The same where the processor waits for the old value of the result: cleared first (lzcnt, popcnt). */
export const UNARY_INDEPENDENT: Kind = {
  name: 'unary',
  emit(out, inst) {
    const [d, a] = [inst.defAt[0], inst.useAt[0]] as [number, number];
    if (d !== a) out.clear(d);
    out.source(inst.form as Form, d, a);
  },
};

/** def = op(uses[0]) in place. `form`: op r/m. */
export const UNARY_IN_PLACE: Kind = {
  name: 'in-place',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    out.move(d, inst.useAt[0] as number);
    out.asm.r(inst.form as Form, d);
    out.flags.note(d, inst.form as Form);
  },
};

/** def = uses[0] shifted by imm. `data`: ShiftForms. */
export const SHIFT_IMMEDIATE: Kind = {
  name: 'shift-imm',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    const { imm, one } = inst.data as ShiftForms;
    out.move(d, inst.useAt[0] as number);
    if (inst.imm === 1) out.asm.r(one, d);
    else out.asm.ri(imm, d, inst.imm);
    if (inst.imm > 0) out.flags.note(d, imm);
  },
};

/** def = uses[0] shifted by uses[1], which goes into CL; def is early. `data`: ShiftForms. */
export const SHIFT_BY_CL: Kind = {
  name: 'shift-cl',
  emit(out, inst) {
    const [d, a, n] = [inst.defAt[0], inst.useAt[0], inst.useAt[1]] as [number, number, number];
    out.moves([
      { to: d, from: a },
      { to: RCX, from: n },
    ]);
    out.asm.r((inst.data as ShiftForms).cl, d);
  },
};

/** def = uses[0] op uses[1], with BMI's three operands: `form`'s r/m, and what VEX has beside it. */
export const THREE_REGISTERS: Kind = {
  name: 'bmi',
  emit(out, inst) {
    const [d, a, n] = [inst.defAt[0], inst.useAt[0], inst.useAt[1]] as [number, number, number];
    out.asm.rrr(inst.form as Form, d, n, a);
    out.flags.note(d, inst.form as Form);
  },
};

/** def = uses[0] rotated right by imm, with BMI2. `form`: rorx r, r/m, imm8. */
export const ROTATE_IMMEDIATE: Kind = {
  name: 'rorx',
  emit(out, inst) {
    out.source(inst.form as Form, inst.defAt[0] as number, inst.useAt[0] as number);
    out.immediate(inst.form as Form, inst.imm);
  },
};

/** What a bit scan does for zero. */
export interface ScanData {
  readonly scan: Form;
  readonly cmov: Form;
  /** Result of the scan that stands for zero, and what the result is XORed with. */
  readonly zero: number;
  readonly flip: Form | undefined;
}

/** clz and ctz by `bsr` and `bsf`, which leave their result undefined for zero. temps[0]: the scan's. */
export const BIT_SCAN: Kind = {
  name: 'scan',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    const t = inst.tempAt[0] as number;
    const { scan, cmov, zero, flip } = inst.data as ScanData;
    out.loadNumber(d, zero);
    out.source(scan, t, inst.useAt[0] as number);
    out.asm.rr(cmov, d, t);
    if (flip) out.asm.ri(flip, d, inst.imm);
  },
};

export interface DivisionData {
  readonly width: Width;
  readonly signed: boolean;
  readonly remainder: boolean;
  /** The divisor's tests that are needed. */
  readonly mayBeZero: boolean;
  readonly mayBeMinusOne: boolean;
  readonly divide: Form;
  readonly test: AluForms;
  readonly compare: AluForms;
  readonly negate: Form;
  readonly extend: Form;
}

/** def = uses[0] divided by uses[1] (late), in RAX and RDX, which it clobbers. */
export const DIVIDE: Kind = { name: 'divide', emit: emitDivide };

function emitAlu(out: FunctionEmitter, inst: Inst): void {
  const [d, a] = [inst.defAt[0], inst.useAt[0]] as [number, number];
  out.move(d, a);
  if (inst.address) out.address(inst.form as Form, d, inst);
  else out.source(inst.form as Form, d, inst.useAt[1] as number);
  out.flags.note(d, inst.form as Form);
}

function emitCommutative(out: FunctionEmitter, inst: Inst): void {
  if (inst.address) {
    emitAlu(out, inst);
    return;
  }
  const [d, a, b] = [inst.defAt[0], inst.useAt[0], inst.useAt[1]] as [number, number, number];
  const swap = b === d || (a >= SLOT && b < SLOT && a !== d);
  out.move(d, swap ? b : a);
  out.source(inst.form as Form, d, swap ? a : b);
  out.flags.note(d, inst.form as Form);
}

/** op register, imm in its shortest form. */
export function aluImmediate(
  out: FunctionEmitter,
  { short, long }: AluForms,
  register: number,
  imm: number,
): void {
  const form = imm >= -128 && imm <= 127 && short.immediate === 1 ? short : long;
  out.asm.ri(form, register, imm);
  out.flags.note(register, form);
}

function emitDivide(out: FunctionEmitter, inst: Inst): void {
  const data = inst.data as DivisionData;
  const { asm } = out;
  const [a, b] = inst.useAt as [number, number];
  const done = asm.label();
  out.move(RAX, a);
  if (data.mayBeZero) {
    compareZero(out, data, b);
    asm.jcc(4, out.trap('integer divide by zero', inst.offset));
  }
  if (data.signed) {
    if (data.mayBeMinusOne) {
      const ordinary = asm.label();
      compareImmediate(out, data.compare, b, -1);
      asm.jcc(5, ordinary);
      if (data.remainder) {
        out.clear(RDX);
      } else {
        asm.r(data.negate, RAX);
        asm.jcc(0, out.trap('integer overflow', inst.offset));
      }
      asm.jmp(done);
      asm.bind(ordinary);
    }
    asm.none(data.extend);
  } else {
    out.clear(RDX);
  }
  out.operand(data.divide, b);
  asm.bind(done);
  const d = inst.defAt[0] as number;
  if (d !== undefined && d >= 0) out.move(d, data.remainder ? RDX : RAX);
}

function compareZero(out: FunctionEmitter, data: DivisionData, b: number): void {
  if (b < SLOT) out.asm.rr(data.test.mr, b, b);
  else compareImmediate(out, data.compare, b, 0);
}

function compareImmediate(out: FunctionEmitter, forms: AluForms, b: number, imm: number): void {
  out.operand(forms.short, b);
  out.immediate(forms.short, imm);
}
