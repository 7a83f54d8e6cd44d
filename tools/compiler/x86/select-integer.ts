import { isConstant, type Value } from '../ir/value.ts';
import { Op } from '../wasm/opcodes.ts';
import {
  ADD,
  type AluForms,
  AND,
  Cc,
  CMOV,
  CMP,
  type Form,
  form,
  IMUL,
  LEA,
  MOV,
  MOVSX8,
  MOVSX16,
  MOVSXD,
  MOVZX8,
  MOVZX16,
  NEG,
  NOT,
  OR,
  ROL,
  ROR,
  SAR,
  SHL,
  SHR,
  type ShiftForms,
  SUB,
  TEST,
  type Width,
  XOR,
} from './forms.ts';
import {
  ADD_IMMEDIATE,
  ADD_REGISTERS,
  ALU,
  ALU_COMMUTATIVE,
  ALU_IMMEDIATE,
  BIT_SCAN,
  DIVIDE,
  type DivisionData,
  LEA_ADDRESS,
  MULTIPLY_IMMEDIATE,
  ROTATE_IMMEDIATE,
  type ScanData,
  SHIFT_BY_CL,
  SHIFT_IMMEDIATE,
  THREE_REGISTERS,
  UNARY,
  UNARY_IN_PLACE,
  UNARY_INDEPENDENT,
} from './kinds-integer.ts';
import { type Kind, Use } from './machine.ts';
import { RAX, RCX, RDX } from './operand.ts';
import { leaOperand, memoryOperand } from './select-address.ts';
import { selectWithCarry } from './select-carry.ts';
import { immediate, type Rule, type Selector, widthOf } from './selector.ts';

type ByWidth<T> = { readonly 32: T; readonly 64: T };

/** A use that reads as much as the operation's width. */
function operand(s: Selector, value: Value, width: Width, kind: number): number {
  return width === 64 ? s.use(value, kind) : s.use32(value, kind);
}

function loadOp(width: Width): number {
  return width === 64 ? Op.I64_LOAD : Op.I32_LOAD;
}

/** A two-operand operation, the second operand an immediate, memory or anything. */
function alu(forms: ByWidth<AluForms>, kind: Kind, immediateKind: Kind = ALU_IMMEDIATE): Rule {
  return (s, value) => {
    const width = widthOf(value.type);
    const [a, b] = value.args as [Value, Value];
    const imm = immediate(b);
    if (imm !== undefined) {
      const inst = s.inst(immediateKind);
      inst.defs = [s.def(value)];
      inst.uses = [operand(s, a, width, Use.ANY)];
      inst.data = forms[width];
      inst.imm = imm;
      s.emit(inst);
      return;
    }
    const isCommutative = kind !== ALU;
    if (s.canFoldLoad(b, loadOp(width))) {
      aluWithLoad(s, value, kind, forms[width].rm, a, b);
    } else if (isCommutative && s.canFoldLoad(a, loadOp(width))) {
      aluWithLoad(s, value, kind, forms[width].rm, b, a);
    } else {
      const inst = s.inst(kind, forms[width].rm);
      inst.imm = width;
      inst.defs = [s.def(value)];
      const second = isCommutative ? Use.ANY : Use.LATE;
      inst.uses = [operand(s, a, width, Use.ANY), operand(s, b, width, second)];
      s.emit(inst);
    }
  };
}

function aluWithLoad(
  s: Selector,
  value: Value,
  kind: Kind,
  rm: Form,
  other: Value,
  load: Value,
): void {
  const width = widthOf(value.type);
  s.fold(load);
  const inst = s.inst(kind, rm);
  inst.imm = width;
  inst.defs = [s.def(value)];
  const uses = [operand(s, other, width, Use.ANY)];
  inst.address = memoryOperand(s, load.args[0] as Value, load.imm, uses, Use.LATE_REGISTER);
  inst.uses = uses;
  s.emit(inst);
}

const plainAdd = alu(ADD, ADD_REGISTERS, ADD_IMMEDIATE);

/** With a carry, or x + y * 2^k + c as one `lea`; else an addition. */
const add: Rule = (s, value) => {
  if (selectWithCarry(s, value)) return;
  const parts = leaParts(value);
  if (!parts) {
    plainAdd(s, value);
    return;
  }
  const width = widthOf(value.type);
  const inst = s.inst(LEA_ADDRESS, LEA[width]);
  inst.defs = [s.def(value)];
  const uses: number[] = [];
  const place = (v: Value | undefined) =>
    v ? uses.push(operand(s, v, width, Use.REGISTER)) - 1 : -1;
  const base = place(parts.base);
  inst.address = leaOperand(base, place(parts.index), parts.scale, parts.displacement);
  inst.uses = uses;
  s.emit(inst);
};

interface LeaParts {
  base: Value | undefined;
  index: Value;
  scale: number;
  displacement: number;
}

