import { isComparison, isFloatType, type Value } from '../ir/value.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import {
  type AluForms,
  Cc,
  CMOV,
  CMP,
  CMP_BYTE,
  form,
  TEST,
  TEST_BYTE,
  type Width,
} from './forms.ts';
import {
  type Comparison,
  SELECT,
  SELECT_FLOAT,
  SET_CONDITION,
  type SelectData,
} from './kinds-compare.ts';
import { BRANCH } from './kinds-control.ts';
import { type Inst, Use } from './machine.ts';
import { memoryOperand } from './select-address.ts';
import { immediate, type Rule, type Selector, widthOf } from './selector.ts';

const UCOMI = {
  32: form('ucomiss xmm, xmm/m32'),
  64: form('ucomisd xmm, xmm/m64'),
};

/** Conditions of the ten integer comparisons in the order of their opcodes. */
const CONDITIONS = [Cc.E, Cc.NE, Cc.L, Cc.B, Cc.G, Cc.A, Cc.LE, Cc.BE, Cc.GE, Cc.AE];
/** The condition after the operands were exchanged. */
const EXCHANGED: Readonly<Record<number, number>> = {
  [Cc.E]: Cc.E,
  [Cc.NE]: Cc.NE,
  [Cc.L]: Cc.G,
  [Cc.G]: Cc.L,
  [Cc.B]: Cc.A,
  [Cc.A]: Cc.B,
  [Cc.LE]: Cc.GE,
  [Cc.GE]: Cc.LE,
  [Cc.BE]: Cc.AE,
  [Cc.AE]: Cc.BE,
};

/** What a condition says of numbers that are not negative. */
const UNSIGNED: Readonly<Record<number, number>> = {
  [Cc.L]: Cc.B,
  [Cc.GE]: Cc.AE,
  [Cc.LE]: Cc.BE,
  [Cc.G]: Cc.A,
};

/** Ends a block by a branch on a condition, comparing in the same instruction where it can. */
export function selectBranch(s: Selector, condition: Value): void {
  const inst = s.inst(BRANCH);
  inst.data = compareFor(s, inst, condition, false);
  s.emit(inst);
}

const setCondition: Rule = (s, value) => {
  const inst = s.inst(SET_CONDITION);
  inst.defs = [s.def(value)];
  const comparison = compare(s, inst, value, true, true);
  if (comparison.parity !== 'none') inst.temps = [s.newRegister()];
  inst.data = comparison;
  s.emit(inst);
};

const selectValue: Rule = (s, value) => {
  const [a, b, condition] = value.args as [Value, Value, Value];
  const isFloat = isFloatType(value.type);
  const inst = s.inst(isFloat ? SELECT_FLOAT : SELECT);
  const comparison = compareFor(s, inst, condition, false);
  const width: Width = value.type === Type.I64 ? 64 : 32;
  // A conditional move of 32 bits clears the rest, whether it moves or not.
  const operand = (v: Value, kind: number) =>
    value.type === Type.I32 ? s.use32(v, kind) : s.use(v, kind);
  // The value that def starts as is read before def is written, the other one after.
  const startsAsYes = isFloat || comparison.parity === 'and-ordered';
  const uses = [...inst.uses];
  const yes = uses.push(operand(a, startsAsYes ? Use.ANY : Use.LATE)) - 1;
  const no = uses.push(operand(b, startsAsYes ? Use.LATE : Use.ANY)) - 1;
  inst.uses = uses;
  inst.sharedUse = startsAsYes ? yes : no;
  inst.defs = [s.def(value)];
  inst.data = { comparison, yes, no, cmov: CMOV[width] } satisfies SelectData;
  s.emit(inst);
};

export const CONTROL_RULES: [number, Rule][] = [
  ...comparisons().map((op): [number, Rule] => [op, setCondition]),
  [Op.SELECT, selectValue],
];

function comparisons(): number[] {
  return Array.from({ length: Op.F64_GE - Op.I32_EQZ + 1 }, (_, i) => Op.I32_EQZ + i);
}

/** How `inst` compares to decide on `condition`, whose operands are appended to its uses. */
function compareFor(s: Selector, inst: Inst, condition: Value, late: boolean): Comparison {
  const isWorthIt = condition.uses === 1 || condition.block === s.block;
  if (isComparison(condition.op) && isWorthIt) {
    return compare(s, inst, condition, late, condition.uses === 1);
  }
  if (condition.op === Op.I32_AND && condition.uses === 1) {
    return bitTest(s, inst, condition, Cc.NE, late, true);
  }
  inst.uses = [s.use32(condition, late ? Use.LATE : Use.ANY)];
  return integers('self', TEST[32], -1, Cc.NE);
}

