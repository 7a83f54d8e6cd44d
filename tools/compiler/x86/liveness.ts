import { isConstantUse, type MachineFn, usedRegister } from './machine.ts';
import { groupPairs, type NumberLists, Numbers } from './numbers.ts';

/** Virtual registers that are live at the blocks' starts and ends, ascending, by the blocks' order. */
export interface Liveness {
  /** Without the block's own phis. */
  readonly liveIn: NumberLists;
  /** With what the successors' phis take. */
  readonly liveOut: NumberLists;
}

/**
 * Finds where registers are live, one register after the other, by walking from each use up to the
 * definition. The last register that was found live somewhere tells whether a block has been visited:
 * the cost is that of the answer.
 */
export function findLiveness(fn: MachineFn): Liveness {
  const { blocks } = fn;
  const { definedIn, uses } = collectUses(fn);
  const liveIn = new LiveSets(blocks.length);
  const liveOut = new LiveSets(blocks.length);
  const work: number[] = [];
  for (let register = 0; register < fn.classes.length; register++) {
    const home = definedIn[register] as number;
    const end = uses.starts[register + 1] as number;
    for (let i = uses.starts[register] as number; i < end; i++) {
      const packed = uses.items[i] as number;
      const block = packed >> 1;
      if ((packed & 1) === 1) liveOut.add(block, register);
      if (block !== home || (packed & 1) === 0) work.push(block);
      for (let next = work.pop(); next !== undefined; next = work.pop()) {
        if (!liveIn.add(next, register)) continue;
        for (const { order } of (blocks[next] as (typeof blocks)[number]).preds) {
          liveOut.add(order, register);
          if (order !== home) work.push(order);
        }
      }
    }
  }
  return { liveIn: liveIn.lists(), liveOut: liveOut.lists() };
}

/** A set of registers for each block, filled in the order of the registers. */
class LiveSets {
  readonly #last: Int32Array;
  readonly #pairs = new Numbers();

  constructor(blocks: number) {
    this.#last = new Int32Array(blocks).fill(-1);
  }

  /** Whether the register was not in the block's set yet. */
  add(block: number, register: number): boolean {
    if (this.#last[block] === register) return false;
    this.#last[block] = register;
    this.#pairs.push(block);
    this.#pairs.push(register);
    return true;
  }

  lists(): NumberLists {
    return groupPairs(this.#last.length, this.#pairs);
  }
}

interface Uses {
  /** By register: the block that defines it. */
  readonly definedIn: Int32Array;
  /** By register: 2 * block that needs it from outside, or that plus 1, at its end for a phi. */
  readonly uses: NumberLists;
}

function collectUses(fn: MachineFn): Uses {
  const count = fn.classes.length;
  const definedIn = new Int32Array(count).fill(-1);
  for (const { order, phis, insts } of fn.blocks) {
    for (const { def } of phis) definedIn[def] = order;
    for (const { defs, temps } of insts) {
      for (const def of defs) if (def >= 0) definedIn[def] = order;
      for (const temp of temps) definedIn[temp] = order;
    }
  }
  const pairs = new Numbers();
  const last = new Int32Array(count).fill(-1);
  for (const block of fn.blocks) {
    const { order } = block;
    for (const { uses } of block.insts) {
      for (const each of uses) {
        if (isConstantUse(each)) continue;
        const register = usedRegister(each);
        if (definedIn[register] === order || last[register] === 2 * order) continue;
        last[register] = 2 * order;
        pairs.push(register);
        pairs.push(2 * order);
      }
    }
    for (const succ of block.succs) {
      if (succ.phis.length === 0) continue;
      const from = succ.preds.indexOf(block);
      for (const { inputs } of succ.phis) {
        const input = inputs[from] as number;
        if (isConstantUse(input)) continue;
        const register = usedRegister(input);
        if (last[register] === 2 * order + 1) continue;
        last[register] = 2 * order + 1;
        pairs.push(register);
        pairs.push(2 * order + 1);
      }
    }
  }
  return { definedIn, uses: groupPairs(count, pairs) };
}
