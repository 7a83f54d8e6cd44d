import { InstructionReader, typeName } from './instructions.ts';
import type { ConstantExpression, ConstantLeaf, ConstantOperation } from './module.ts';
import { Op } from './opcodes.ts';
import type { Reader } from './reader.ts';
import { vectorOp } from './simd.ts';

const V128_CONST = vectorOp('v128.const');

type Instruction = ConstantLeaf | ConstantOperation;

/**
 * Reads a constant expression (Wasm 2.0 §3.3.10, with the extended constant expressions' i32 and i64
 * add, sub and mul), and evaluates it where it needs no global. Any instructions are read: what is not
 * constant is for validation to refuse.
 */
export function readConstant(r: Reader): ConstantExpression {
  const { offset } = r;
  const reader = new InstructionReader(r.bytes, offset, r.end);
  const instructions: Instruction[] = [];
  for (let depth = 1; ; ) {
    reader.next();
    const { op } = reader;
    if (op === Op.BLOCK || op === Op.LOOP || op === Op.IF) depth++;
    if (op === Op.END && --depth === 0) break;
    instructions.push(instruction(reader));
  }
  r.offset = reader.position;
  return folded(instructions) ?? { offset, kind: 'sequence', instructions };
}

function instruction({ op, offset, a, bits }: InstructionReader): Instruction {
  switch (op) {
    case Op.I32_CONST:
      return { offset, kind: 'i32', bits: BigInt(a >>> 0) };
    case Op.I64_CONST:
      return { offset, kind: 'i64', bits: BigInt.asUintN(64, bits) };
    case Op.F32_CONST:
      return { offset, kind: 'f32', bits: BigInt(a >>> 0) };
    case Op.F64_CONST:
      return { offset, kind: 'f64', bits };
    case V128_CONST:
      return { offset, kind: 'v128', bits };
    case Op.GLOBAL_GET:
      return { offset, kind: 'global', index: a };
    case Op.REF_FUNC:
      return { offset, kind: 'function', index: a };
    case Op.REF_NULL:
      return { offset, kind: 'null', type: typeName(a) };
    default:
      return { offset, kind: 'operation', op };
  }
}

/** The type that both operands and the result of an operation have; undefined if it is not constant. */
export function operationType(op: number): 'i32' | 'i64' | undefined {
  if (op === Op.I32_ADD || op === Op.I32_SUB || op === Op.I32_MUL) return 'i32';
  if (op === Op.I64_ADD || op === Op.I64_SUB || op === Op.I64_MUL) return 'i64';
  return undefined;
}

/** The single instruction that a well-typed sequence comes to; undefined where there is none. */
function folded(instructions: readonly Instruction[]): ConstantLeaf | undefined {
  const stack: ConstantLeaf[] = [];
  for (const each of instructions) {
    if (each.kind !== 'operation') {
      stack.push(each);
      continue;
    }
    const type = operationType(each.op);
    const [b, a] = [stack.pop(), stack.pop()];
    if (!type || a?.kind !== type || b?.kind !== type) return undefined;
    stack.push({ ...a, bits: computed(each.op, a.bits, b.bits) });
  }
  return stack.length === 1 ? stack[0] : undefined;
}

function computed(op: number, a: bigint, b: bigint): bigint {
  const width = operationType(op) === 'i32' ? 32 : 64;
  const isAddition = op === Op.I32_ADD || op === Op.I64_ADD;
  const isSubtraction = op === Op.I32_SUB || op === Op.I64_SUB;
  return BigInt.asUintN(width, isAddition ? a + b : isSubtraction ? a - b : a * b);
}
