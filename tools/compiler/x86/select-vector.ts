import type { Value } from '../ir/value.ts';
import {
  V128_CONST,
  V128_LOAD,
  V128_LOAD_SPLATS,
  V128_LOAD32_ZERO,
  V128_LOAD64_ZERO,
  V128_STORE,
  V128_STORE_LANES,
  VECTOR_OPERATIONS,
  type VectorOperation,
  type VectorShape,
} from '../ir/vector-ops.ts';
import { Op } from '../wasm/opcodes.ts';
import {
  type Form,
  form,
  MOVSD_LOAD,
  MOVSD_STORE,
  MOVSS_LOAD,
  MOVSS_STORE,
  MOVUPS_LOAD,
  MOVUPS_STORE,
} from './forms.ts';
import { LOAD, STORE } from './kinds-memory.ts';
import { STORE_LANE, VECTOR_SHIFT, VECTOR_TO_INTEGER, XMM_COPY } from './kinds-vector.ts';
import { XMM_BINARY, XMM_COMMUTATIVE, XMM_UNARY } from './kinds-xmm.ts';
import { type Inst, type Kind, Use } from './machine.ts';
import { memoryOperand, symbolOperand } from './select-address.ts';
import type { Rule, Selector } from './selector.ts';
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
  vbroadcastss: 'vbroadcastss xmm, xmm/m32',
  vpbroadcastb: 'vpbroadcastb xmm, xmm/m8',
  vpbroadcastw: 'vpbroadcastw xmm, xmm/m16',
  vpbroadcastd: 'vpbroadcastd xmm, xmm/m32',
  vpbroadcastq: 'vpbroadcastq xmm, xmm/m64',
  movddup: 'movddup xmm, xmm/m64',
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

const KINDS: Readonly<Record<VectorShape, Kind>> = {
  binary: XMM_BINARY,
  commutative: XMM_COMMUTATIVE,
  'binary-immediate': XMM_BINARY,
  unary: XMM_UNARY,
  'unary-immediate': XMM_UNARY,
  'shift-immediate': VECTOR_SHIFT,
  'to-integer': VECTOR_TO_INTEGER,
  'to-integer-immediate': VECTOR_TO_INTEGER,
  'from-integer': XMM_UNARY,
  first: XMM_COPY,
};

/** Loads by the bits that they read: just these an operation may read instead. */
const LOADS: Readonly<Record<number, readonly number[]>> = {
  8: [Op.I32_LOAD8_U],
  16: [Op.I32_LOAD16_U],
  32: [Op.I32_LOAD, Op.F32_LOAD, V128_LOAD32_ZERO],
  64: [Op.I64_LOAD, Op.F64_LOAD, V128_LOAD64_ZERO],
  128: [V128_LOAD],
};

/** From memory these clear what they keep of a register's. */
const REGISTERS_ONLY = new Set(['movss', 'movsd']);

/**
 * Bits that an operation reads where its last operand is in memory; 0 for none. Whatever is read by
 * SSE as 16 bytes must be aligned.
 */
function memoryBits({ name, shape }: VectorOperation, { instruction }: Form): number {
  const isRead = !/^(to-integer|first)/.test(shape) && !REGISTERS_ONLY.has(name);
  return isRead ? (instruction.operands.find(({ place }) => place === 'rm')?.memory ?? 0) : 0;
}

/**
 * The rule of an operation. A load becomes part of it only if it reads exactly what the operation would:
 * one that read more would trap elsewhere, or nowhere (CVE-2023-30624 is of that kind).
 */
function ruleFor(operation: VectorOperation): Rule {
  const { shape } = operation;
  const row = rowOf(operation);
  const bits = memoryBits(operation, row);
  const isCommutative = shape === 'commutative';
  const isUnary = !/^(binary|commutative)/.test(shape);
  return (s, value) => {
    const [a, b] = value.args as [Value, Value];
    const inst = s.inst(KINDS[shape], row);
    inst.defs = [s.def(value)];
    inst.imm = value.imm;
    const last = isUnary ? a : b;
    const uses: number[] = [];
    const inMemory = [last, ...(isCommutative ? [a] : [])].find((v) => canRead(s, v, bits));
    if (inMemory) {
      if (!isUnary) uses.push(s.use(inMemory === b ? a : b, Use.REGISTER));
      read(s, inst, inMemory, uses);
    } else {
      const isEarly = isUnary || isCommutative || s.target.avx;
      if (!isUnary) uses.push(s.use(a, Use.REGISTER));
      uses.push(s.use(last, isEarly ? Use.REGISTER : Use.LATE_REGISTER));
    }
    inst.uses = uses;
    s.emit(inst);
  };
}

function canRead(s: Selector, value: Value, bits: number): boolean {
  if (value.op === V128_CONST) return bits === 128;
  if (bits === 128 && !s.target.avx) return false;
  return LOADS[bits]?.some((op) => s.canFoldLoad(value, op)) === true;
}

/** Makes a constant or load the memory operand of an instruction. */
function read(s: Selector, inst: Inst, value: Value, uses: number[]): void {
  if (value.op === V128_CONST) {
    const offset = s.constants.offsetOf(value.bits, 16);
    inst.address = symbolOperand(constantsSymbol(s.context), offset);
  } else {
    s.fold(value);
    inst.address = memoryOperand(s, value.args[0] as Value, value.imm, uses);
  }
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

const storeRule =
  (row: Form, kind: Kind): Rule =>
  (s, value) => {
    const inst = s.inst(kind, row);
    const uses = [s.use(value.args[1] as Value, Use.REGISTER)];
    inst.address = memoryOperand(s, value.args[0] as Value, value.imm, uses);
    inst.uses = uses;
    inst.data = value.aux;
    s.emit(inst);
  };

const MOVHPS_STORE = form('movhps m64, xmm');
const LANE_STORES: Readonly<Record<number, Form>> = {
  8: form('pextrb r32/m8, xmm, imm8'),
  16: form('pextrw r32/m16, xmm, imm8'),
  32: form('pextrd r/m32, xmm, imm8'),
};

const storeLaneRule =
  (width: number): Rule =>
  (s, value) => {
    const first = { 32: MOVSS_STORE, 64: MOVSD_STORE }[width];
    const row = value.aux === 0 && first ? first : (LANE_STORES[width] ?? MOVHPS_STORE);
    storeRule(row, row.immediate > 0 ? STORE_LANE : STORE)(s, value);
  };

const SPLATS: Readonly<Record<number, Form>> = {
  8: form('vpbroadcastb xmm, xmm/m8'),
  16: form('vpbroadcastw xmm, xmm/m16'),
  32: form('vbroadcastss xmm, xmm/m32'),
  64: form('movddup xmm, xmm/m64'),
};

export const VECTOR_RULES: [number, Rule][] = [
  ...VECTOR_OPERATIONS.map((operation): [number, Rule] => [operation.op, ruleFor(operation)]),
  [V128_LOAD, loadRule(MOVUPS_LOAD)],
  [V128_LOAD32_ZERO, loadRule(MOVSS_LOAD)],
  [V128_LOAD64_ZERO, loadRule(MOVSD_LOAD)],
  [V128_STORE, storeRule(MOVUPS_STORE, STORE)],
  ...[...V128_LOAD_SPLATS].map(([op, width]): [number, Rule] => [
    op,
    loadRule(SPLATS[width] as Form),
  ]),
  ...[...V128_STORE_LANES].map(([op, width]): [number, Rule] => [op, storeLaneRule(width)]),
];
