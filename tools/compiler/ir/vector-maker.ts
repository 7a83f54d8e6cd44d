import { Type } from '../wasm/opcodes.ts';
import type { Simplifier } from './simplify.ts';
import type { Fn, Value } from './value.ts';
import { machineVectorOp } from './vector-ops.ts';

/** What the processor has beyond SSE2. */
export interface VectorExtensions {
  /** SSE3 to SSE4.2. */
  readonly v2: boolean;
  /** AVX and AVX2. */
  readonly avx: boolean;
}

/** Appends operations on vectors to a block in the making, for the functions that lower Wasm's. */
export class VectorMaker {
  readonly integers: Simplifier;
  readonly v2: boolean;
  readonly avx: boolean;
  readonly #fn: Fn;
  readonly #append: (op: number, type: number, args: Value[], imm: number) => Value;

  /** @param append makes an operation as it is */
  constructor(
    fn: Fn,
    integers: Simplifier,
    { v2, avx }: VectorExtensions,
    append: (op: number, type: number, args: Value[], imm: number) => Value,
  ) {
    this.#fn = fn;
    this.integers = integers;
    this.v2 = v2;
    this.avx = avx;
    this.#append = append;
  }

  unary(name: string, a: Value, imm = 0): Value {
    return this.#append(machineVectorOp(name), Type.V128, [a], imm);
  }

  binary(name: string, a: Value, b: Value, imm = 0): Value {
    return this.#append(machineVectorOp(name), Type.V128, [a, b], imm);
  }

  /** An operation whose result is no vector. */
  scalar(name: string, type: number, a: Value, imm = 0): Value {
    return this.#append(machineVectorOp(name), type, [a], imm);
  }

  /** One of Wasm's own operations, a load say. */
  wasm(op: number, type: number, args: Value[], imm = 0): Value {
    return this.#append(op, type, args, imm);
  }

  /** A shift of every lane by an immediate. */
  shift(name: string, a: Value, count: number): Value {
    return this.unary(`${name}#`, a, count);
  }

  constant(bits: bigint): Value {
    return this.#fn.v128(bits);
  }

  /** The constant with the same number in every lane of `width` bits. */
  every(width: number, lane: bigint): Value {
    let bits = 0n;
    for (let at = 0; at < 128; at += width) bits |= BigInt.asUintN(width, lane) << BigInt(at);
    return this.constant(bits);
  }

  get zero(): Value {
    return this.constant(0n);
  }

  not(a: Value): Value {
    return this.binary('pxor', a, this.every(64, -1n));
  }

  /** The bits of `yes` where the mask is 1, of `no` where it is 0. */
  choose(mask: Value, yes: Value, no: Value): Value {
    return this.binary('por', this.binary('pand', yes, mask), this.binary('pandn', mask, no));
  }
}

/** What stands for a Wasm vector instruction: its operands and its lane index. */
export type Expansion = (m: VectorMaker, args: readonly Value[], lane: number) => Value;

/** Expansions by the names of the instructions. */
export type Expansions = Record<string, Expansion>;

/** An expansion of two operands. */
export const two =
  (make: (m: VectorMaker, a: Value, b: Value) => Value): Expansion =>
  (m, [a, b]) =>
    make(m, a as Value, b as Value);

/** An expansion of one operand. */
export const one =
  (make: (m: VectorMaker, a: Value) => Value): Expansion =>
  (m, [a]) =>
    make(m, a as Value);
