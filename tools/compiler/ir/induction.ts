import { Op, Type } from '../wasm/opcodes.ts';
import { type Block, Exit, type Fn, type Value } from './value.ts';

const I31 = 0x7fff_ffff;
/** How far up the dominators a condition is looked for. */
const REACH = 16;

/**
 * Finds how large the counters of loops get: a phi that starts at a constant, grows by constants,
 * and is held below a constant on every way back to the loop's top. Then an address made of it may
 * be known not to wrap.
 *
 * Let B be the largest of the start and of all the bounds on the ways back, and s the largest step.
 * If B + s < 2^31, the phi is between 0 and B by induction: growing it does not overflow, so its
 * next value is not negative either, and a signed comparison says as much about it as an unsigned.
 */
export function boundInductions(fn: Fn): void {
  for (const header of fn.blocks) {
    if (!header.isLoopHeader) continue;
    for (const phi of header.phis) if (phi.type === Type.I32) phi.bound = boundOf(header, phi);
  }
}

function boundOf(header: Block, phi: Value): number {
  const [start, ...rounds] = phi.args;
  if (start?.op !== Op.I32_CONST || start.imm < 0) return phi.bound;
  let bound = start.imm;
  let largestStep = 0;
  const conditions: Value[] = [];
  for (const [i, next] of rounds.entries()) {
    if (next === phi) continue;
    const step = stepOf(phi, next);
    if (step === undefined) return phi.bound;
    largestStep = Math.max(largestStep, step);
    const fact = factOnEdge(header, header.preds[i + 1] as Block, phi, next);
    if (!fact) return phi.bound;
    bound = Math.max(bound, fact.value === phi ? fact.most + step : fact.most);
    conditions.push(fact.condition);
  }
  if (bound + largestStep > I31) return phi.bound;
  for (const condition of conditions) compareUnsigned(condition);
  return bound;
}

/**
 * Of numbers that are not negative the unsigned comparison says the same. It also says so to a
 * reader of the code who knows nothing of loops, such as check-image.
 */
function compareUnsigned(condition: Value): void {
  if (SIGNED.has(condition.op)) condition.op++;
}

/** Each is followed by its unsigned counterpart. */
const SIGNED = new Set<number>([Op.I32_LT_S, Op.I32_GT_S, Op.I32_LE_S, Op.I32_GE_S]);

/** What is known on a way back of the phi or of its next value. */
function factOnEdge(header: Block, from: Block, phi: Value, next: Value): Fact | undefined {
  let block: Block | undefined = from;
  for (let i = 0; block && block !== header && i < REACH; i++) {
    const fact = factOf(block);
    if (fact?.value === phi || fact?.value === next) return fact;
    block = block.idom;
  }
  return undefined;
}

interface Fact {
  readonly value: Value;
  readonly most: number;
  readonly condition: Value;
}

/** s, if next = phi + s with 0 < s, maybe in several steps. */
function stepOf(phi: Value, next: Value): number | undefined {
  let step = 0;
  for (let at = next; at !== phi; at = at.args[0] as Value) {
    const constant = at.op === Op.I32_ADD ? at.args[1] : undefined;
    if (constant?.op !== Op.I32_CONST || constant.imm <= 0) return undefined;
    step += constant.imm;
    if (step > I31) return undefined;
  }
  return step === 0 ? undefined : step;
}

/** What a block's only way in says: that a value is at most so much. */
function factOf(block: Block): Fact | undefined {
  const from = block.preds[0];
  if (block.preds.length !== 1 || from?.exit !== Exit.BRANCH || !from.control) return undefined;
  const condition = from.control;
  const { op, args } = condition;
  const [value, limit] = args;
  if (!value || limit?.op !== Op.I32_CONST || limit.imm <= 0) return undefined;
  const holds = from.succs[0] === block;
  const isBelow = holds ? BELOW.has(op) : BELOW_IF_NOT.has(op);
  const isAtMost = holds ? AT_MOST.has(op) : AT_MOST_IF_NOT.has(op);
  if (isBelow) return { value, most: limit.imm - 1, condition };
  return isAtMost ? { value, most: limit.imm, condition } : undefined;
}

const BELOW = new Set<number>([Op.I32_LT_S, Op.I32_LT_U]);
const BELOW_IF_NOT = new Set<number>([Op.I32_GE_S, Op.I32_GE_U]);
const AT_MOST = new Set<number>([Op.I32_LE_S, Op.I32_LE_U]);
const AT_MOST_IF_NOT = new Set<number>([Op.I32_GT_S, Op.I32_GT_U]);
