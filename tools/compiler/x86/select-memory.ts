import { Ir, type Value } from '../ir/value.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import {
  ADD,
  type AluForms,
  AND,
  type Form,
  form,
  LEA,
  MOV,
  MOV_STORE,
  MOVSD_LOAD,
  MOVSD_STORE,
  MOVSS_LOAD,
  MOVSS_STORE,
  MOVSX8,
  MOVSX16,
  MOVSXD,
  MOVUPS_LOAD,
  MOVUPS_STORE,
  MOVZX8,
  MOVZX16,
  OR,
  STORE_IMM,
  SUB,
  XOR,
} from './forms.ts';
import { LEA_ADDRESS } from './kinds-integer.ts';
import { LOAD, MODIFY, MODIFY_IMMEDIATE, STORE, STORE_IMMEDIATE } from './kinds-memory.ts';
import { Use } from './machine.ts';
import { memoryOperand, symbolOperand } from './select-address.ts';
import { immediate, type Rule, type Selector, widthOf } from './selector.ts';
import { globalSymbol, memorySymbol } from './symbols.ts';

/** Loads into 64-bit registers what is zero-extended anyway by the 32-bit forms. */
const LOADS: [number, Form][] = [
  [Op.I32_LOAD, MOV[32]],
  [Op.I64_LOAD, MOV[64]],
  [Op.F32_LOAD, MOVSS_LOAD],
  [Op.F64_LOAD, MOVSD_LOAD],
  [Op.I32_LOAD8_S, MOVSX8[32]],
  [Op.I32_LOAD8_U, MOVZX8],
  [Op.I32_LOAD16_S, MOVSX16[32]],
  [Op.I32_LOAD16_U, MOVZX16],
  [Op.I64_LOAD8_S, MOVSX8[64]],
  [Op.I64_LOAD8_U, MOVZX8],
  [Op.I64_LOAD16_S, MOVSX16[64]],
  [Op.I64_LOAD16_U, MOVZX16],
  [Op.I64_LOAD32_S, MOVSXD],
  [Op.I64_LOAD32_U, MOV[32]],
];

const STORE8 = form('mov r/m8, r8');
const STORE16 = form('mov r/m16, r16');
const STORE8_IMM = form('mov r/m8, imm8');
const STORE16_IMM = form('mov r/m16, imm16');

/** Store opcode -> forms for a register and for an immediate, and the mask of the bits it stores. */
const STORES: [number, Form, Form | undefined, number | undefined][] = [
  [Op.I32_STORE, MOV_STORE[32], STORE_IMM[32], undefined],
  [Op.I64_STORE, MOV_STORE[64], STORE_IMM[64], undefined],
  [Op.F32_STORE, MOVSS_STORE, undefined, undefined],
  [Op.F64_STORE, MOVSD_STORE, undefined, undefined],
  [Op.I32_STORE8, STORE8, STORE8_IMM, 0xff],
  [Op.I32_STORE16, STORE16, STORE16_IMM, 0xffff],
  [Op.I64_STORE8, STORE8, STORE8_IMM, 0xff],
  [Op.I64_STORE16, STORE16, STORE16_IMM, 0xffff],
  [Op.I64_STORE32, MOV_STORE[32], STORE_IMM[32], undefined],
];

const loadRule =
  (rm: Form): Rule =>
  (s, value) => {
    const inst = s.inst(LOAD, rm);
    const uses: number[] = [];
    inst.defs = [s.def(value)];
    inst.imm = value.type === Type.F32 || value.type === Type.F64 ? 1 : 0;
    inst.address = memoryOperand(s, value.args[0] as Value, value.imm, uses);
    inst.uses = uses;
    s.emit(inst);
  };

const storeRule =
  (mr: Form, mi: Form | undefined, mask: number | undefined): Rule =>
  (s, value) => {
    const [pointer, stored] = value.args as [Value, Value];
    if (value.op === Op.I32_STORE || value.op === Op.I64_STORE) {
      if (modify(s, value, pointer, stored)) return;
    }
    const imm = mi && storedImmediate(stored, value.op);
    if (mi && imm !== undefined) {
      const inst = s.inst(STORE_IMMEDIATE, mi);
      const uses: number[] = [];
      inst.imm = imm;
      inst.address = memoryOperand(s, pointer, value.imm, uses);
      inst.uses = uses;
      s.emit(inst);
      return;
    }
    const inst = s.inst(STORE, mr);
    const source = mask === undefined ? stored : withoutMask(stored, mask);
    const isWide = mr.rexW !== 0 || mi === undefined;
    const uses = [isWide ? s.use(source, Use.REGISTER) : s.use32(source, Use.REGISTER)];
    inst.address = memoryOperand(s, pointer, value.imm, uses);
    inst.uses = uses;
    s.emit(inst);
  };

function storedImmediate(stored: Value, op: number): number | undefined {
  if (op === Op.I64_STORE) return immediate(stored);
  if (stored.op === Op.I64_CONST) return Number(BigInt.asIntN(32, stored.bits));
  return immediate(stored);
}

