import { Op, Type } from '../wasm/opcodes.ts';
import { belowOf } from './below.ts';
import { upperBound } from './bounds.ts';
import { divideByConstant, type Maker } from './divide.ts';
import { foldI32, foldI64, foldUnaryI32, foldUnaryI64 } from './fold.ts';
import { type Fn, isComparison, isConstant, isDivision, resolve, type Value } from './value.ts';

/**
 * Makes a pure operation (or a division) at the end of the block in hand, after what algebra knows
 * of its operands: constants are folded and put on the right, costly operations become cheaper
 * ones. The answer may be a value that exists already.
 */
export class Simplifier implements Maker {
  readonly #fn: Fn;
  readonly #append: (op: number, type: number, args: Value[]) => Value;

  /** @param append makes the operation as it is */
  constructor(fn: Fn, append: (op: number, type: number, args: Value[]) => Value) {
    this.#fn = fn;
    this.#append = append;
  }

  i32(n: number): Value {
    return this.#fn.i32(n);
  }

  i64(n: bigint): Value {
    return this.#fn.i64(n);
  }

  make(op: number, type: number, args: Value[]): Value {
    const a = resolve(args[0] as Value);
    if (args.length === 1) return this.#unary(op, type, a);
    const b = resolve(args[1] as Value);
    if (args.length === 2) return this.#binary(op, type, a, b);
    return this.#select(type, a, b, resolve(args[2] as Value));
  }

