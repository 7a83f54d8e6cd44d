import { isStore, Op } from '../wasm/opcodes.ts';
import { isInLoop } from './loops.ts';
import {
  type Block,
  type Fn,
  hasEffect,
  Ir,
  isConstant,
  isDivision,
  isFloatType,
  isTrappingTruncation,
  type Value,
} from './value.ts';
import { onlyLoads, V128_STORE, V128_STORE_LANES } from './vector-ops.ts';

/** XMM registers that a loop's values and constants may take together, and its constants at most. */
const REGISTERS = 14;
const MOST = 8;

/**
 * Keeps floats and vectors that innermost loops use as constants in registers, which are loaded before the
 * loop, as far as there are registers for them: else each use reads the constant from memory. Not where
 * something in the loop destroys the registers.
 */
export function keepConstants(fn: Fn): void {
  const inner = new Set(fn.blocks.filter(({ isLoopHeader }) => isLoopHeader));
  for (const header of inner) if (header.outer) inner.delete(header.outer);
  for (const header of inner) keepIn(fn, header);
}

function keepIn(fn: Fn, header: Block): void {
  const blocks: Block[] = [];
  for (let i = header.order; i < fn.blocks.length; i++) {
    const block = fn.blocks[i] as Block;
    if (!isInLoop(block, header)) break;
    if (!block.cold) blocks.push(block);
  }
  if (blocks.some(({ body }) => body.some(({ op }) => mayDestroyRegisters(op)))) return;
  const uses = new Map<Value, number>();
  for (const { body } of blocks) {
    for (const { args } of body) {
      for (const arg of args) {
        if (isConstant(arg) && isFloatType(arg.type)) uses.set(arg, (uses.get(arg) ?? 0) + 1);
      }
    }
  }
  if (uses.size === 0) return;
  const room = Math.min(MOST, REGISTERS - pressureOf(blocks, header));
  const chosen = [...uses].sort(([, a], [, b]) => b - a).slice(0, Math.max(0, room));
  const kept = new Map(chosen.map(([constant]) => [constant, keep(fn, constant, header)]));
  for (const { body } of blocks) {
    for (const { args } of body)
      args.forEach((arg, i) => {
        args[i] = kept.get(arg) ?? arg;
      });
  }
}

function keep(fn: Fn, constant: Value, header: Block): Value {
  const before = header.preds[0] as Block;
  const value = fn.value(Ir.KEPT, constant.type, [constant], 0, before, header.offset);
  before.body.push(value);
  return value;
}

/** XMM registers are all the caller's: whatever may be a call destroys them. */
function mayDestroyRegisters(op: number): boolean {
  return (
    hasEffect(op) &&
    !onlyLoads(op) &&
    !isStore(op) &&
    !isDivision(op) &&
    !isTrappingTruncation(op) &&
    op !== V128_STORE &&
    op !== Op.GLOBAL_SET &&
    !V128_STORE_LANES.has(op)
  );
}

/**
 * How many floats and vectors a loop may need at a time, at a guess: all that cross a block's border, and
 * the most that are live within one.
 */
function pressureOf(blocks: readonly Block[], header: Block): number {
  const crossing = new Set<Value>();
  let most = 0;
  for (const block of blocks) {
    for (const phi of block.phis) if (isFloatType(phi.type)) crossing.add(phi);
    const live = new Set<Value>();
    for (let i = block.body.length - 1; i >= 0; i--) {
      const value = block.body[i] as Value;
      live.delete(value);
      for (const arg of value.args) {
        if (!isFloatType(arg.type) || isConstant(arg)) continue;
        if (arg.block === block) live.add(arg);
        else crossing.add(arg);
      }
      most = Math.max(most, live.size);
    }
  }
  for (const phi of header.phis) {
    for (const arg of phi.args) if (isFloatType(arg.type) && !isConstant(arg)) crossing.add(arg);
  }
  return crossing.size + most;
}
