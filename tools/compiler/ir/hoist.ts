import { Op } from '../wasm/opcodes.ts';
import { isInLoop } from './loops.ts';
import {
  type Block,
  type Fn,
  isComparison,
  isConstant,
  isFloatType,
  isPure,
  retain,
  type Value,
} from './value.ts';

/** Values that may be moved out of a loop, by register file: more would only be spilled. */
const MOST = 4;

/**
 * Moves pure operations on what a loop does not change to the block before it. Not those that
 * selection makes part of another instruction anyway: a small shift or a constant in an address, a
 * comparison in a branch.
 */
export function hoistInvariants(fn: Fn): void {
  // Inner loops last: what leaves an inner loop has left the outer one first, if it can.
  for (const header of fn.blocks) {
    if (header.isLoopHeader) hoistFrom(fn, header);
  }
}

function hoistFrom(fn: Fn, header: Block): void {
  const before = header.preds[0] as Block;
  const room = { general: MOST, float: MOST };
  const isInvariant = (arg: Value) =>
    isConstant(arg) || (arg.block !== undefined && !isInLoop(arg.block, header));
  const isKept = (value: Value) => {
    if (!isWorthIt(value) || !value.args.every(isInvariant)) return true;
    const file = isFloatType(value.type) ? 'float' : 'general';
    if (room[file] === 0) return true;
    room[file]--;
    value.block = before;
    before.body.push(value);
    return false;
  };
  for (let i = header.order; i < fn.blocks.length; i++) {
    const block = fn.blocks[i] as Block;
    if (!isInLoop(block, header)) break;
    if (!block.cold) retain(block.body, isKept);
  }
}

function isWorthIt({ op, args }: Value): boolean {
  if (!isPure(op) || isComparison(op)) return false;
  switch (op) {
    case Op.I32_WRAP_I64:
    case Op.I64_EXTEND_I32_U:
      return false;
    case Op.I32_ADD:
    case Op.I64_ADD:
      return !isConstant(args[1] as Value);
    case Op.I32_SHL:
    case Op.I64_SHL: {
      const amount = args[1] as Value;
      return !isConstant(amount) || amount.imm > 3 || amount.bits > 3n;
    }
    default:
      return true;
  }
}