/** The sum as an address with a scaled index or three parts; undefined if `add` does as well. */
function leaParts(value: Value): LeaParts | undefined {
  const [a, b] = value.args as [Value, Value];
  const displacement = immediate(b);
  if (displacement !== undefined) {
    const scaled = scaledBy(a);
    if (scaled) return { base: undefined, ...scaled, displacement };
    if (a.op !== value.op || a.uses > 1) return undefined;
    const [x, y] = a.args as [Value, Value];
    if (isConstant(y) || isConstant(x)) return undefined;
    return { ...withScale(x, y), displacement };
  }
  if (isConstant(a) || isConstant(b)) return undefined;
  const [x, y] = scaledBy(a) && !scaledBy(b) ? [b, a] : [a, b];
  const inner = x.op === value.op && x.uses === 1 ? immediate(x.args[1] as Value) : undefined;
  const base = inner === undefined ? x : (x.args[0] as Value);
  if (isConstant(base)) return undefined;
  const parts = { ...withScale(base, y), displacement: inner ?? 0 };
  return parts.scale === 1 && parts.displacement === 0 ? undefined : parts;
}

function withScale(x: Value, y: Value): { base: Value; index: Value; scale: number } {
  const second = scaledBy(y);
  if (second) return { base: x, ...second };
  const first = scaledBy(x);
  return first ? { base: y, ...first } : { base: x, index: y, scale: 1 };
}

/** value = index << 1, 2 or 3, and nobody else wants it. */
function scaledBy(value: Value): { index: Value; scale: number } | undefined {
  if ((value.op !== Op.I32_SHL && value.op !== Op.I64_SHL) || value.uses > 1) return undefined;
  const [index, amount] = value.args as [Value, Value];
  const shift = shiftAmount(amount, widthOf(value.type));
  if (shift === undefined || shift < 1 || shift > 3 || isConstant(index)) return undefined;
  return { index, scale: 1 << shift };
}

function shiftAmount(amount: Value, width: Width): number | undefined {
  if (amount.op === Op.I32_CONST) return amount.imm & (width - 1);
  if (amount.op === Op.I64_CONST) return Number(BigInt.asUintN(64, amount.bits) & 63n);
  return undefined;
}

const plainSub = alu(SUB, ALU);

const subtract: Rule = (s, value) => {
  const [a, b] = value.args as [Value, Value];
  if (selectWithCarry(s, value)) return;
  if (immediate(a) !== 0) {
    plainSub(s, value);
    return;
  }
  const width = widthOf(value.type);
  const inst = s.inst(UNARY_IN_PLACE, NEG[width]);
  inst.defs = [s.def(value)];
  inst.uses = [operand(s, b, width, Use.ANY)];
  s.emit(inst);
};

const plainMultiply = alu(
  both((w) => ({ rm: IMUL[w], mr: IMUL[w], short: IMUL[w], long: IMUL[w] })),
  ALU_COMMUTATIVE,
);

const multiply: Rule = (s, value) => {
  const width = widthOf(value.type);
  const [a, b] = value.args as [Value, Value];
  const imm = immediate(b);
  if (imm === undefined) {
    plainMultiply(s, value);
    return;
  }
  if (imm === 3 || imm === 5 || imm === 9) {
    const inst = s.inst(LEA_ADDRESS, LEA[width]);
    inst.defs = [s.def(value)];
    inst.uses = [operand(s, a, width, Use.REGISTER)];
    inst.address = leaOperand(0, 0, imm - 1, 0);
    s.emit(inst);
    return;
  }
  const inst = s.inst(MULTIPLY_IMMEDIATE, IMUL[width]);
  inst.defs = [s.def(value)];
  inst.uses = [operand(s, a, width, Use.ANY)];
  inst.imm = imm;
  s.emit(inst);
};

const plainAnd = alu(AND, ALU_COMMUTATIVE);

const and: Rule = (s, value) => {
  const [a, b] = value.args as [Value, Value];
  const imm = immediate(b);
  if (imm === 0xff || imm === 0xffff) {
    unary(s, value, imm === 0xff ? MOVZX8 : MOVZX16, s.use32(a, Use.ANY));
  } else if (s.target.v3 && isComplement(b)) {
    andComplement(s, value, a, b);
  } else if (s.target.v3 && isComplement(a)) {
    andComplement(s, value, b, a);
  } else {
    plainAnd(s, value);
  }
};

const ANDN = both((w) => form(`andn r${w}, r${w}, r/m${w}`));

/** Whether it is ~x for nobody else. */
function isComplement({ op, args, uses }: Value): boolean {
  return (
    (op === Op.I32_XOR || op === Op.I64_XOR) && uses === 1 && immediate(args[1] as Value) === -1
  );
}

