import { Ir, type Value } from '../ir/value.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { type Form, form } from './forms.ts';
import {
  CONVERT_U64,
  COPYSIGN,
  FLOAT,
  MIN_MAX,
  type MinMaxData,
  REINTERPRET,
  ROUND_BASELINE,
  type RoundData,
} from './kinds-float.ts';
import { LOAD_CONSTANT } from './kinds-move.ts';
import { TRUNCATE, type TruncateData } from './kinds-truncate.ts';
import { XMM_BINARY, XMM_COMMUTATIVE, XMM_SCALAR } from './kinds-xmm.ts';
import { type Kind, Use } from './machine.ts';
import { memoryOperand, symbolOperand } from './select-address.ts';
import { constantBits, type Rule, type Selector } from './selector.ts';
import { constantsSymbol } from './symbols.ts';

type Width = 32 | 64;

function arithmetic(name: string, width: Width, isCommutative: boolean): Rule {
  const suffix = width === 64 ? `sd xmm, xmm/m64` : `ss xmm, xmm/m32`;
  const rm = form(`${name}${suffix}`);
  const kind = isCommutative ? XMM_COMMUTATIVE : XMM_BINARY;
  return (s, value) => {
    const [a, b] = value.args as [Value, Value];
    if (isFoldable(s, b, width)) withMemory(s, value, rm, kind, a, b, width);
    else if (isCommutative && isFoldable(s, a, width)) {
      withMemory(s, value, rm, kind, b, a, width);
    } else {
      const inst = s.inst(kind, rm);
      inst.defs = [s.def(value)];
      inst.uses = [s.use(a, Use.ANY), s.use(b, isCommutative || s.target.avx ? Use.ANY : Use.LATE)];
      s.emit(inst);
    }
  };
}

/** Whether the operand can be read from memory by the instruction: a constant, or a load of its width. */
function isFoldable(s: Selector, value: Value, width: Width): boolean {
  if (value.op === Op.F32_CONST || value.op === Op.F64_CONST) return true;
  return s.canFoldLoad(value, width === 64 ? Op.F64_LOAD : Op.F32_LOAD);
}

function withMemory(
  s: Selector,
  value: Value,
  rm: Form,
  kind: Kind,
  a: Value,
  b: Value,
  width: Width,
): void {
  const inst = s.inst(kind, rm);
  inst.defs = [s.def(value)];
  const uses = [s.use(a, Use.ANY)];
  if (b.op === Op.F32_CONST || b.op === Op.F64_CONST) {
    const bits = width === 64 ? b.bits : BigInt(b.imm >>> 0);
    inst.address = constantAt(s, bits, width === 64 ? 8 : 4);
  } else {
    s.fold(b);
    inst.address = memoryOperand(s, b.args[0] as Value, b.imm, uses, Use.LATE_REGISTER);
  }
  inst.uses = uses;
  s.emit(inst);
}

function constantAt(s: Selector, bits: bigint, size: 4 | 8 | 16) {
  return symbolOperand(constantsSymbol(s.context), s.constants.offsetOf(bits, size));
}

/** abs and neg: the sign bit cleared or flipped, by a 128-bit constant (never a folded load). */
function signBit(name: string, mask: bigint): Rule {
  const rm = form(`${name} xmm, xmm/m128`);
  return (s, value) => {
    const inst = s.inst(XMM_BINARY, rm);
    inst.defs = [s.def(value)];
    inst.uses = [s.use(value.args[0] as Value, Use.ANY)];
    inst.address = constantAt(s, mask, 16);
    s.emit(inst);
  };
}

function unary(rm: Form, load: number): Rule {
  return (s, value) => {
    const a = value.args[0] as Value;
    const inst = s.inst(XMM_SCALAR, rm);
    inst.defs = [s.def(value)];
    if (s.canFoldLoad(a, load)) {
      s.fold(a);
      const uses: number[] = [];
      inst.address = memoryOperand(s, a.args[0] as Value, a.imm, uses);
      inst.uses = uses;
    } else {
      inst.uses = [s.use(a, Use.ANY)];
    }
    s.emit(inst);
  };
}

/** Modes of roundss and roundsd, precision exceptions suppressed. */
const ROUNDING = { nearest: 8, floor: 9, ceil: 10, trunc: 11 } as const;

