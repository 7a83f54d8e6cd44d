import type { FunctionEmitter } from './emit.ts';
import { Cc, type Form, form, MOVAPS } from './forms.ts';
import { clear } from './kinds-xmm.ts';
import { type Kind, SCRATCH, SCRATCH_XMM, XMM } from './machine.ts';

/** The rows of the float operations at one width, and bit patterns of that width. */
export interface FloatForms {
  readonly bytes: 4 | 8;
  readonly add: Form;
  readonly sub: Form;
  readonly min: Form;
  readonly max: Form;
  readonly compare: Form;
  readonly lessThan: Form;
  readonly round: Form;
  readonly truncate: { readonly 32: Form; readonly 64: Form };
  readonly convert: { readonly 32: Form; readonly 64: Form };
  readonly sign: bigint;
  readonly one: bigint;
  /** From here on every number is an integer: 2^23 or 2^52. */
  readonly integral: bigint;
  /** 2^63 */
  readonly twoTo63: bigint;
  /** The largest number at or below which truncation does not fit an i32 any more. */
  readonly belowI32: bigint;
}

export const FLOAT: { readonly 32: FloatForms; readonly 64: FloatForms } = {
  32: {
    bytes: 4,
    add: form('addss xmm, xmm/m32'),
    sub: form('subss xmm, xmm/m32'),
    min: form('minss xmm, xmm/m32'),
    max: form('maxss xmm, xmm/m32'),
    compare: form('ucomiss xmm, xmm/m32'),
    lessThan: form('cmpss xmm, xmm/m32, imm8'),
    round: form('roundss xmm, xmm/m32, imm8'),
    truncate: { 32: form('cvttss2si r32, xmm/m32'), 64: form('cvttss2si r64, xmm/m32') },
    convert: { 32: form('cvtsi2ss xmm, r/m32'), 64: form('cvtsi2ss xmm, r/m64') },
    sign: 0x8000_0000n,
    one: 0x3f80_0000n,
    integral: 0x4b00_0000n,
    twoTo63: 0x5f00_0000n,
    belowI32: 0xcf00_0001n,
  },
  64: {
    bytes: 8,
    add: form('addsd xmm, xmm/m64'),
    sub: form('subsd xmm, xmm/m64'),
    min: form('minsd xmm, xmm/m64'),
    max: form('maxsd xmm, xmm/m64'),
    compare: form('ucomisd xmm, xmm/m64'),
    lessThan: form('cmpsd xmm, xmm/m64, imm8'),
    round: form('roundsd xmm, xmm/m64, imm8'),
    truncate: { 32: form('cvttsd2si r32, xmm/m64'), 64: form('cvttsd2si r64, xmm/m64') },
    convert: { 32: form('cvtsi2sd xmm, r/m32'), 64: form('cvtsi2sd xmm, r/m64') },
    sign: 0x8000_0000_0000_0000n,
    one: 0x3ff0_0000_0000_0000n,
    integral: 0x4330_0000_0000_0000n,
    twoTo63: 0x43e0_0000_0000_0000n,
    belowI32: 0xc1e0_0000_0020_0000n,
  },
};

const ANDPS = form('andps xmm, xmm/m128');
const ORPS = form('orps xmm, xmm/m128');
const ANDNPS = form('andnps xmm, xmm/m128');
/** Predicate of cmpss and cmpsd. */
const LESS_THAN = 1;

/** Move between the register files. `form`: movd, movq. */
export const REINTERPRET: Kind = {
  name: 'reinterpret',
  emit(out, inst) {
    const [d, a] = [inst.defAt[0], inst.useAt[0]] as [number, number];
    // The row has the XMM register in ModRM.reg, on whichever side it stands.
    if (d >= XMM) out.source(inst.form as Form, d, a);
    else out.asm.rr(inst.form as Form, a - XMM, d);
  },
};

/** def = uses[0] with the sign of uses[1]. `data`: FloatForms; temps[0]: XMM. */
export const COPYSIGN: Kind = {
  name: 'copysign',
  emit(out, inst) {
    const { sign } = inst.data as FloatForms;
    const [d, t] = [inst.defAt[0], inst.tempAt[0]] as [number, number];
    const [a, b] = inst.useAt as [number, number];
    out.move(t, b);
    out.constantOperand(ANDPS, t, sign, 16);
    out.move(d, a);
    out.constantOperand(MOVAPS, SCRATCH_XMM, sign, 16);
    out.asm.rr(ANDNPS, SCRATCH_XMM & 15, d & 15);
    out.combine(ORPS, d, SCRATCH_XMM, t);
  },
};

export interface MinMaxData {
  readonly forms: FloatForms;
  readonly isMax: boolean;
}