/** a & ~x */
function andComplement(s: Selector, value: Value, a: Value, complement: Value): void {
  const width = widthOf(value.type);
  const inst = s.inst(THREE_REGISTERS, ANDN[width]);
  inst.defs = [s.def(value)];
  const x = complement.args[0] as Value;
  inst.uses = [operand(s, a, width, Use.REGISTER), operand(s, x, width, Use.REGISTER)];
  s.emit(inst);
}

const plainXor = alu(XOR, ALU_COMMUTATIVE);

const xor: Rule = (s, value) => {
  const width = widthOf(value.type);
  const [a, b] = value.args as [Value, Value];
  if (immediate(b) !== -1) {
    plainXor(s, value);
    return;
  }
  const inst = s.inst(UNARY_IN_PLACE, NOT[width]);
  inst.defs = [s.def(value)];
  inst.uses = [operand(s, a, width, Use.ANY)];
  s.emit(inst);
};

function unary(s: Selector, value: Value, rm: Form, use: number, kind: Kind = UNARY): void {
  const inst = s.inst(kind, rm);
  inst.defs = [s.def(value)];
  inst.uses = [use];
  s.emit(inst);
}

const shlx = both((w) => form(`shlx r${w}, r/m${w}, r${w}`));
const shrx = both((w) => form(`shrx r${w}, r/m${w}, r${w}`));
const sarx = both((w) => form(`sarx r${w}, r/m${w}, r${w}`));
const rorx = both((w) => form(`rorx r${w}, r/m${w}, imm8`));

function shift(forms: ByWidth<ShiftForms>, bmi2?: ByWidth<Form>): Rule {
  return (s, value) => {
    const width = widthOf(value.type);
    const [a, n] = value.args as [Value, Value];
    const amount = shiftAmount(n, width);
    if (amount !== undefined) {
      shiftImmediate(s, value, forms[width], a, amount);
    } else if (s.target.v3 && bmi2) {
      const inst = s.inst(THREE_REGISTERS, bmi2[width]);
      inst.defs = [s.def(value)];
      inst.uses = [operand(s, a, width, Use.REGISTER), s.use32(n, Use.REGISTER)];
      s.emit(inst);
    } else {
      const inst = s.inst(SHIFT_BY_CL);
      inst.defs = [s.def(value)];
      inst.uses = [operand(s, a, width, Use.ANY), s.use32(n, Use.ANY)];
      inst.useHints = [-1, RCX];
      inst.clobbers = 1 << RCX;
      inst.earlyDef = true;
      inst.data = forms[width];
      s.emit(inst);
    }
  };
}

function shiftImmediate(
  s: Selector,
  value: Value,
  forms: ShiftForms,
  a: Value,
  amount: number,
): void {
  const width = widthOf(value.type);
  const isRotation = forms === ROL[width] || forms === ROR[width];
  if (isRotation && s.target.v3) {
    const inst = s.inst(ROTATE_IMMEDIATE, rorx[width]);
    inst.imm = forms === ROL[width] ? -amount & (width - 1) : amount;
    inst.defs = [s.def(value)];
    inst.uses = [operand(s, a, width, Use.ANY)];
    s.emit(inst);
    return;
  }
  const inst = s.inst(SHIFT_IMMEDIATE);
  inst.defs = [s.def(value)];
  inst.uses = [operand(s, a, width, Use.ANY)];
  inst.data = forms;
  inst.imm = amount;
  s.emit(inst);
}

const CQO = { 32: form('cdq'), 64: form('cqo') };
const DIV = both((w) => form(`div r/m${w}`));
const IDIV = both((w) => form(`idiv r/m${w}`));

function divide(signed: boolean, remainder: boolean): Rule {
  return (s, value) => {
    const width = widthOf(value.type);
    const [a, b] = value.args as [Value, Value];
    const isZero = b.op === Op.I32_CONST ? b.imm === 0 : b.bits === 0n;
    const inst = s.inst(DIVIDE);
    inst.defs = [s.def(value)];
    inst.uses = [operand(s, a, width, Use.ANY), operand(s, b, width, Use.LATE)];
    inst.useHints = [RAX, -1];
    inst.defHints = [remainder ? RDX : RAX];
    inst.clobbers = (1 << RAX) | (1 << RDX);
    inst.data = {
      width,
      signed,
      remainder,
      mayBeZero: !isConstant(b) || isZero,
      mayBeMinusOne: !isConstant(b) || immediate(b) === -1,
      divide: (signed ? IDIV : DIV)[width],
      test: TEST[width],
      compare: CMP[width],
      negate: NEG[width],
      extend: CQO[width],
    } satisfies DivisionData;
    s.emit(inst);
  };
}