/** An integer comparison. */
function integers(
  shape: Comparison['shape'],
  forms: AluForms,
  imm: number,
  cc: number,
): Comparison {
  return { shape, form: undefined, forms, imm, cc, parity: 'none' };
}

/** Compares so that the carry flag says whether x, unsigned, is below y. */
export function compareBelow(
  s: Selector,
  inst: Inst,
  x: Value,
  y: Value,
  width: Width,
): Comparison {
  const operand = (v: Value) => (width === 64 ? s.use(v, Use.REGISTER) : s.use32(v, Use.REGISTER));
  if (immediate(y) === undefined && s.canFoldLoad(x, loadOf(width))) {
    s.fold(x);
    const uses = [operand(y)];
    inst.address = memoryOperand(s, x.args[0] as Value, x.imm, uses, Use.REGISTER);
    inst.uses = uses;
    return integers('mr', CMP[width], 0, Cc.B);
  }
  return compareOperands(s, inst, x, y, width, Cc.B, false, true);
}

function compare(
  s: Selector,
  inst: Inst,
  value: Value,
  late: boolean,
  mayFoldLoads: boolean,
): Comparison {
  const { op } = value;
  if (op === Op.I32_EQZ || op === Op.I64_EQZ) return isZero(s, inst, value, late, mayFoldLoads);
  if (op >= Op.F32_EQ) return compareFloats(s, inst, value, late);
  const wide = op >= Op.I64_EQ;
  const cc = CONDITIONS[op - (wide ? Op.I64_EQ : Op.I32_EQ)] as number;
  return compareIntegers(s, inst, value, wide ? 64 : 32, cc, late, mayFoldLoads);
}

function isZero(
  s: Selector,
  inst: Inst,
  value: Value,
  late: boolean,
  mayFoldLoads: boolean,
): Comparison {
  const x = value.args[0] as Value;
  if (isComparison(x.op) && x.op >= Op.F32_EQ && x.uses === 1) {
    const { cc, parity, ...rest } = compareFloats(s, inst, x, late);
    const opposite = { none: 'none', 'and-ordered': 'or-unordered', 'or-unordered': 'and-ordered' };
    return { ...rest, cc: cc ^ 1, parity: opposite[parity] as Comparison['parity'] };
  }
  if ((x.op === Op.I32_AND || x.op === Op.I64_AND) && x.uses === 1) {
    return bitTest(s, inst, x, Cc.E, late, mayFoldLoads);
  }
  const width = value.op === Op.I64_EQZ ? 64 : 32;
  const inMemory = mayFoldLoads ? compareMemory(s, inst, x, 0, width, Cc.E, late) : undefined;
  if (inMemory) return inMemory;
  const kind = late ? Use.LATE : Use.ANY;
  inst.uses = [width === 64 ? s.use(x, kind) : s.use32(x, kind)];
  return integers('self', TEST[width], -1, Cc.E);
}

/** Compares x & y with zero. */
function bitTest(
  s: Selector,
  inst: Inst,
  and: Value,
  cc: number,
  late: boolean,
  mayFoldLoads: boolean,
): Comparison {
  const [x, y] = and.args as [Value, Value];
  const width = widthOf(and.type);
  const imm = immediate(y);
  const kind = late ? Use.LATE : Use.ANY;
  const operand = (v: Value, k: number) => (width === 64 ? s.use(v, k) : s.use32(v, k));
  if (imm !== undefined) {
    if (mayFoldLoads && s.canFoldLoad(x, loadOf(width))) {
      foldLoad(s, inst, x, late);
      return integers('mi', TEST[width], imm, cc);
    }
    if (mayFoldLoads && imm >= 0 && imm <= 0xff && s.canFoldLoad(x, byteLoadOf(width))) {
      foldLoad(s, inst, x, late);
      return integers('mi', TEST_BYTE, (imm << 24) >> 24, cc);
    }
    inst.uses = [operand(x, kind)];
    return integers('mi', TEST[width], imm, cc);
  }
  inst.uses = [operand(x, late ? Use.LATE_REGISTER : Use.REGISTER), operand(y, kind)];
  return integers('rm', TEST[width], 0, cc);
}

