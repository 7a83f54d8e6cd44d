import { isLoad, Op } from '../wasm/opcodes.ts';
import {
  type Block,
  type Fn,
  Ir,
  isConstant,
  isDivision,
  isFloatType,
  type Value,
} from './value.ts';

/** Sums of fewer parts can not be ordered better. */
const FEWEST_PARTS = 3;
const MOST_PARTS = 16;

/** Clock cycles from operands to result, about; what an address or nothing does takes none. */
const LOAD = 4;
const MULTIPLY = 3;
const DIVIDE = 10;
const FLOAT = 3;

/**
 * Orders the parts of sums (and of what else is associative and commutative) in loops by when they
 * are known: what a round takes from the one before comes last, so that the processor, which works
 * ahead on everything else, waits for as few operations as can be. Uses must have been counted.
 */
export function reassociate(fn: Fn): void {
  if (!fn.blocks.some(({ loop }) => loop)) return;
  const depths = new Array<number>(fn.valueCount).fill(0);
  for (const block of fn.blocks) {
    if (!block.loop) continue;
    measure(block, depths);
    if (hasNestedSum(block)) new Reorderer(fn, block, depths).run();
  }
}

const ASSOCIATIVE = new Set<number>([
  ...[Op.I32_ADD, Op.I32_AND, Op.I32_OR, Op.I32_XOR],
  ...[Op.I64_ADD, Op.I64_AND, Op.I64_OR, Op.I64_XOR],
]);

function hasNestedSum(block: Block): boolean {
  return block.body.some(
    (sum) => ASSOCIATIVE.has(sum.op) && sum.args.some((arg) => isPartOf(sum, arg)),
  );
}

/** Whether an operand is a sum that is only for this one. */
function isPartOf({ op, block }: Value, arg: Value): boolean {
  return arg.op === op && arg.uses === 1 && arg.block === block;
}

/** Finds how long after the round's start a block's values are known: 0 for those that need not wait. */
function measure(block: Block, depths: number[]): void {
  for (const phi of block.phis) {
    if (block.isLoopHeader) depths[phi.id] = isCounter(phi) ? 0 : 1;
    else depths[phi.id] = latest(phi.args, depths);
  }
  for (const value of block.body) {
    const depth = latest(value.args, depths);
    depths[value.id] = depth === 0 ? 0 : depth + latency(value);
  }
}

function latest(values: readonly Value[], depths: readonly number[]): number {
  let depth = 0;
  for (const { id } of values) depth = Math.max(depth, depths[id] as number);
  return depth;
}

/** Whether a loop only counts in it: then its values are known far ahead. */
function isCounter(phi: Value): boolean {
  const counts = ({ op, args }: Value) =>
    op === Op.I32_ADD && args[0] === phi && isConstant(args[1] as Value);
  return phi.args.every((next, i) => i === 0 || next === phi || counts(next));
}

function latency({ op, type }: Value): number {
  if (isLoad(op)) return LOAD;
  if (op === Op.I32_MUL || op === Op.I64_MUL) return MULTIPLY;
  if (op === Op.I64_EXTEND_I32_U || op === Op.I32_WRAP_I64 || op === Ir.RESULT) return 0;
  if (isDivision(op)) return DIVIDE;
  return isFloatType(type) ? FLOAT : 1;
}

/** Reorders the sums of one block. */
class Reorderer {
  readonly #fn: Fn;
  readonly #block: Block;
  readonly #depths: number[];
  /** By value id: where in the block's body it stands, or after what it is to stand. */
  readonly #positions = new Map<number, number>();
  /** What comes after the value at a position. */
  readonly #added = new Map<number, Value[]>();
  readonly #dropped = new Set<Value>();

  constructor(fn: Fn, block: Block, depths: number[]) {
    this.#fn = fn;
    this.#block = block;
    this.#depths = depths;
  }

  run(): void {
    const { body } = this.#block;
    body.forEach(({ id }, i) => {
      this.#positions.set(id, i);
    });
    // From the last to the first: what is part of a sum comes before it.
    for (let i = body.length - 1; i >= 0; i--) {
      const value = body[i] as Value;
      if (ASSOCIATIVE.has(value.op) && !this.#dropped.has(value)) this.#reorder(value);
    }
    if (this.#dropped.size === 0) return;
    this.#block.body = body.flatMap((value, i) => {
      const added = this.#added.get(i) ?? [];
      return this.#dropped.has(value) ? added : [value, ...added];
    });
  }

  #reorder(sum: Value): void {
    const parts: Value[] = [];
    const inner: Value[] = [];
    this.#collect(sum, parts, inner);
    if (parts.length < FEWEST_PARTS || parts.length > MOST_PARTS) return;
    const depth = this.#depths[sum.id] as number;
    if (depth === 0 || this.#best(parts) >= depth) return;
    for (const value of inner) this.#dropped.add(value);
    const queue = this.#sorted(parts);
    while (queue.length > 2) {
      const [a, b] = queue.splice(0, 2) as [Value, Value];
      queue.push(this.#combine(sum, a, b));
      this.#sort(queue);
    }
    sum.args = this.#ordered(queue[0] as Value, queue[1] as Value);
    this.#depths[sum.id] = latest(sum.args, this.#depths) + 1;
  }

  /** The operands of the sum and of the sums that are only for it. */
  #collect(sum: Value, parts: Value[], inner: Value[]): void {
    for (const arg of sum.args) {
      if (isPartOf(sum, arg)) {
        inner.push(arg);
        this.#collect(arg, parts, inner);
      } else {
        parts.push(arg);
      }
    }
  }

  /** When a sum of the parts could be known. */
  #best(parts: readonly Value[]): number {
    const depths = parts.map(({ id }) => this.#depths[id] as number).sort((a, b) => a - b);
    while (depths.length > 1) {
      const [, later] = depths.splice(0, 2) as [number, number];
      depths.push(later === 0 ? 0 : later + 1);
      depths.sort((a, b) => a - b);
    }
    return depths[0] as number;
  }

  #sorted(parts: readonly Value[]): Value[] {
    const sorted = [...parts];
    this.#sort(sorted);
    return sorted;
  }

  /** The earliest known first, of those the earliest in the block. */
  #sort(values: Value[]): void {
    values.sort(
      (a, b) =>
        (this.#depths[a.id] as number) - (this.#depths[b.id] as number) ||
        this.#position(a) - this.#position(b),
    );
  }

  #position({ id }: Value): number {
    return this.#positions.get(id) ?? -1;
  }

  #combine(sum: Value, a: Value, b: Value): Value {
    let position = Math.max(this.#position(a), this.#position(b), 0);
    // A call's results stay right behind it.
    while (this.#block.body[position + 1]?.op === Ir.RESULT) position++;
    const value = this.#fn.value(sum.op, sum.type, this.#ordered(a, b), 0, this.#block, sum.offset);
    value.uses = 1;
    const depth = latest(value.args, this.#depths);
    this.#depths[value.id] = depth === 0 ? 0 : depth + 1;
    this.#positions.set(value.id, position);
    const added = this.#added.get(position);
    if (added) added.push(value);
    else this.#added.set(position, [value]);
    return value;
  }

  /** A constant stands on the right. */
  #ordered(a: Value, b: Value): Value[] {
    return isConstant(a) ? [b, a] : [a, b];
  }
}