  #unary(op: number, type: number, a: Value): Value {
    if (a.op === Op.I32_CONST) {
      const folded = this.#constant(foldUnaryI32(op, a.imm), type);
      if (folded) return folded;
    }
    if (a.op === Op.I64_CONST) {
      const folded = this.#constant(foldUnaryI64(op, a.bits), type);
      if (folded) return folded;
    }
    switch (op) {
      case Op.I32_EQZ: {
        const inverse = INVERSE.get(a.op);
        if (inverse !== undefined) return this.make(inverse, Type.I32, a.args);
        if (a.op === Op.I32_EQZ && upperBound(a.args[0] as Value) <= 1) return arg(a, 0);
        break;
      }
      case Op.I64_EQZ:
        if (a.op === Op.I64_EXTEND_I32_U || a.op === Op.I64_EXTEND_I32_S) {
          return this.make(Op.I32_EQZ, Type.I32, [arg(a, 0)]);
        }
        break;
      case Op.I32_WRAP_I64:
        if (a.op === Op.I64_EXTEND_I32_U || a.op === Op.I64_EXTEND_I32_S) return arg(a, 0);
        break;
      case Op.I64_EXTEND_I32_S:
        if (upperBound(a) < 0x8000_0000) return this.make(Op.I64_EXTEND_I32_U, type, [a]);
        break;
      case Op.I64_EXTEND_I32_U:
        if (a.op === Op.I32_WRAP_I64 && upperBound(arg(a, 0)) <= 0xffff_ffff) return arg(a, 0);
        break;
      case Op.I32_EXTEND8_S:
      case Op.I32_EXTEND16_S:
        if (isWithin(a, op === Op.I32_EXTEND8_S ? 8 : 16)) return a;
        break;
      case Op.I64_EXTEND32_S:
        if (a.op === Op.I64_EXTEND_I32_U) return this.make(Op.I64_EXTEND_I32_S, type, [arg(a, 0)]);
        break;
    }
    return this.#append(op, type, [a]);
  }

  #binary(op: number, type: number, left: Value, right: Value): Value {
    const swapped = isConstant(left) && !isConstant(right) ? COMMUTED.get(op) : undefined;
    const o = swapped ?? op;
    const a = swapped === undefined ? left : right;
    const b = swapped === undefined ? right : left;
    if (b.op === Op.I32_CONST) {
      const result = this.#withI32(o, type, a, b.imm);
      if (result) return result;
    } else if (b.op === Op.I64_CONST) {
      const result = this.#withI64(o, type, a, b.bits);
      if (result) return result;
    } else if (o === Op.I32_OR || o === Op.I64_OR) {
      const result = this.#rotation(type, a, b);
      if (result) return result;
    } else if (o === Op.I32_ADD) {
      const result = this.#addWithin(a, b) ?? this.#addWithin(b, a);
      if (result) return result;
    }
    if (a === b && type === Type.I32) {
      const result = this.#withItself(o, a);
      if (result) return result;
    }
    return this.#append(o, type, [a, b]);
  }

  /** An i32 operation whose right operand is the constant `c`. */
  #withI32(op: number, type: number, a: Value, c: number): Value | undefined {
    if (a.op === Op.I32_CONST) {
      const folded = this.#constant(foldI32(op, a.imm, c), type);
      if (folded) return folded;
    }
    if (c === 0 && NEUTRAL_ZERO.has(op)) return a;
    switch (op) {
      case Op.I32_SUB:
        return this.make(Op.I32_ADD, type, [a, this.i32(-c)]);
      case Op.I32_ADD:
        if (a.op !== Op.I32_ADD || arg(a, 1).op !== Op.I32_CONST) return undefined;
        return this.make(op, type, [arg(a, 0), this.i32(c + arg(a, 1).imm)]);
      case Op.I32_MUL:
        if (c === 0) return this.i32(0);
        if (c === 1) return a;
        if (c > 0 && (c & (c - 1)) === 0) {
          return this.make(Op.I32_SHL, type, [a, this.i32(31 - Math.clz32(c))]);
        }
        return undefined;
      case Op.I32_AND:
        return this.#and(type, a, c);
      case Op.I32_OR:
        return c === -1 ? this.i32(-1) : undefined;
      case Op.I32_SHL:
      case Op.I32_SHR_S:
      case Op.I32_SHR_U:
        return this.#shift(op, type, a, c & 31);
      case Op.I32_EQ:
        return c === 0 ? this.make(Op.I32_EQZ, type, [a]) : undefined;
      case Op.I32_NE:
        return c === 0 && isComparison(a.op) ? a : undefined;
      case Op.I32_GT_U:
        return c === 0 ? this.make(Op.I32_NE, type, [a, this.i32(0)]) : undefined;
      case Op.I32_LT_U:
        return c === 1 ? this.make(Op.I32_EQZ, type, [a]) : undefined;
      default:
        return this.#divide(op, type, a, c);
    }
  }

  #and(type: number, a: Value, c: number): Value | undefined {
    if (c === 0) return this.i32(0);
    if (c === -1) return a;
    const isLowMask = (c & (c + 1)) === 0;
    if (isLowMask && upperBound(a) <= c >>> 0) return a;
    if (a.op === Op.I32_AND && arg(a, 1).op === Op.I32_CONST) {
      return this.make(Op.I32_AND, type, [arg(a, 0), this.i32(c & arg(a, 1).imm)]);
    }
    return undefined;
  }

  #shift(op: number, type: number, a: Value, n: number): Value | undefined {
    if (n === 0) return a;
    const inner = a.args[1] && arg(a, 1);
    if (inner?.op !== Op.I32_CONST) return undefined;
    if (op === Op.I32_SHL && a.op === Op.I32_ADD) {
      // Sums of several rounds of a loop then have all but a constant in common.
      const shifted = this.make(op, type, [arg(a, 0), this.i32(n)]);
      return this.make(Op.I32_ADD, type, [shifted, this.i32(inner.imm << n)]);
    }
    const m = inner.imm & 31;
    if (op === Op.I32_SHR_S && a.op === Op.I32_SHL && m === n && (n === 24 || n === 16)) {
      const extend = n === 24 ? Op.I32_EXTEND8_S : Op.I32_EXTEND16_S;
      return this.make(extend, type, [arg(a, 0)]);
    }
    if (op === Op.I32_SHR_U && a.op === Op.I32_SHL && m === n) {
      return this.make(Op.I32_AND, type, [arg(a, 0), this.i32(-1 >>> n)]);
    }
    if (op === Op.I32_SHL && a.op === Op.I32_SHR_U && m === n) {
      return this.make(Op.I32_AND, type, [arg(a, 0), this.i32(-1 << n)]);
    }
    if (op === a.op && m + n < 32) return this.make(op, type, [arg(a, 0), this.i32(m + n)]);
    return undefined;
  }

  #divide(op: number, type: number, a: Value, d: number): Value | undefined {
    if (op < Op.I32_DIV_S || op > Op.I32_REM_U || d === 0) return undefined;
    const isRemainder = op === Op.I32_REM_S || op === Op.I32_REM_U;
    if (d === 1) return isRemainder ? this.i32(0) : a;
    if (d === -1) return op === Op.I32_REM_S ? this.i32(0) : undefined;
    if (a.op === Op.I32_CONST) return undefined;
    return divideByConstant(this, op, a, d) ?? this.#append(op, type, [a, this.i32(d)]);
  }

  /** An i64 operation whose right operand is the constant `c`. */
  #withI64(op: number, type: number, a: Value, c: bigint): Value | undefined {
    if (a.op === Op.I64_CONST) {
      const folded = this.#constant(foldI64(op, a.bits, c), type);
      if (folded) return folded;
    }
    if (c === 0n && NEUTRAL_ZERO.has(op)) return a;
    switch (op) {
      case Op.I64_SUB:
        return this.make(Op.I64_ADD, type, [a, this.i64(-c)]);
      case Op.I64_ADD:
        if (a.op !== Op.I64_ADD || arg(a, 1).op !== Op.I64_CONST) return undefined;
        return this.make(op, type, [arg(a, 0), this.i64(c + arg(a, 1).bits)]);
      case Op.I64_MUL: {
        if (c === 0n) return this.i64(0n);
        if (c === 1n) return a;
        const shift = log2(c);
        if (shift === undefined) return undefined;
        return this.make(Op.I64_SHL, type, [a, this.i64(shift)]);
      }
      case Op.I64_AND:
        if (c === 0n) return this.i64(0n);
        if (c === -1n) return a;
        if (c === 0xffff_ffffn) {
          const low = this.make(Op.I32_WRAP_I64, Type.I32, [a]);
          return this.make(Op.I64_EXTEND_I32_U, type, [low]);
        }
        return undefined;
      case Op.I64_EQ:
        return c === 0n ? this.make(Op.I64_EQZ, type, [a]) : undefined;
      case Op.I64_DIV_U: {
        const shift = log2(c);
        if (shift === undefined) return undefined;
        return this.make(Op.I64_SHR_U, type, [a, this.i64(shift)]);
      }
      case Op.I64_REM_U:
        if (log2(c) === undefined) return undefined;
        return this.make(Op.I64_AND, type, [a, this.i64(c - 1n)]);
      default:
        return undefined;
    }
  }

  /** (x + c) + y is (x + y) + c: sums of several rounds of a loop, or of fields, have x + y in common. */
  #addWithin(sum: Value, y: Value): Value | undefined {
    if (sum.op !== Op.I32_ADD || arg(sum, 1).op !== Op.I32_CONST) return undefined;
    const inner = this.make(Op.I32_ADD, Type.I32, [arg(sum, 0), y]);
    return this.make(Op.I32_ADD, Type.I32, [inner, arg(sum, 1)]);
  }

  /** x << n | x >>> (width - n) is a rotation. */
  #rotation(type: number, a: Value, b: Value): Value | undefined {
    const wide = type === Type.I64;
    const [shl, shr] = wide ? [Op.I64_SHL, Op.I64_SHR_U] : [Op.I32_SHL, Op.I32_SHR_U];
    const [up, down] = a.op === shl ? [a, b] : [b, a];
    if (up.op !== shl || down.op !== shr || arg(up, 0) !== arg(down, 0)) return undefined;
    const n = shiftCount(arg(up, 1));
    const m = shiftCount(arg(down, 1));
    if (n === undefined || m === undefined || n + m !== (wide ? 64 : 32)) return undefined;
    const rotl = wide ? Op.I64_ROTL : Op.I32_ROTL;
    return this.#append(rotl, type, [arg(up, 0), arg(up, 1)]);
  }

  #withItself(op: number, a: Value): Value | undefined {
    switch (op) {
      case Op.I32_SUB:
      case Op.I32_XOR:
        return this.i32(0);
      case Op.I32_AND:
      case Op.I32_OR:
        return a;
      default:
        return undefined;
    }
  }

  #select(type: number, a: Value, b: Value, condition: Value): Value {
    if (a === b) return a;
    if (condition.op === Op.I32_CONST) return condition.imm !== 0 ? a : b;
    if (condition.op === Op.I32_EQZ) return this.#select(type, b, a, arg(condition, 0));
    if (a.op === Op.I32_CONST && b.op === Op.I32_CONST && isComparison(condition.op)) {
      if (a.imm === 1 && b.imm === 0) return condition;
      if (a.imm === 0 && b.imm === 1) return this.make(Op.I32_EQZ, type, [condition]);
    }
    const step =
      this.#step(type, b, a, condition, false) ?? this.#step(type, a, b, condition, true);
    return step ?? this.#append(Op.SELECT, type, [a, b, condition]);
  }

  /**
   * `next` is x + 1 or x - 1, and chosen if the condition holds (or does not): then it is x and a comparison,
   * where the processor can take that for a carry.
   */
  #step(type: number, x: Value, next: Value, condition: Value, ifNot: boolean): Value | undefined {
    const add = type === Type.I64 ? Op.I64_ADD : Op.I32_ADD;
    if (next.op !== add || arg(next, 0) !== x) return undefined;
    const by = arg(next, 1);
    const isUp = by.op === Op.I64_CONST ? by.bits === 1n : by.op === Op.I32_CONST && by.imm === 1;
    const isDown =
      by.op === Op.I64_CONST ? by.bits === -1n : by.op === Op.I32_CONST && by.imm === -1;
    if (!isUp && !isDown) return undefined;
    const holds = isComparison(condition.op)
      ? condition
      : this.make(Op.I32_NE, Type.I32, [condition, this.i32(0)]);
    const test = ifNot ? this.make(Op.I32_EQZ, Type.I32, [holds]) : holds;
    if (!belowOf(this.#fn, test)) return undefined;
    const step = type === Type.I64 ? this.make(Op.I64_EXTEND_I32_U, type, [test]) : test;
    if (isUp) return this.#append(add, type, [x, step]);
    return this.#append(type === Type.I64 ? Op.I64_SUB : Op.I32_SUB, type, [x, step]);
  }

  #constant(folded: number | bigint | undefined, type: number): Value | undefined {
    if (folded === undefined) return undefined;
    if (type === Type.I32) return this.i32(Number(folded));
    return typeof folded === 'bigint' ? this.i64(folded) : undefined;
  }
}

