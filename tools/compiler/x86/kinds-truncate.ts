import type { FunctionEmitter } from './emit.ts';
import { Cc, CMP, form, MOV, TEST, type Width, XORPS } from './forms.ts';
import type { FloatForms } from './kinds-float.ts';
import { type Inst, type Kind, SCRATCH, SCRATCH_XMM, XMM } from './machine.ts';
import type { Label } from './operand.ts';

export interface TruncateData {
  readonly forms: FloatForms;
  /** Of the integer. */
  readonly width: Width;
  readonly signed: boolean;
  readonly saturating: boolean;
}

const SHR_IMM = form('shr r/m64, imm8');
const BTC = form('btc r/m64, imm8');
const MOV_IMM64 = form('mov r64, imm64');

/**
 * def = integer of the float uses[0] (a register). The processor answers 80…00 for what does not
 * fit; only then is it found out, after the function's code, what to do about it.
 */
export const TRUNCATE: Kind = {
  name: 'truncate',
  emit(out, inst) {
    const data = inst.data as TruncateData;
    const d = inst.defAt[0] as number;
    const x = (inst.useAt[0] as number) - XMM;
    const done = out.asm.label();
    const special = out.asm.label();
    if (data.signed) signed(out, data, d, x, special);
    else if (data.width === 32) unsigned32(out, data, d, x, special);
    else unsigned64(out, data, d, x, special, done);
    out.asm.bind(done);
    out.defer(() => {
      out.asm.bind(special);
      if (data.saturating) saturate(out, data, d, x);
      else trap(out, data, inst, x, done);
      if (data.saturating) out.asm.jmp(done);
    });
  },
};

function signed(
  out: FunctionEmitter,
  { forms, width }: TruncateData,
  d: number,
  x: number,
  special: Label,
): void {
  out.asm.rr(forms.truncate[width], d, x);
  // Only 80…00 overflows when 1 is taken from it.
  out.asm.ri(CMP[width].short, d, 1);
  out.asm.jcc(Cc.O, special);
}

function unsigned32(
  out: FunctionEmitter,
  { forms }: TruncateData,
  d: number,
  x: number,
  special: Label,
): void {
  out.asm.rr(forms.truncate[64], d, x);
  out.asm.rr(MOV[64], SCRATCH, d);
  out.asm.ri(SHR_IMM, SCRATCH, 32);
  out.asm.jcc(Cc.NE, special);
}

function unsigned64(
  out: FunctionEmitter,
  { forms }: TruncateData,
  d: number,
  x: number,
  special: Label,
  done: Label,
): void {
  const { asm } = out;
  const large = asm.label();
  out.constantOperand(forms.compare, x, forms.twoTo63, forms.bytes);
  asm.jcc(Cc.AE, large);
  asm.rr(forms.truncate[64], d, x);
  asm.rr(TEST[64].mr, d, d);
  asm.jcc(Cc.S, special);
  out.defer(() => {
    asm.bind(large);
    out.move(SCRATCH_XMM, x + XMM);
    out.constantOperand(forms.sub, SCRATCH_XMM, forms.twoTo63, forms.bytes);
    asm.rr(forms.truncate[64], d, SCRATCH_XMM - XMM);
    asm.rr(TEST[64].mr, d, d);
    asm.jcc(Cc.S, special);
    asm.ri(BTC, d, 63);
    asm.jmp(done);
  });
}

/** NaN becomes 0, the rest the nearest end of the range. */
function saturate(
  out: FunctionEmitter,
  { forms, width, signed }: TruncateData,
  d: number,
  x: number,
): void {
  const { asm } = out;
  const positive = asm.label();
  const end = asm.label();
  asm.rr(XORPS, SCRATCH_XMM - XMM, SCRATCH_XMM - XMM);
  asm.rr(forms.compare, x, SCRATCH_XMM - XMM);
  asm.jcc(Cc.A, positive);
  if (signed) {
    // Below the range def holds the lowest integer already.
    asm.jcc(Cc.NP, end);
  }
  out.clear(d);
  asm.jmp(end);
  asm.bind(positive);
  const high = signed ? 0x7fff_ffff : -1;
  if (width === 32) out.loadNumber(d, high);
  else asm.ri64(MOV_IMM64, d, -1, high);
  asm.bind(end);
}

function trap(
  out: FunctionEmitter,
  { forms, width, signed }: TruncateData,
  inst: Inst,
  x: number,
  done: Label,
): void {
  const { asm } = out;
  asm.rr(forms.compare, x, x);
  asm.jcc(Cc.P, out.trap('invalid conversion to integer', inst.offset));
  if (signed) {
    // 80…00 may be the answer itself.
    const low = width === 64 ? forms.twoTo63 | forms.sign : forms.belowI32;
    out.constantOperand(forms.compare, x + XMM, low, forms.bytes);
    const overflow = out.trap('integer overflow', inst.offset);
    asm.jcc(width === 64 ? Cc.B : Cc.BE, overflow);
    asm.rr(XORPS, SCRATCH_XMM - XMM, SCRATCH_XMM - XMM);
    asm.rr(forms.compare, x, SCRATCH_XMM - XMM);
    asm.jcc(Cc.B, done);
  }
  out.trapHere('integer overflow', inst.offset);
}
