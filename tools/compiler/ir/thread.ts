import { mapList } from '../lists.ts';
import { Op } from '../wasm/opcodes.ts';
import { orderBlocks } from './dominators.ts';
import { edgeOn, goOn } from './edges.ts';
import { removeTrivialPhis } from './phis.ts';
import { isSimplifiable, Simplifier } from './simplify.ts';
import { SsaRepair } from './ssa-repair.ts';
import {
  type Block,
  Exit,
  type Fn,
  Ir,
  isComparison,
  isConstant,
  isDivision,
  type Value,
} from './value.ts';

/** Operations of a block that is copied, at most. */
const MOST_COPIED = 3;

/**
 * Makes the branches of conditions that are put together of others direct ones: a test of `a & b` becomes
 * two, and where a branch is decided by the way on which it is reached, as `a && b` in most languages
 * becomes `a ? b : 0` and a test, that way leads on to its target.
 */
export function threadBranches(fn: Fn): void {
  const isSplit = splitConditions(fn);
  const repair = new SsaRepair(fn);
  const isThreaded = threadKnown(fn, repair);
  if (!isSplit && !isThreaded) return;
  orderBlocks(fn);
  repair.run();
  removeTrivialPhis(fn);
  // Of a condition that met constants it may be all that is left.
  if (isThreaded && splitConditions(fn)) orderBlocks(fn);
}

function splitConditions(fn: Fn): boolean {
  let isSplit = false;
  // Blocks that are made are looked at too.
  for (const block of fn.blocks) {
    exchangeIfNot(block);
    for (let parts = partsOf(block); parts; parts = partsOf(block)) {
      split(fn, block, ...parts);
      isSplit = true;
    }
  }
  return isSplit;
}

/** Branches on the condition itself instead of its opposite, if it is put together of others. */
function exchangeIfNot(block: Block): void {
  const { exit, control, succs } = block;
  if (exit !== Exit.BRANCH || control?.op !== Op.I32_EQZ) return;
  const condition = control.args[0] as Value;
  if (isComparison(condition.op) || !isCondition(condition)) return;
  block.control = condition;
  block.succs = [succs[1] as Block, succs[0] as Block];
}

/** The two conditions that a block's branch is put together of, and the way for which the first may decide. */
function partsOf({ exit, control }: Block): [Value, Value, 0 | 1] | undefined {
  if (exit !== Exit.BRANCH || !control) return undefined;
  if (control.op !== Op.I32_AND && control.op !== Op.I32_OR) return undefined;
  const [a, b] = control.args as [Value, Value];
  return isCondition(a) && isCondition(b) ? [a, b, control.op === Op.I32_AND ? 1 : 0] : undefined;
}

/** Whether it is 0 or 1 by a comparison, or put together of such. */
function isCondition({ op, args }: Value): boolean {
  if (isComparison(op)) return true;
  return (op === Op.I32_AND || op === Op.I32_OR) && args.every(isCondition);
}

/** Branches on `a` first, and unless that decides for the way `decided`, on `b`. */
function split(fn: Fn, block: Block, a: Value, b: Value, decided: 0 | 1): void {
  const second = fn.newBlock();
  second.exit = Exit.BRANCH;
  second.offset = block.offset;
  second.control = sunk(fn, b, second);
  second.preds = [block];
  second.succs = [...block.succs];
  const early = edgeOn(fn, block, decided);
  const target = early.succs[0] as Block;
  second.succs.forEach((succ, way) => {
    if (way !== decided) {
      succ.preds[succ.preds.indexOf(block)] = second;
      return;
    }
    const late = fn.newBlock();
    late.exit = Exit.JUMP;
    late.offset = block.offset;
    late.preds = [second];
    late.succs = [target];
    second.succs[way] = late;
    target.addPred(late);
    const known = target.preds.indexOf(early);
    for (const phi of target.phis) phi.args.push(phi.args[known] as Value);
  });
  block.control = sunk(fn, a, block);
  block.succs = decided === 1 ? [second, early] : [early, second];
}

/** The comparison once more in the block that branches on it: the flags that it leaves stay in one block. */
function sunk(fn: Fn, condition: Value, block: Block): Value {
  if (condition.block === block || !isComparison(condition.op)) return condition;
  const { op, type, args, imm, offset } = condition;
  const copy = fn.value(op, type, [...args], imm, block, offset);
  block.body.push(copy);
  return copy;
}

function threadKnown(fn: Fn, repair: SsaRepair): boolean {
  const candidates = fn.blocks.filter(
    ({ exit, phis, body, preds, isLoopHeader }) =>
      exit === Exit.BRANCH &&
      !isLoopHeader &&
      preds.length > 1 &&
      body.length <= MOST_COPIED &&
      phis.some(({ args }) => args.some(isConstant)) &&
      body.every(({ op }) => isSimplifiable(op) && !isDivision(op)),
  );
  let isThreaded = false;
  for (const block of candidates) {
    for (let i = block.preds.length - 1; i >= 0; i--) {
      const way = knownWay(fn, block, i);
      if (way === undefined) continue;
      if (block.preds.length > 1) thread(fn, block, i, way, repair);
      else goOn(block, way);
      isThreaded = true;
    }
  }
  return isThreaded;
}

/** Which way a block's branch goes when it is reached from its predecessor number `i`, if that is known. */
function knownWay(fn: Fn, block: Block, i: number): 0 | 1 | undefined {
  const known = new Map<Value, Value>();
  const mapped = (value: Value) => known.get(value) ?? value;
  for (const phi of block.phis) known.set(phi, phi.args[i] as Value);
  const simplifier = new Simplifier(fn, (op, type, args) =>
    fn.value(op, type, args, 0, undefined, block.offset),
  );
  for (const value of block.body) {
    known.set(value, simplifier.make(value.op, value.type, mapList(value.args, mapped)));
  }
  const control = mapped(block.control as Value);
  if (control.op !== Op.I32_CONST) return undefined;
  return control.imm !== 0 ? 0 : 1;
}

/** Gives a predecessor a copy of the block, which goes on one way. */
function thread(fn: Fn, block: Block, i: number, way: 0 | 1, repair: SsaRepair): void {
  const [from] = block.preds.splice(i, 1) as [Block];
  const copy = fn.newBlock();
  copy.exit = Exit.JUMP;
  copy.offset = block.offset;
  copy.preds = [from];
  from.succs = mapList(from.succs, (succ) => (succ === block ? copy : succ));
  const copies = new Map<Value, Value>();
  for (const phi of block.phis) {
    const [arg] = phi.args.splice(i, 1) as [Value];
    const value = fn.value(Ir.PHI, phi.type, [arg], 0, copy, phi.offset);
    copy.phis.push(value);
    copies.set(phi, value);
  }
  for (const old of block.body) {
    const { op, type, args, imm, offset, aux } = old;
    const mapped = mapList(args, (arg) => copies.get(arg) ?? arg);
    const value = fn.value(op, type, mapped, imm, copy, offset, aux);
    copy.body.push(value);
    copies.set(old, value);
  }
  for (const [value, again] of copies) repair.addCopy(value, again);
  const edge = edgeOn(fn, block, way);
  const to = edge.succs[0] as Block;
  copy.succs = [to];
  const known = to.preds.indexOf(edge);
  to.addPred(copy);
  for (const phi of to.phis) phi.args.push(phi.args[known] as Value);
}