/** Makes a load the instruction's memory operand, its only one beside an immediate. */
function foldLoad(s: Selector, inst: Inst, load: Value, late: boolean): void {
  s.fold(load);
  const uses: number[] = [];
  const kind = late ? Use.LATE_REGISTER : Use.REGISTER;
  inst.address = memoryOperand(s, load.args[0] as Value, load.imm, uses, kind);
  inst.uses = uses;
}

/** Compares a loaded value with a constant where it is, if nobody else wants it: a byte as a byte. */
function compareMemory(
  s: Selector,
  inst: Inst,
  x: Value,
  imm: number,
  width: Width,
  cc: number,
  late: boolean,
): Comparison | undefined {
  if (s.canFoldLoad(x, loadOf(width))) {
    foldLoad(s, inst, x, late);
    return integers('mi', CMP[width], imm, cc);
  }
  if (imm < 0 || imm > 0xff || !s.canFoldLoad(x, byteLoadOf(width))) return undefined;
  foldLoad(s, inst, x, late);
  return integers('mi', CMP_BYTE, (imm << 24) >> 24, UNSIGNED[cc] ?? cc);
}

function compareIntegers(
  s: Selector,
  inst: Inst,
  value: Value,
  width: Width,
  cc: number,
  late: boolean,
  mayFoldLoads: boolean,
): Comparison {
  const [x, y] = value.args as [Value, Value];
  return compareOperands(s, inst, x, y, width, cc, late, mayFoldLoads);
}

function compareOperands(
  s: Selector,
  inst: Inst,
  x: Value,
  y: Value,
  width: Width,
  cc: number,
  late: boolean,
  mayFoldLoads: boolean,
): Comparison {
  const any = late ? Use.LATE : Use.ANY;
  const register = late ? Use.LATE_REGISTER : Use.REGISTER;
  const operand = (v: Value, k: number) => (width === 64 ? s.use(v, k) : s.use32(v, k));
  const imm = immediate(y);
  const forms = CMP[width];
  if (imm !== undefined) {
    const inMemory = mayFoldLoads ? compareMemory(s, inst, x, imm, width, cc, late) : undefined;
    if (inMemory) return inMemory;
    inst.uses = [operand(x, any)];
    if (imm === 0) return integers('self', TEST[width], -1, cc);
    return integers('mi', forms, imm, cc);
  }
  for (const [load, other, exchange] of [
    [y, x, false],
    [x, y, true],
  ] as const) {
    if (!mayFoldLoads || !s.canFoldLoad(load, loadOf(width))) continue;
    s.fold(load);
    const uses = [operand(other, register)];
    inst.address = memoryOperand(s, load.args[0] as Value, load.imm, uses, register);
    inst.uses = uses;
    return integers('rm', forms, 0, exchange ? (EXCHANGED[cc] as number) : cc);
  }
  inst.uses = [operand(x, register), operand(y, any)];
  return integers('rm', forms, 0, cc);
}

/** a < b is asked as b > a, so that an unordered result (all flags set) answers no. */
function compareFloats(s: Selector, inst: Inst, value: Value, late: boolean): Comparison {
  const isDouble = value.op >= Op.F64_EQ;
  const which = value.op - (isDouble ? Op.F64_EQ : Op.F32_EQ);
  const exchange = which === 2 || which === 4;
  const [a, b] = value.args as [Value, Value];
  const [x, y] = exchange ? [b, a] : [a, b];
  inst.uses = [
    s.use(x, late ? Use.LATE_REGISTER : Use.REGISTER),
    s.use(y, late ? Use.LATE : Use.ANY),
  ];
  const cc = [Cc.E, Cc.NE, Cc.A, Cc.A, Cc.AE, Cc.AE][which] as number;
  const parity = which === 0 ? 'and-ordered' : which === 1 ? 'or-unordered' : 'none';
  return { shape: 'rm', form: UCOMI[isDouble ? 64 : 32], forms: undefined, imm: 0, cc, parity };
}

function loadOf(width: Width): number {
  return width === 64 ? Op.I64_LOAD : Op.I32_LOAD;
}

function byteLoadOf(width: Width): number {
  return width === 64 ? Op.I64_LOAD8_U : Op.I32_LOAD8_U;
}