/** def = min or max of uses[0] and uses[1], registers (without AVX the second is late), NaN and the signs of zero as Wasm has them. */
export const MIN_MAX: Kind = {
  name: 'minmax',
  emit(out, inst) {
    const { forms, isMax } = inst.data as MinMaxData;
    const { asm } = out;
    const d = inst.defAt[0] as number;
    const [a, b] = inst.useAt as [number, number];
    const special = asm.label();
    const done = asm.label();
    const left = out.target.avx ? a : d;
    out.move(left, a);
    out.source(forms.compare, left, b);
    asm.jcc(Cc.E, special);
    out.combine(isMax ? forms.max : forms.min, d, left, b);
    asm.bind(done);
    out.defer(() => {
      const unordered = asm.label();
      asm.bind(special);
      asm.jcc(Cc.P, unordered);
      out.combine(isMax ? ANDPS : ORPS, d, left, b);
      asm.jmp(done);
      asm.bind(unordered);
      out.combine(forms.add, d, left, b);
      asm.jmp(done);
    });
  },
};

export interface RoundData {
  readonly forms: FloatForms;
  readonly mode: 'ceil' | 'floor' | 'trunc' | 'nearest';
}

/**
 * def (early) = round(uses[0], a late register) without SSE4.1; temps: two XMM. Adding and
 * subtracting 2^52 (2^23) rounds to the nearest integer; one more or less corrects that.
 */
export const ROUND_BASELINE: Kind = {
  name: 'round-sse2',
  emit(out, inst) {
    const { forms, mode } = inst.data as RoundData;
    const { asm } = out;
    const d = inst.defAt[0] as number;
    const x = inst.useAt[0] as number;
    const [t, u] = inst.tempAt as [number, number];
    const { bytes, sign, integral } = forms;
    const as = asm.label();
    const done = asm.label();
    out.constantOperand(MOVAPS, t, sign - 1n, 16);
    asm.rr(ANDPS, t & 15, x & 15);
    out.constantOperand(forms.compare, t, integral, bytes);
    asm.jcc(Cc.AE, as);
    asm.jcc(Cc.P, as);
    out.move(d, t);
    out.constantOperand(forms.add, d, integral, bytes);
    out.constantOperand(forms.sub, d, integral, bytes);
    if (mode === 'trunc') correct(out, forms, t, d, u, forms.sub, d);
    out.constantOperand(MOVAPS, t, sign, 16);
    asm.rr(ANDPS, t & 15, x & 15);
    asm.rr(ORPS, d & 15, t & 15);
    if (mode === 'floor') correct(out, forms, x, d, u, forms.sub, d);
    if (mode === 'ceil') {
      correct(out, forms, d, x, u, forms.add, d);
      asm.rr(ORPS, d & 15, t & 15);
    }
    asm.bind(done);
    out.defer(() => {
      // An integer already; adding zero quiets a signaling NaN.
      asm.bind(as);
      out.move(d, x);
      clear(out, t);
      asm.rr(forms.add, d & 15, t & 15);
      asm.jmp(done);
    });
  },
};

/** to = to op 1 if low < high. */
function correct(
  out: FunctionEmitter,
  forms: FloatForms,
  low: number,
  high: number,
  mask: number,
  op: Form,
  to: number,
): void {
  out.move(mask, low);
  out.asm.rri(forms.lessThan, mask & 15, high & 15, LESS_THAN);
  out.constantOperand(MOVAPS, SCRATCH_XMM, forms.one, 16);
  out.asm.rr(ANDPS, mask & 15, SCRATCH_XMM & 15);
  out.asm.rr(op, to & 15, mask & 15);
}

const SHR1 = form('shr r/m64, 1');
const AND_IMM = form('and r/m32, simm8');
const OR64 = form('or r64, r/m64');
const TEST64 = form('test r/m64, r64');
const MOV64 = form('mov r64, r/m64');

/** def = float of the unsigned i64 in uses[0], a late register. temps[0]: general. `data`: FloatForms. */
export const CONVERT_U64: Kind = {
  name: 'convert-u64',
  emit(out, inst) {
    const { convert, add } = inst.data as FloatForms;
    const { asm } = out;
    const d = inst.defAt[0] as number;
    const a = inst.useAt[0] as number;
    const t = inst.tempAt[0] as number;
    const large = asm.label();
    const done = asm.label();
    clear(out, d);
    asm.rr(TEST64, a, a);
    asm.jcc(Cc.S, large);
    asm.rr(convert[64], d & 15, a);
    asm.bind(done);
    out.defer(() => {
      // Half of it, the bit lost kept as a sticky one so that rounding comes out the same.
      asm.bind(large);
      asm.rr(MOV64, SCRATCH, a);
      asm.rr(MOV64, t, a);
      asm.r(SHR1, SCRATCH);
      asm.ri(AND_IMM, t, 1);
      asm.rr(OR64, SCRATCH, t);
      asm.rr(convert[64], d & 15, SCRATCH);
      asm.rr(add, d & 15, d & 15);
      asm.jmp(done);
    });
  },
};
