import { emptyList } from '../lists.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { isMachineVectorOp, V128_CONST } from './vector-ops.ts';

/**
 * The intermediate representation: a control flow graph of blocks that hold values in SSA form.
 *
 * Opcodes are Wasm's where they mean the same, and those of {@link Ir}. Types are Wasm's numbers,
 * 0 for no value. Constants are in no block. A value that a pass has found to equal another names
 * it in `replacement`; {@link resolve} follows that.
 */
export const Ir = {
  /** A block's argument: one arg per predecessor, in the order of `block.preds`. */
  PHI: 0x1000,
  /** The function's parameter number `imm`. */
  PARAM: 0x1001,
  /** Result number `imm` of a call with several. */
  RESULT: 0x1002,
  /** An instruction-like import: number `imm` of Context.intrinsics. */
  INTRINSIC: 0x1003,
  /** The address of the symbol that import `imm` is bound to. */
  ADDRESS: 0x1004,
  /** Sets item `aux` of element segment `imm` to a reference. */
  SET_ELEMENT: 0x1005,
  /** A constant float or vector that stays in a register. */
  KEPT: 0x1006,
} as const;

const IR_NAMES = new Map<number, string>(
  Object.entries(Ir).map(([name, op]) => [op, name.toLowerCase()]),
);

/** The name of one of {@link Ir}'s own operations. */
export function irName(op: number): string | undefined {
  return IR_NAMES.get(op);
}

export class Value {
  readonly id: number;
  op: number;
  readonly type: number;
  args: Value[];
  /** An i32 constant (signed), an f32 constant's bits (signed), an index, a memory access's offset. */
  readonly imm: number;
  /** A second index. */
  readonly aux: number;
  /** An i64 constant (signed), or the bits of an f64 or v128 constant. */
  readonly bits: bigint;
  block: Block | undefined;
  /** Offset in the module of the Wasm instruction that it comes from. */
  readonly offset: number;
  replacement: Value | undefined;
  /** Number of uses; counted by countUses. */
  uses: number;
  /** Of an i32 phi: the largest value, unsigned, that it may have, or -1; set by boundInductions. */
  bound: number;

  constructor(
    id: number,
    op: number,
    type: number,
    args: Value[],
    imm: number,
    aux: number,
    bits: bigint,
    block: Block | undefined,
    offset: number,
  ) {
    this.id = id;
    this.op = op;
    this.type = type;
    this.args = args;
    this.imm = imm;
    this.aux = aux;
    this.bits = bits;
    this.block = block;
    this.offset = offset;
    this.replacement = undefined;
    this.uses = 0;
    // Numbers of 32 bits with a sign are kept without an object of their own.
    this.bound = -1;
  }
}

/** How a block ends. TAIL_CALL: with the call that is the last value of its body. */
export const Exit = {
  NONE: 0,
  JUMP: 1,
  BRANCH: 2,
  SWITCH: 3,
  RETURN: 4,
  TRAP: 5,
  TAIL_CALL: 6,
} as const;

/** What lists are before they are given: many are never longer. */
const NOTHING: never[] = emptyList();
const NO_CASES: readonly number[] = [];

export class Block {
  readonly id: number;
  phis: Value[] = [];
  body: Value[] = [];
  /** See {@link addPred}. */
  preds: Block[] = NOTHING;
  /** JUMP: one; BRANCH: if not zero, if zero; SWITCH: the distinct targets. */
  succs: Block[] = NOTHING;
  exit: number = Exit.NONE;
  /** What BRANCH and SWITCH decide on. */
  control: Value | undefined;
  /** What RETURN returns. */
  results: Value[] = NOTHING;
  /** SWITCH: index in `succs` for each case, the default last. */
  cases: readonly number[] = NO_CASES;
  /** Offset in the module of the instruction that ends the block. */
  offset = 0;
  idom: Block | undefined;
  /** Depth in the dominator tree. */
  level = 0;
  /** Innermost loop, by its header, that the block is in; set by findLoops. */
  loop: Block | undefined;
  loopDepth = 0;
  isLoopHeader = false;
  /** Of a loop's header: the header of the loop around it. */
  outer: Block | undefined;
  /** Of a loop's header: the numbers of the loop and of those nested in it, [first, end). */
  loopFirst = 0;
  loopEnd = 0;
  /** Whether it only leads to a trap. */
  cold = false;
  /** Position in Fn.blocks; set by layout. */
  order = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** Adds a way in. */
  addPred(from: Block): void {
    // Most blocks have one, and a list that is pushed to gets room for seventeen.
    if (this.preds.length === 0) this.preds = [from];
    else this.preds.push(from);
  }
}

/** A function in the making. */
export class Fn {
  readonly name: string;
  readonly index: number;
  readonly params: readonly number[];
  readonly results: readonly number[];
  blocks: Block[] = [];
  /** Whether operations are as simple as their operands' constants make them. */
  isSimplified = true;
  isUnrolled = false;
  #values = 0;
  #blockCount = 0;
  readonly #i32 = new Map<number, Value>();
  readonly #i64 = new Map<bigint, Value>();
  readonly #f32 = new Map<number, Value>();
  readonly #f64 = new Map<bigint, Value>();
  readonly #v128 = new Map<bigint, Value>();

  constructor(name: string, index: number, params: readonly number[], results: readonly number[]) {
    this.name = name;
    this.index = index;
    this.params = params;
    this.results = results;
  }

  /** One more than the highest id of a value. */
  get valueCount(): number {
    return this.#values;
  }

  get blockCount(): number {
    return this.#blockCount;
  }

