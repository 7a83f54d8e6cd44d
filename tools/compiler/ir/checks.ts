import { Op, Type } from '../wasm/opcodes.ts';
import { joinChains } from './chains.ts';
import { goOn } from './edges.ts';
import { isInLoop } from './loops.ts';
import { type Block, Exit, type Fn, Ir, type Value } from './value.ts';

/** How far up the dominators a condition is looked for. */
const REACH = 16;
/** Rounds of an unrolled loop that are followed. */
const MOST_STEPS = 8;
const I31 = 0x7fff_ffff;

/**
 * Removes tests that end in a trap where they can not fail: that the counter of a loop, unsigned, is below
 * a length that the loop itself compares it with, signed, as in `for (i = 0; i < n; i++) a[i]`.
 *
 * Let a counter start at 0 or above, grow by 1 at a time, and be compared, after each step that it takes
 * on a way back to the loop's top: i + 1 < n for some n, so it is below 2^31 - 1. By induction it never
 * overflows and is not negative; where i < n is known, n is greater than that, and i is below it unsigned too.
 */
export function removeChecks(fn: Fn): void {
  const counters = new Map<Value, boolean>();
  let isChanged = false;
  for (const block of fn.blocks) {
    const check = block.loop && checkOf(block);
    if (!check?.failed.cold) continue;
    const { value, limit } = check;
    const header = value.phi.block as Block;
    if (!isInLoop(block, header)) continue;
    let isCounter = counters.get(value.phi);
    if (isCounter === undefined) {
      isCounter = isCounting(header, value.phi);
      counters.set(value.phi, isCounter);
    }
    if (!isCounter || !isBelow(block, header, value, limit)) continue;
    goOn(block, check.way);
    removeUnreached(fn, check.failed);
    isChanged = true;
  }
  if (!isChanged) return;
  joinChains(fn);
  fn.blocks.forEach((block, i) => {
    block.order = i;
  });
}

/** A loop's phi plus a constant. */
interface Step {
  readonly phi: Value;
  readonly by: number;
}

function stepOf(value: Value): Step | undefined {
  let by = 0;
  let at = value;
  while (at.op === Op.I32_ADD) {
    const constant = at.args[1] as Value;
    if (constant.op !== Op.I32_CONST || constant.imm <= 0 || by + constant.imm > MOST_STEPS) {
      return undefined;
    }
    by += constant.imm;
    at = at.args[0] as Value;
  }
  const isLoopPhi = at.op === Ir.PHI && at.type === Type.I32 && at.block?.isLoopHeader;
  return isLoopPhi ? { phi: at, by } : undefined;
}

/** A branch that goes on if value < limit, unsigned. */
interface Check {
  readonly value: Step;
  readonly limit: Value;
  readonly way: 0 | 1;
  readonly failed: Block;
}

function checkOf({ exit, control, succs }: Block): Check | undefined {
  if (exit !== Exit.BRANCH || !control) return undefined;
  const { op, args } = control;
  const [a, b] = args as [Value, Value];
  const holds = op === Op.I32_LT_U || op === Op.I32_GT_U;
  if (!holds && op !== Op.I32_GE_U && op !== Op.I32_LE_U) return undefined;
  const isExchanged = op === Op.I32_GT_U || op === Op.I32_LE_U;
  const value = stepOf(isExchanged ? b : a);
  if (!value) return undefined;
  const way = holds ? 0 : 1;
  return { value, limit: isExchanged ? a : b, way, failed: succs[1 - way] as Block };
}

/** What is known where a block is reached: low < high, signed. */
interface Fact {
  readonly low: Value;
  readonly high: Value;
}

function factOf(block: Block): Fact | undefined {
  const from = block.preds[0];
  if (block.preds.length !== 1 || from?.exit !== Exit.BRANCH || !from.control) return undefined;
  const { op, args } = from.control;
  const [a, b] = args as [Value, Value];
  const holds = from.succs[0] === block;
  if (op === (holds ? Op.I32_LT_S : Op.I32_GE_S)) return { low: a, high: b };
  if (op === (holds ? Op.I32_GT_S : Op.I32_LE_S)) return { low: b, high: a };
  return undefined;
}

/** Whether a fact that suits is known at a block, from what comes after `header` or, without one, from all before. */
function isKnown(from: Block, header: Block | undefined, suits: (fact: Fact) => boolean): boolean {
  let block: Block | undefined = from;
  for (let i = 0; block && block !== header && i < REACH; i++) {
    const fact = factOf(block);
    if (fact && suits(fact)) return true;
    block = block.idom;
  }
  return false;
}

/** Whether at a block phi + by is known to be below something, or, if it is given, below `limit`. */
function isCompared(at: Block, { phi, by }: Step, limit?: Value): boolean {
  return isKnown(at, phi.block, ({ low, high }) => {
    if (limit && high !== limit) return false;
    const step = stepOf(low);
    return step?.phi === phi && step.by === by;
  });
}

/** Whether phi + 1, …, phi + by were all compared where a block is reached: none of them overflows. */
function areStepsCompared(at: Block, phi: Value, by: number): boolean {
  for (let i = 1; i <= by; i++) if (!isCompared(at, { phi, by: i })) return false;
  return true;
}

function isCounting(header: Block, phi: Value): boolean {
  const [start, ...nexts] = phi.args;
  if (start?.op !== Op.I32_CONST || start.imm < 0 || start.imm === I31) return false;
  return nexts.every((next, i) => {
    const step = stepOf(next);
    const latch = header.preds[i + 1] as Block;
    return step?.phi === phi && areStepsCompared(latch, phi, step.by);
  });
}

/** Whether a counter's step is below the limit at a block. */
function isBelow(block: Block, header: Block, value: Step, limit: Value): boolean {
  const { phi, by } = value;
  if (!areStepsCompared(block, phi, by - 1)) return false;
  if (isCompared(block, value, limit)) return true;
  if (by > 0) return false;
  const isFixed = !limit.block || !isInLoop(limit.block, header);
  const isPhi = limit.op === Ir.PHI && limit.block === header;
  if (!isFixed && !isPhi) return false;
  const limitOn = (i: number) => (isPhi ? (limit.args[i] as Value) : limit);
  return header.preds.every((pred, i) => {
    const of = limitOn(i);
    if (i === 0) return isStartBelow(pred, (phi.args[0] as Value).imm, of);
    const step = stepOf(phi.args[i] as Value) as Step;
    // Where neither changes, what was known is still.
    return (step.by === 0 && of === limit) || isCompared(pred, step, of);
  });
}

function isStartBelow(before: Block, start: number, limit: Value): boolean {
  if (limit.op === Op.I32_CONST) return start < limit.imm;
  return isKnown(before, undefined, ({ low, high }) => {
    return high === limit && low.op === Op.I32_CONST && low.imm >= start;
  });
}

/** Takes out blocks that nothing leads to any more. */
function removeUnreached(fn: Fn, from: Block): void {
  const removed = new Set<Block>();
  const work = [from];
  for (let block = work.pop(); block; block = work.pop()) {
    if (block.preds.length > 0 || removed.has(block)) continue;
    removed.add(block);
    for (const succ of block.succs) {
      const at = succ.preds.indexOf(block);
      succ.preds.splice(at, 1);
      for (const phi of succ.phis) phi.args.splice(at, 1);
      work.push(succ);
    }
  }
  if (removed.size > 0) fn.blocks = fn.blocks.filter((block) => !removed.has(block));
}
