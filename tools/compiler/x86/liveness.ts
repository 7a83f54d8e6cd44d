import { isConstantUse, type MachineFn, usedRegister } from './machine.ts';

/** Virtual registers that are live at the blocks' starts and ends, by the blocks' order. */
export interface Liveness {
  /** Without the block's own phis. */
  readonly liveIn: readonly (readonly number[])[];
  /** With what the successors' phis take. */
  readonly liveOut: readonly (readonly number[])[];
}

/**
 * Finds where registers are live, one register after the other, by walking from each use up to the
 * definition. As lists fill in the order of registers, a look at the last element tells whether a
 * block has been visited: the cost is that of the answer.
 */
export function findLiveness(fn: MachineFn): Liveness {
  const { blocks } = fn;
  const uses = collectUses(fn);
  const liveIn: number[][] = blocks.map(() => []);
  const liveOut: number[][] = blocks.map(() => []);
  const work: number[] = [];
  for (let register = 0; register < fn.classes.length; register++) {
    const home = uses.definedIn[register] as number;
    for (let i = uses.starts[register] as number; i < (uses.starts[register + 1] as number); i++) {
      const packed = uses.blocks[i] as number;
      const block = packed >> 1;
      if ((packed & 1) === 1) append(liveOut[block] as number[], register);
      if (block !== home || (packed & 1) === 0) work.push(block);
      for (let next = work.pop(); next !== undefined; next = work.pop()) {
        if (!append(liveIn[next] as number[], register)) continue;
        for (const { order } of (blocks[next] as (typeof blocks)[number]).preds) {
          append(liveOut[order] as number[], register);
          if (order !== home) work.push(order);
        }
      }
    }
  }
  return { liveIn, liveOut };
}

function append(list: number[], register: number): boolean {
  if (list.length > 0 && list[list.length - 1] === register) return false;
  list.push(register);
  return true;
}

interface Uses {
  readonly definedIn: Int32Array;
  /** Blocks that need a register from outside (even), or at their end for a phi (odd), by register. */
  readonly starts: Int32Array;
  readonly blocks: Int32Array;
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
  const starts = new Int32Array(count + 1);
  const found: number[] = [];
  const last = new Int32Array(count).fill(-1);
  const note = (register: number, packed: number) => {
    if (last[register] === packed) return;
    last[register] = packed;
    found.push(register, packed);
    starts[register + 1] = (starts[register + 1] as number) + 1;
  };
  for (const block of fn.blocks) {
    for (const { uses } of block.insts) {
      for (const each of uses) {
        if (isConstantUse(each)) continue;
        const register = usedRegister(each);
        if (definedIn[register] !== block.order) note(register, block.order * 2);
      }
    }
    for (const succ of block.succs) {
      const from = succ.preds.indexOf(block);
      for (const { inputs } of succ.phis) {
        const input = inputs[from] as number;
        if (!isConstantUse(input)) note(usedRegister(input), block.order * 2 + 1);
      }
    }
  }
  for (let i = 0; i < count; i++) starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number);
  const next = starts.slice();
  const blocks = new Int32Array(found.length / 2);
  for (let i = 0; i < found.length; i += 2) {
    const register = found[i] as number;
    const at = next[register] as number;
    blocks[at] = found[i + 1] as number;
    next[register] = at + 1;
  }
  return { definedIn, starts, blocks };
}