/** A sign extension, done by the load where that is of the narrow type. */
function extend(rm: Form, load: number | undefined): Rule {
  return (s, value) => {
    const a = value.args[0] as Value;
    if (load !== undefined && s.canFoldLoad(a, load)) {
      s.fold(a);
      const inst = s.inst(UNARY, rm);
      const uses: number[] = [];
      inst.defs = [s.def(value)];
      inst.address = memoryOperand(s, a.args[0] as Value, a.imm, uses);
      inst.uses = uses;
      s.emit(inst);
    } else {
      unary(s, value, rm, s.use32(a, Use.ANY));
    }
  };
}

const lzcnt = both((w) => form(`lzcnt r${w}, r/m${w}`));
const tzcnt = both((w) => form(`tzcnt r${w}, r/m${w}`));
const popcnt = both((w) => form(`popcnt r${w}, r/m${w}`));
const bsr = both((w) => form(`bsr r${w}, r/m${w}`));
const bsf = both((w) => form(`bsf r${w}, r/m${w}`));

function countZeros(leading: boolean): Rule {
  return (s, value) => {
    const width = widthOf(value.type);
    const a = value.args[0] as Value;
    if (s.target.v3) {
      const rm = (leading ? lzcnt : tzcnt)[width];
      unary(s, value, rm, operand(s, a, width, Use.LATE), UNARY_INDEPENDENT);
      return;
    }
    const inst = s.inst(BIT_SCAN);
    inst.defs = [s.def(value)];
    inst.earlyDef = true;
    inst.uses = [operand(s, a, width, Use.LATE)];
    inst.temps = [s.newRegister()];
    inst.imm = width - 1;
    inst.data = {
      scan: (leading ? bsr : bsf)[width],
      cmov: CMOV[width][Cc.NE] as Form,
      zero: leading ? 2 * width - 1 : width,
      flip: leading ? XOR[width].short : undefined,
    } satisfies ScanData;
    s.emit(inst);
  };
}

/** Reached only where the processor has the instruction: lowered before otherwise. */
const populationCount: Rule = (s, value) => {
  const width = widthOf(value.type);
  const a = operand(s, value.args[0] as Value, width, Use.LATE);
  unary(s, value, popcnt[width], a, UNARY_INDEPENDENT);
};

const wrap: Rule = (s, value) => {
  unary(s, value, MOV[32], s.use32(value.args[0] as Value, Use.ANY));
};

function both<T>(make: (width: Width) => T): ByWidth<T> {
  return { 32: make(32), 64: make(64) };
}

/** The i32 operations, whose i64 counterparts lie at fixed distances. */
const BY_WIDTH: [number, number, Rule][] = [
  [Op.I32_ADD, Op.I64_ADD, add],
  [Op.I32_SUB, Op.I64_SUB, subtract],
  [Op.I32_MUL, Op.I64_MUL, multiply],
  [Op.I32_AND, Op.I64_AND, and],
  [Op.I32_OR, Op.I64_OR, alu(OR, ALU_COMMUTATIVE)],
  [Op.I32_XOR, Op.I64_XOR, xor],
  [Op.I32_SHL, Op.I64_SHL, shift(SHL, shlx)],
  [Op.I32_SHR_S, Op.I64_SHR_S, shift(SAR, sarx)],
  [Op.I32_SHR_U, Op.I64_SHR_U, shift(SHR, shrx)],
  [Op.I32_ROTL, Op.I64_ROTL, shift(ROL)],
  [Op.I32_ROTR, Op.I64_ROTR, shift(ROR)],
  [Op.I32_DIV_S, Op.I64_DIV_S, divide(true, false)],
  [Op.I32_DIV_U, Op.I64_DIV_U, divide(false, false)],
  [Op.I32_REM_S, Op.I64_REM_S, divide(true, true)],
  [Op.I32_REM_U, Op.I64_REM_U, divide(false, true)],
  [Op.I32_CLZ, Op.I64_CLZ, countZeros(true)],
  [Op.I32_CTZ, Op.I64_CTZ, countZeros(false)],
  [Op.I32_POPCNT, Op.I64_POPCNT, populationCount],
];

export const INTEGER_RULES: [number, Rule][] = [
  ...BY_WIDTH.flatMap(([i32, i64, rule]): [number, Rule][] => [
    [i32, rule],
    [i64, rule],
  ]),
  [Op.I32_WRAP_I64, wrap],
  [Op.I64_EXTEND_I32_S, extend(MOVSXD, Op.I32_LOAD)],
  [Op.I32_EXTEND8_S, extend(MOVSX8[32], undefined)],
  [Op.I32_EXTEND16_S, extend(MOVSX16[32], undefined)],
  [Op.I64_EXTEND8_S, extend(MOVSX8[64], undefined)],
  [Op.I64_EXTEND16_S, extend(MOVSX16[64], undefined)],
  [Op.I64_EXTEND32_S, extend(MOVSXD, undefined)],
];