function round(mode: RoundData['mode'], width: Width): Rule {
  return (s, value) => {
    const a = value.args[0] as Value;
    const forms = FLOAT[width];
    if (s.target.v2) {
      const inst = s.inst(XMM_SCALAR, forms.round);
      inst.defs = [s.def(value)];
      inst.uses = [s.use(a, Use.ANY)];
      inst.imm = ROUNDING[mode];
      s.emit(inst);
      return;
    }
    const inst = s.inst(ROUND_BASELINE);
    inst.defs = [s.def(value)];
    inst.uses = [s.use(a, Use.LATE_REGISTER)];
    inst.earlyDef = true;
    inst.temps = [s.newRegister(true), s.newRegister(true)];
    inst.data = { forms, mode } satisfies RoundData;
    s.emit(inst);
  };
}

function minMax(isMax: boolean, width: Width): Rule {
  return (s, value) => {
    const [a, b] = value.args as [Value, Value];
    const inst = s.inst(MIN_MAX);
    inst.defs = [s.def(value)];
    inst.uses = s.target.avx
      ? [s.use(a, Use.REGISTER), s.use(b, Use.ANY)]
      : [s.use(a, Use.ANY), s.use(b, Use.LATE_REGISTER)];
    inst.data = { forms: FLOAT[width], isMax } satisfies MinMaxData;
    s.emit(inst);
  };
}

function copySign(width: Width): Rule {
  return (s, value) => {
    const [a, b] = value.args as [Value, Value];
    const inst = s.inst(COPYSIGN);
    inst.defs = [s.def(value)];
    inst.uses = [s.use(a, Use.ANY), s.use(b, Use.ANY)];
    inst.temps = [s.newRegister(true)];
    inst.data = FLOAT[width];
    s.emit(inst);
  };
}

function truncate(from: Width, to: Width, signed: boolean, saturating: boolean): Rule {
  return (s, value) => {
    const inst = s.inst(TRUNCATE);
    inst.defs = [s.def(value) < 0 ? s.newRegister() : s.def(value)];
    inst.uses = [s.use(value.args[0] as Value, Use.REGISTER)];
    inst.data = { forms: FLOAT[from], width: to, signed, saturating } satisfies TruncateData;
    s.emit(inst);
  };
}

/** Unsigned i32 are zero-extended in their registers: as i64 they are converted like signed ones. */
function convert(to: Width, from: Width, signed: boolean): Rule {
  return (s, value) => {
    const a = value.args[0] as Value;
    if (!signed && from === 64) {
      const inst = s.inst(CONVERT_U64);
      inst.defs = [s.def(value)];
      inst.uses = [s.use(a, Use.LATE_REGISTER)];
      inst.temps = [s.newRegister()];
      inst.data = FLOAT[to];
      s.emit(inst);
      return;
    }
    const inst = s.inst(XMM_SCALAR, FLOAT[to].convert[signed ? from : 64]);
    inst.defs = [s.def(value)];
    inst.uses = [signed && from === 32 ? s.use32(a, Use.ANY) : s.use(a, Use.ANY)];
    s.emit(inst);
  };
}

function reinterpret(rm: Form, reads32: boolean): Rule {
  return (s, value) => {
    const a = value.args[0] as Value;
    const isToFloat = value.type === Type.F32 || value.type === Type.F64;
    const inst = s.inst(REINTERPRET, rm);
    inst.defs = [s.def(value)];
    const kind = isToFloat ? Use.ANY : Use.REGISTER;
    inst.uses = [isToFloat && reads32 ? s.use32(a, kind) : s.use(a, kind)];
    s.emit(inst);
  };
}

const kept: Rule = (s, value) => {
  const constant = value.args[0] as Value;
  const inst = s.inst(LOAD_CONSTANT);
  inst.defs = [s.def(value)];
  inst.data = { type: constant.type, bits: constantBits(constant) };
  s.emit(inst);
};

const ALL32 = 0x8000_0000n;
const ALL64 = 0x8000_0000_0000_0000n;