/** A narrow store drops the bits that an `and` would have cleared. */
function withoutMask(stored: Value, mask: number): Value {
  let value = stored;
  while (value.op === Op.I32_AND || value.op === Op.I64_AND) {
    const imm = immediate(value.args[1] as Value);
    if (imm === undefined || (imm & mask) !== mask) break;
    value = value.args[0] as Value;
  }
  return value;
}

const MODIFYING: ReadonlyMap<number, { 32: AluForms; 64: AluForms }> = new Map([
  ...[Op.I32_ADD, Op.I64_ADD].map((op) => [op, ADD] as const),
  ...[Op.I32_SUB, Op.I64_SUB].map((op) => [op, SUB] as const),
  ...[Op.I32_AND, Op.I64_AND].map((op) => [op, AND] as const),
  ...[Op.I32_OR, Op.I64_OR].map((op) => [op, OR] as const),
  ...[Op.I32_XOR, Op.I64_XOR].map((op) => [op, XOR] as const),
]);

/** memory = memory op x in one instruction, where the load and the result serve nothing else. */
function modify(s: Selector, store: Value, pointer: Value, result: Value): boolean {
  const forms = MODIFYING.get(result.op);
  if (!forms || result.uses !== 1 || result.block !== s.block || s.isNeeded(result)) return false;
  const [a, b] = result.args as [Value, Value];
  const width = widthOf(result.type);
  const load = width === 64 ? Op.I64_LOAD : Op.I32_LOAD;
  const isSame = (v: Value) =>
    s.canFoldLoad(v, load) && v.args[0] === pointer && v.imm === store.imm;
  const commutes = result.op !== Op.I32_SUB && result.op !== Op.I64_SUB;
  const other = isSame(a) ? b : commutes && isSame(b) ? a : undefined;
  if (!other) return false;
  s.fold(other === b ? a : b);
  s.fold(result);
  const imm = immediate(other);
  const { mr, short, long } = forms[width];
  if (imm === undefined) {
    const inst = s.inst(MODIFY, mr);
    const uses = [width === 64 ? s.use(other, Use.REGISTER) : s.use32(other, Use.REGISTER)];
    inst.address = memoryOperand(s, pointer, store.imm, uses);
    inst.uses = uses;
    s.emit(inst);
  } else {
    const inst = s.inst(MODIFY_IMMEDIATE, imm >= -128 && imm <= 127 ? short : long);
    const uses: number[] = [];
    inst.imm = imm;
    inst.address = memoryOperand(s, pointer, store.imm, uses);
    inst.uses = uses;
    s.emit(inst);
  }
  return true;
}

const GLOBAL_LOAD: Readonly<Record<number, Form>> = {
  [Type.I32]: MOV[32],
  [Type.I64]: MOV[64],
  [Type.F32]: MOVSS_LOAD,
  [Type.F64]: MOVSD_LOAD,
  [Type.V128]: MOVUPS_LOAD,
};

const GLOBAL_STORE: Readonly<Record<number, Form>> = {
  [Type.I32]: MOV_STORE[32],
  [Type.I64]: MOV_STORE[64],
  [Type.F32]: MOVSS_STORE,
  [Type.F64]: MOVSD_STORE,
  [Type.V128]: MOVUPS_STORE,
};

const globalGet: Rule = (s, value) => {
  const inst = s.inst(LOAD, GLOBAL_LOAD[value.type]);
  inst.defs = [s.def(value)];
  inst.address = symbolOperand(globalSymbol(s.context, value.imm));
  s.emit(inst);
};

const globalSet: Rule = (s, value) => {
  const source = value.args[0] as Value;
  const address = symbolOperand(globalSymbol(s.context, value.imm));
  const imm = immediate(source);
  if (imm !== undefined) {
    const inst = s.inst(STORE_IMMEDIATE, STORE_IMM[widthOf(source.type)]);
    inst.imm = imm;
    inst.address = address;
    s.emit(inst);
    return;
  }
  const inst = s.inst(STORE, GLOBAL_STORE[source.type]);
  inst.uses = [s.use(source, Use.REGISTER)];
  inst.address = address;
  s.emit(inst);
};

const memorySize: Rule = (s, value) => {
  const inst = s.inst(LOAD, MOV[32]);
  inst.defs = [s.def(value)];
  inst.address = symbolOperand(memorySymbol(s.context), 8);
  s.emit(inst);
};

const addressOf: Rule = (s, value) => {
  const binding = s.context.bindings[value.imm];
  if (binding?.kind !== 'address') throw new RangeError('an address of nothing');
  const inst = s.inst(LEA_ADDRESS, LEA[64]);
  inst.defs = [s.def(value)];
  inst.address = symbolOperand(binding.symbol);
  s.emit(inst);
};

export const MEMORY_RULES: [number, Rule][] = [
  ...LOADS.map(([op, rm]): [number, Rule] => [op, loadRule(rm)]),
  ...STORES.map(([op, mr, mi, mask]): [number, Rule] => [op, storeRule(mr, mi, mask)]),
  [Op.GLOBAL_GET, globalGet],
  [Op.GLOBAL_SET, globalSet],
  [Op.MEMORY_SIZE, memorySize],
  [Ir.ADDRESS, addressOf],
];
