import { MAX_PAGES } from '../wasm/module.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { Simplifier } from './simplify.ts';
import { type Block, type Fn, resolve, type Value } from './value.ts';

/** What the processor and the memory mode lack or make constant. */
export interface Lowering {
  readonly hasPopulationCount: boolean;
  /** Whether the memory is all 4 GiB, as at base 0. */
  readonly hasWholeMemory: boolean;
}

/** Replaces operations that have no instructions of their own by several that have. */
export function lower(fn: Fn, { hasPopulationCount, hasWholeMemory }: Lowering): void {
  if (hasPopulationCount && !hasWholeMemory) return;
  for (const block of fn.blocks) {
    const old = block.body;
    if (!old.some(({ op }) => isLowered(op))) continue;
    block.body = [];
    const simplifier = appendingTo(fn, block);
    for (const value of old) {
      const { op } = value;
      if (hasWholeMemory && op === Op.MEMORY_SIZE) {
        value.replacement = fn.i32(MAX_PAGES);
      } else if (hasWholeMemory && op === Op.MEMORY_GROW) {
        value.replacement = growNothing(fn, simplifier, resolve(value.args[0] as Value));
      } else if (!hasPopulationCount && (op === Op.I32_POPCNT || op === Op.I64_POPCNT)) {
        value.replacement = countBits(simplifier, resolve(value.args[0] as Value));
      } else {
        block.body.push(value);
      }
    }
  }
}

function isLowered(op: number): boolean {
  return (
    op === Op.MEMORY_SIZE || op === Op.MEMORY_GROW || op === Op.I32_POPCNT || op === Op.I64_POPCNT
  );
}

function appendingTo(fn: Fn, block: Block): Simplifier {
  return new Simplifier(fn, (op, type, args) => {
    const value = fn.value(op, type, args, 0, block, block.offset);
    block.body.push(value);
    return value;
  });
}

/** Growing by 0 succeeds, by anything else fails. */
function growNothing(fn: Fn, simplifier: Simplifier, delta: Value): Value {
  return simplifier.make(Op.SELECT, Type.I32, [fn.i32(-1), fn.i32(MAX_PAGES), delta]);
}

/** The number of ones, by adding neighbouring fields of 1, 2 and 4 bits and then all bytes. */
function countBits(m: Simplifier, x: Value): Value {
  const { type } = x;
  const wide = type === Type.I64;
  const [and, shr] = wide ? [Op.I64_AND, Op.I64_SHR_U] : [Op.I32_AND, Op.I32_SHR_U];
  const [add, sub] = wide ? [Op.I64_ADD, Op.I64_SUB] : [Op.I32_ADD, Op.I32_SUB];
  const constant = (n: bigint) => (wide ? m.i64(n) : m.i32(Number(BigInt.asIntN(32, n))));
  const right = (v: Value, n: bigint) => m.make(shr, type, [v, constant(n)]);
  const masked = (v: Value, byte: bigint) =>
    m.make(and, type, [v, constant(byte * 0x0101_0101_0101_0101n)]);
  const pairs = m.make(sub, type, [x, masked(right(x, 1n), 0x55n)]);
  const fours = m.make(add, type, [masked(pairs, 0x33n), masked(right(pairs, 2n), 0x33n)]);
  const bytes = masked(m.make(add, type, [fours, right(fours, 4n)]), 0x0fn);
  const product = m.make(wide ? Op.I64_MUL : Op.I32_MUL, type, [
    bytes,
    constant(0x0101_0101_0101_0101n),
  ]);
  return right(product, wide ? 56n : 24n);
}