export const FLOAT_RULES: [number, Rule][] = [
  [Ir.KEPT, kept],
  [Op.F32_ADD, arithmetic('add', 32, true)],
  [Op.F32_SUB, arithmetic('sub', 32, false)],
  [Op.F32_MUL, arithmetic('mul', 32, true)],
  [Op.F32_DIV, arithmetic('div', 32, false)],
  [Op.F64_ADD, arithmetic('add', 64, true)],
  [Op.F64_SUB, arithmetic('sub', 64, false)],
  [Op.F64_MUL, arithmetic('mul', 64, true)],
  [Op.F64_DIV, arithmetic('div', 64, false)],
  [Op.F32_ABS, signBit('andps', ALL32 - 1n)],
  [Op.F32_NEG, signBit('xorps', ALL32)],
  [Op.F64_ABS, signBit('andps', ALL64 - 1n)],
  [Op.F64_NEG, signBit('xorps', ALL64)],
  [Op.F32_SQRT, unary(form('sqrtss xmm, xmm/m32'), Op.F32_LOAD)],
  [Op.F64_SQRT, unary(form('sqrtsd xmm, xmm/m64'), Op.F64_LOAD)],
  [Op.F32_DEMOTE_F64, unary(form('cvtsd2ss xmm, xmm/m64'), Op.F64_LOAD)],
  [Op.F64_PROMOTE_F32, unary(form('cvtss2sd xmm, xmm/m32'), Op.F32_LOAD)],
  [Op.F32_CEIL, round('ceil', 32)],
  [Op.F32_FLOOR, round('floor', 32)],
  [Op.F32_TRUNC, round('trunc', 32)],
  [Op.F32_NEAREST, round('nearest', 32)],
  [Op.F64_CEIL, round('ceil', 64)],
  [Op.F64_FLOOR, round('floor', 64)],
  [Op.F64_TRUNC, round('trunc', 64)],
  [Op.F64_NEAREST, round('nearest', 64)],
  [Op.F32_MIN, minMax(false, 32)],
  [Op.F32_MAX, minMax(true, 32)],
  [Op.F64_MIN, minMax(false, 64)],
  [Op.F64_MAX, minMax(true, 64)],
  [Op.F32_COPYSIGN, copySign(32)],
  [Op.F64_COPYSIGN, copySign(64)],
  [Op.I32_TRUNC_F32_S, truncate(32, 32, true, false)],
  [Op.I32_TRUNC_F32_U, truncate(32, 32, false, false)],
  [Op.I32_TRUNC_F64_S, truncate(64, 32, true, false)],
  [Op.I32_TRUNC_F64_U, truncate(64, 32, false, false)],
  [Op.I64_TRUNC_F32_S, truncate(32, 64, true, false)],
  [Op.I64_TRUNC_F32_U, truncate(32, 64, false, false)],
  [Op.I64_TRUNC_F64_S, truncate(64, 64, true, false)],
  [Op.I64_TRUNC_F64_U, truncate(64, 64, false, false)],
  [Op.I32_TRUNC_SAT_F32_S, truncate(32, 32, true, true)],
  [Op.I32_TRUNC_SAT_F32_U, truncate(32, 32, false, true)],
  [Op.I32_TRUNC_SAT_F64_S, truncate(64, 32, true, true)],
  [Op.I32_TRUNC_SAT_F64_U, truncate(64, 32, false, true)],
  [Op.I64_TRUNC_SAT_F32_S, truncate(32, 64, true, true)],
  [Op.I64_TRUNC_SAT_F32_U, truncate(32, 64, false, true)],
  [Op.I64_TRUNC_SAT_F64_S, truncate(64, 64, true, true)],
  [Op.I64_TRUNC_SAT_F64_U, truncate(64, 64, false, true)],
  [Op.F32_CONVERT_I32_S, convert(32, 32, true)],
  [Op.F32_CONVERT_I32_U, convert(32, 32, false)],
  [Op.F32_CONVERT_I64_S, convert(32, 64, true)],
  [Op.F32_CONVERT_I64_U, convert(32, 64, false)],
  [Op.F64_CONVERT_I32_S, convert(64, 32, true)],
  [Op.F64_CONVERT_I32_U, convert(64, 32, false)],
  [Op.F64_CONVERT_I64_S, convert(64, 64, true)],
  [Op.F64_CONVERT_I64_U, convert(64, 64, false)],
  [Op.I32_REINTERPRET_F32, reinterpret(form('movd r/m32, xmm'), true)],
  [Op.I64_REINTERPRET_F64, reinterpret(form('movq r/m64, xmm'), false)],
  [Op.F32_REINTERPRET_I32, reinterpret(form('movd xmm, r/m32'), true)],
  [Op.F64_REINTERPRET_I64, reinterpret(form('movq xmm, r/m64'), false)],
];