/** Whether {@link Simplifier} may be asked to make it: it depends on nothing but its operands. */
export function isSimplifiable(op: number): boolean {
  return isDivision(op) || (op >= Op.I32_EQZ && op <= Op.I64_EXTEND32_S) || op === Op.SELECT;
}

function arg(value: Value, i: number): Value {
  return resolve(value.args[i] as Value);
}

/** Whether an i32 is one of `bits` bits, sign-extended. */
function isWithin(value: Value, bits: 8 | 16): boolean {
  const { op } = value;
  if (op === Op.I32_LOAD8_S || op === Op.I32_EXTEND8_S) return true;
  if (bits === 16 && (op === Op.I32_LOAD16_S || op === Op.I32_EXTEND16_S)) return true;
  return upperBound(value) < 2 ** (bits - 1);
}

function shiftCount(value: Value): number | undefined {
  if (value.op === Op.I32_CONST) return value.imm & 31;
  if (value.op === Op.I64_CONST) return Number(value.bits & 63n);
  return undefined;
}

/** The exponent of a power of two below 2^63. */
function log2(n: bigint): bigint | undefined {
  if (n <= 0n || (n & (n - 1n)) !== 0n) return undefined;
  return BigInt(n.toString(2).length - 1);
}

/** The opposite of an integer comparison; floats have none, because of NaN. */
const INVERSE = new Map<number, number>(
  [Op.I32_EQ, Op.I64_EQ].flatMap((eq): [number, number][] => [
    [eq, eq + 1],
    [eq + 1, eq],
    ...[2, 3].flatMap((lt): [number, number][] => [
      [eq + lt, eq + lt + 6],
      [eq + lt + 6, eq + lt],
      [eq + lt + 2, eq + lt + 4],
      [eq + lt + 4, eq + lt + 2],
    ]),
  ]),
);