  newBlock(): Block {
    const block = new Block(this.#blockCount++);
    this.blocks.push(block);
    return block;
  }

  /** A block that is not in `blocks` yet. */
  detachedBlock(): Block {
    return new Block(this.#blockCount++);
  }

  value(
    op: number,
    type: number,
    args: Value[],
    imm: number,
    block: Block | undefined,
    offset: number,
    aux = 0,
  ): Value {
    return new Value(this.#values++, op, type, args, imm, aux, 0n, block, offset);
  }

  /** @param value any number; its low 32 bits count */
  i32(value: number): Value {
    const n = value | 0;
    let constant = this.#i32.get(n);
    if (!constant) {
      constant = this.value(Op.I32_CONST, Type.I32, NOTHING, n, undefined, 0);
      this.#i32.set(n, constant);
    }
    return constant;
  }

  /** @param value any integer; its low 64 bits count */
  i64(value: bigint): Value {
    const n = BigInt.asIntN(64, value);
    let constant = this.#i64.get(n);
    if (!constant) {
      constant = this.#wide(Op.I64_CONST, Type.I64, n);
      this.#i64.set(n, constant);
    }
    return constant;
  }

  /** @param bits any number; its low 32 bits count */
  f32(bits: number): Value {
    const n = bits | 0;
    let constant = this.#f32.get(n);
    if (!constant) {
      constant = this.value(Op.F32_CONST, Type.F32, NOTHING, n, undefined, 0);
      this.#f32.set(n, constant);
    }
    return constant;
  }

  f64(bits: bigint): Value {
    let constant = this.#f64.get(bits);
    if (!constant) {
      constant = this.#wide(Op.F64_CONST, Type.F64, bits);
      this.#f64.set(bits, constant);
    }
    return constant;
  }

  /** @param bits lane 0 in the low ones */
  v128(bits: bigint): Value {
    let constant = this.#v128.get(bits);
    if (!constant) {
      constant = this.#wide(V128_CONST, Type.V128, bits);
      this.#v128.set(bits, constant);
    }
    return constant;
  }

  /** The value that a local of the type starts with. */
  zero(type: number): Value {
    switch (type) {
      case Type.I32:
        return this.i32(0);
      case Type.F32:
        return this.f32(0);
      case Type.F64:
        return this.f64(0n);
      case Type.V128:
        return this.v128(0n);
      default:
        return this.i64(0n);
    }
  }

  #wide(op: number, type: number, bits: bigint): Value {
    return new Value(this.#values++, op, type, NOTHING, 0, 0, bits, undefined, 0);
  }
}

/** The value that stands for this one after all replacements. */
export function resolve(value: Value): Value {
  let v = value;
  while (v.replacement) v = v.replacement;
  return v;
}

/** Whether it is a number known now. */
export function isConstant(value: Value): boolean {
  const { op } = value;
  return (op >= Op.I32_CONST && op <= Op.F64_CONST) || op === V128_CONST;
}

/** Comparisons and eqz: 0 or 1 of type i32. */
export function isComparison(op: number): boolean {
  return op >= Op.I32_EQZ && op <= Op.F64_GE;
}

/** Whether values of the type live in XMM registers. */
export function isFloatType(type: number): boolean {
  return type === Type.F32 || type === Type.F64 || type === Type.V128;
}

/** Integer division and remainder: they trap on a divisor of zero. */
export function isDivision(op: number): boolean {
  return (op >= Op.I32_DIV_S && op <= Op.I32_REM_U) || (op >= Op.I64_DIV_S && op <= Op.I64_REM_U);
}

/** Float to integer conversions that trap on what does not fit. */
export function isTrappingTruncation(op: number): boolean {
  return (
    (op >= Op.I32_TRUNC_F32_S && op <= Op.I32_TRUNC_F64_U) ||
    (op >= Op.I64_TRUNC_F32_S && op <= Op.I64_TRUNC_F64_U)
  );
}

/** Operations that depend on their operands only and never trap: free to be merged and moved. */
export function isPure(op: number): boolean {
  if (op >= Op.I32_EQZ && op <= Op.I64_EXTEND32_S) {
    return !isDivision(op) && !isTrappingTruncation(op);
  }
  return (
    op === Op.SELECT ||
    (op >= Op.I32_TRUNC_SAT_F32_S && op <= Op.I64_TRUNC_SAT_F64_U) ||
    op === Op.REF_FUNC ||
    isMachineVectorOp(op) ||
    op === Ir.ADDRESS ||
    op === Ir.KEPT
  );
}

/** Operations that must stay even if nothing uses their value, and in their order. */
export function hasEffect(op: number): boolean {
  return (
    !isPure(op) &&
    op !== Ir.PHI &&
    op !== Op.GLOBAL_GET &&
    op !== Op.MEMORY_SIZE &&
    op !== Op.TABLE_SIZE
  );
}

/** Replaces all that a block computes with, its exit included, by what `map` answers. */
export function mapOperands(block: Block, map: (value: Value) => Value): void {
  for (const value of block.body) mapArgs(value.args, map);
  mapInputs(block, map);
}

/** The same for its phis and its exit only. */
export function mapInputs(block: Block, map: (value: Value) => Value): void {
  for (const phi of block.phis) mapArgs(phi.args, map);
  if (block.control) block.control = map(block.control);
  mapArgs(block.results, map);
}

/** Takes out of a list, in place, what does not pass the test. */
export function retain<T>(list: T[], isKept: (item: T, index: number) => boolean): void {
  let kept = 0;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as T;
    if (!isKept(item, i)) continue;
    if (kept < i) list[kept] = item;
    kept++;
  }
  if (kept < list.length) list.length = kept;
}

function mapArgs(args: Value[], map: (value: Value) => Value): void {
  for (let i = 0; i < args.length; i++) args[i] = map(args[i] as Value);
}
