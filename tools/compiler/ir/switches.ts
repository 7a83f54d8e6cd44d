import { mapList } from '../lists.ts';
import { Op } from '../wasm/opcodes.ts';
import { orderBlocks } from './dominators.ts';
import { type Block, Exit, type Fn, isPure, resolve, type Value } from './value.ts';

/** A switch over fewer numbers is made of tests itself. */
const FEWEST_CASES = 5;
/** Operations that a test and the switch after it may have in between. */
const MOST_BETWEEN = 4;
/** How far behind the other cases one that is tested for may lie. */
const FARTHEST = 16;

/**
 * Tests whether a number is a constant that are followed by a switch over the number become a case of the
 * switch: `while (operation !== HALT) switch (operation)` is one jump then.
 */
export function mergeSwitches(fn: Fn): void {
  let isMerged = false;
  for (const block of fn.blocks) {
    while (merge(block)) isMerged = true;
  }
  if (isMerged) orderBlocks(fn);
}

/** Whether a block that ends in such a test now ends in the switch. */
function merge(block: Block): boolean {
  const test = testOf(block);
  if (!test) return false;
  const [same, other] = test.isEqual ? [0, 1] : [1, 0];
  const next = follow(block.succs[other] as Block);
  if (next.exit !== Exit.SWITCH || next.preds.length > 1 || next.phis.length > 0) return false;
  if (resolve(next.control as Value) !== test.value) return false;
  if (next.body.length > MOST_BETWEEN || !next.body.every(({ op }) => isPure(op))) return false;
  const { cases } = next;
  const last = cases.length - 1;
  if (last < FEWEST_CASES || test.number < 0 || test.number > last + FARTHEST) return false;
  const target = block.succs[same] as Block;
  const ways = Array.from({ length: Math.max(last, test.number + 1) }, (_, i) =>
    i === test.number ? next.succs.length : (cases[Math.min(i, last)] as number),
  );
  block.exit = Exit.SWITCH;
  block.control = test.value;
  block.cases = [...ways, cases[last] as number];
  block.succs = [...next.succs, target];
  for (const value of next.body) value.block = block;
  block.body.push(...next.body);
  for (const succ of next.succs) succ.preds[succ.preds.indexOf(next)] = block;
  next.succs = [];
  dropUntaken(block);
  return true;
}

/** The block that empty ones only lead to. */
function follow(block: Block): Block {
  let at = block;
  while (at.exit === Exit.JUMP && at.body.length === 0 && at.preds.length === 1) {
    const to = at.succs[0] as Block;
    if (to.preds.length > 1) break;
    at = to;
  }
  return at;
}

/** What number a block's branch compares a value with, and whether it goes on to successor 0 for it. */
function testOf({
  exit,
  control,
}: Block): { value: Value; number: number; isEqual: boolean } | undefined {
  if (exit !== Exit.BRANCH || !control) return undefined;
  const condition = resolve(control);
  const { op, args } = condition;
  if (op === Op.I32_EQZ) return { value: resolve(args[0] as Value), number: 0, isEqual: true };
  if (op !== Op.I32_EQ && op !== Op.I32_NE) return { value: condition, number: 0, isEqual: false };
  const [value, number] = mapList(args, resolve) as [Value, Value];
  if (number.op !== Op.I32_CONST) return undefined;
  return { value, number: number.imm, isEqual: op === Op.I32_EQ };
}

/** Drops successors that no case leads to any more. */
function dropUntaken(block: Block): void {
  const taken = new Set(block.cases);
  const kept = block.succs.map((_, i) => i).filter((i) => taken.has(i));
  if (kept.length === block.succs.length) return;
  block.succs.forEach((succ, i) => {
    if (taken.has(i)) return;
    const at = succ.preds.indexOf(block);
    succ.preds.splice(at, 1);
    for (const phi of succ.phis) phi.args.splice(at, 1);
  });
  block.cases = block.cases.map((i) => kept.indexOf(i));
  block.succs = mapList(kept, (i) => block.succs[i] as Block);
}