/** Whether the operands of an integer operation may be exchanged. */
export function isCommutative(op: number): boolean {
  return COMMUTED.get(op) === op;
}

/** The integer comparison that holds where this one does not. */
export function inverseOf(op: number): number | undefined {
  return INVERSE.get(op);
}

/** The operation that gives the same with the operands exchanged. */
const COMMUTED = new Map<number, number>([
  ...[Op.I32_ADD, Op.I32_MUL, Op.I32_AND, Op.I32_OR, Op.I32_XOR, Op.I32_EQ, Op.I32_NE].map(same),
  ...[Op.I64_ADD, Op.I64_MUL, Op.I64_AND, Op.I64_OR, Op.I64_XOR, Op.I64_EQ, Op.I64_NE].map(same),
  ...[Op.I32_EQ, Op.I64_EQ].flatMap((eq): [number, number][] => [
    [eq + 2, eq + 4],
    [eq + 3, eq + 5],
    [eq + 4, eq + 2],
    [eq + 5, eq + 3],
    [eq + 6, eq + 8],
    [eq + 7, eq + 9],
    [eq + 8, eq + 6],
    [eq + 9, eq + 7],
  ]),
]);

function same(op: number): [number, number] {
  return [op, op];
}

/** x op 0 = x */
const NEUTRAL_ZERO = new Set<number>([
  ...[Op.I32_ADD, Op.I32_SUB, Op.I32_OR, Op.I32_XOR, Op.I32_SHL, Op.I32_SHR_S, Op.I32_SHR_U],
  ...[Op.I64_ADD, Op.I64_SUB, Op.I64_OR, Op.I64_XOR, Op.I64_SHL, Op.I64_SHR_S, Op.I64_SHR_U],
  ...[Op.I32_ROTL, Op.I32_ROTR, Op.I64_ROTL, Op.I64_ROTR],
]);
