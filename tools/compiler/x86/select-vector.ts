import type { Value } from '../ir/value.ts';
import {
  V128_CONST,
  V128_LOAD,
  V128_LOAD32_ZERO,
  V128_LOAD64_ZERO,
  V128_STORE,
  VECTOR_OPERATIONS,
  type VectorOperation,
  type VectorShape,
} from '../ir/vector-ops.ts';
import { type Form, form, MOVSD_LOAD, MOVSS_LOAD, MOVUPS_LOAD, MOVUPS_STORE } from './forms.ts';
import { ALU, ALU_COMMUTATIVE, UNARY } from './kinds-integer.ts';
import { LOAD, STORE } from './kinds-memory.ts';
import {
  VECTOR_IMMEDIATE,
  VECTOR_SHIFT_IMMEDIATE,
  VECTOR_SHIFT_THREE,
  VECTOR_THREE,
  VECTOR_TO_INTEGER,
  VECTOR_UNARY_IMMEDIATE,
} from './kinds-vector.ts';
import { type Kind, Use } from './machine.ts';
import { memoryOperand, symbolOperand } from './select-address.ts';
import type { Rule } from './selector.ts';
import { constantsSymbol } from './symbols.ts';

/** Rows whose operands are not the usual ones. */
const ROWS: Readonly<Record<string, string>> = {
  movss: 'movss xmm, xmm/m32',
  movsd: 'movsd xmm, xmm/m64',
  insertps: 'insertps xmm, xmm/m32, imm8',
  pinsrb: 'pinsrb xmm, r32/m8, imm8',
  pinsrw: 'pinsrw xmm, r32/m16, imm8',
  pinsrd: 'pinsrd xmm, r/m32, imm8',
  pinsrq: 'pinsrq xmm, r/m64, imm8',
  cvtps2pd: 'cvtps2pd xmm, xmm/m64',
  cvtdq2pd: 'cvtdq2pd xmm, xmm/m64',
  pmovsxbw: 'pmovsxbw xmm, xmm/m64',
  pmovsxwd: 'pmovsxwd xmm, xmm/m64',
  pmovsxdq: 'pmovsxdq xmm, xmm/m64',
  pmovzxbw: 'pmovzxbw xmm, xmm/m64',
  pmovzxwd: 'pmovzxwd xmm, xmm/m64',
  pmovzxdq: 'pmovzxdq xmm, xmm/m64',
  pmovmskb: 'pmovmskb r32, xmm',
  movmskps: 'movmskps r32, xmm',
  movmskpd: 'movmskpd r32, xmm',
  'movd>': 'movd r/m32, xmm',
  'movq>': 'movq r/m64, xmm',
  pextrb: 'pextrb r32/m8, xmm, imm8',
  pextrw: 'pextrw r32, xmm, imm8',
  movd: 'movd xmm, r/m32',
  movq: 'movq xmm, r/m64',
};

function rowOf({ name, shape }: VectorOperation): Form {
  const special = ROWS[name];
  if (special !== undefined) return form(special);
  if (shape === 'shift-immediate') return form(`${name.slice(0, -1)} xmm, imm8`);
  const immediate = shape.endsWith('-immediate') ? ', imm8' : '';
  return form(`${name} xmm, xmm/m128${immediate}`);
}

/** AVX's row that leaves the operands as they are; undefined where there is no need for one. */
function threeOperandRow({ name, shape }: VectorOperation): Form | undefined {
  switch (shape) {
    case 'binary':
    case 'commutative':
      return ROWS[name] === undefined ? form(`v${name} xmm, xmm, xmm/m128`) : undefined;
    case 'shift-immediate':
      return form(`v${name.slice(0, -1)} xmm, xmm, imm8`);
    default:
      return name === 'shufps' ? form('vshufps xmm, xmm, xmm/m128, imm8') : undefined;
  }
}

const KINDS: Readonly<Record<VectorShape, Kind>> = {
  binary: ALU,
  commutative: ALU_COMMUTATIVE,
  'binary-immediate': VECTOR_IMMEDIATE,
  unary: UNARY,
  'unary-immediate': VECTOR_UNARY_IMMEDIATE,
  'shift-immediate': VECTOR_SHIFT_IMMEDIATE,
  'to-integer': VECTOR_TO_INTEGER,
  'to-integer-immediate': VECTOR_TO_INTEGER,
  'from-integer': UNARY,
};

const ALL_ONES = (1n << 128n) - 1n;

/** Whether a value is a constant that is read from memory; zeros and ones are made without it. */
function isPooled({ op, bits }: Value): boolean {
  return op === V128_CONST && bits !== 0n && bits !== ALL_ONES;
}

/**
 * Operands but constants are always in registers: a load is never made part of an operation, which would read 16
 * bytes, aligned ones, where the load reads less (CVE-2023-30624 is of that kind).
 */
function ruleFor(operation: VectorOperation): Rule {
  const { shape } = operation;
  const row = rowOf(operation);
  const three = threeOperandRow(operation);
  const isCommutative = shape === 'commutative';
  const second = isCommutative ? Use.REGISTER : Use.LATE_REGISTER;
  const takesMemory = (shape === 'binary' || isCommutative) && ROWS[operation.name] === undefined;
  return (s, value) => {
    const [a, b] = value.args as [Value, Value];
    const constant = isCommutative && isPooled(a) ? a : takesMemory && isPooled(b) ? b : undefined;
    if (constant) {
      const isThree = three !== undefined && s.target.avx;
      const inst = s.inst(isThree ? VECTOR_THREE : ALU, isThree ? three : row);
      inst.defs = [s.def(value)];
      inst.uses = [s.use(constant === a ? b : a, Use.REGISTER)];
      const offset = s.constants.offsetOf(constant.bits, 16);
      inst.address = symbolOperand(constantsSymbol(s.context), offset);
      s.emit(inst);
      return;
    }
    if (three && s.target.avx) {
      const inst = s.inst(shape === 'shift-immediate' ? VECTOR_SHIFT_THREE : VECTOR_THREE, three);
      inst.defs = [s.def(value)];
      inst.uses = value.args.map((arg) => s.use(arg, Use.REGISTER));
      inst.imm = value.imm;
      s.emit(inst);
      return;
    }
    const inst = s.inst(KINDS[shape], row);
    inst.defs = [s.def(value)];
    inst.uses = value.args.map((arg, i) => s.use(arg, i === 0 ? Use.REGISTER : second));
    inst.imm = value.imm;
    s.emit(inst);
  };
}

const loadRule =
  (row: Form): Rule =>
  (s, value) => {
    const inst = s.inst(LOAD, row);
    const uses: number[] = [];
    inst.defs = [s.def(value)];
    inst.imm = 1;
    inst.address = memoryOperand(s, value.args[0] as Value, value.imm, uses);
    inst.uses = uses;
    s.emit(inst);
  };

const store: Rule = (s, value) => {
  const inst = s.inst(STORE, MOVUPS_STORE);
  const uses = [s.use(value.args[1] as Value, Use.REGISTER)];
  inst.address = memoryOperand(s, value.args[0] as Value, value.imm, uses);
  inst.uses = uses;
  s.emit(inst);
};

export const VECTOR_RULES: [number, Rule][] = [
  ...VECTOR_OPERATIONS.map((operation): [number, Rule] => [operation.op, ruleFor(operation)]),
  [V128_LOAD, loadRule(MOVUPS_LOAD)],
  [V128_LOAD32_ZERO, loadRule(MOVSS_LOAD)],
  [V128_LOAD64_ZERO, loadRule(MOVSD_LOAD)],
  [V128_STORE, store],
];
