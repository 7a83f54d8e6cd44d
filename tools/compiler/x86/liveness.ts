import { Grouping, type NumberLists, Numbers, Table } from '../numbers.ts';
import { isConstantUse, type MachineBlock, type MachineFn, usedRegister } from './machine.ts';

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
 * the cost is that of the answer. An answer is valid until the next is asked for.
 */
export class LivenessFinder {
  readonly #liveIn = new LiveSets();
  readonly #liveOut = new LiveSets();
  /** By register: the block that defines it. */
  readonly #definedIn = new Table();
  readonly #lastUse = new Table();
  readonly #pairs = new Numbers();
  readonly #uses = new Grouping();
  /** Blocks still to be visited. */
  readonly #work: number[] = [];

  find(fn: MachineFn): Liveness {
    const { blocks, classes } = fn;
    const definedIn = this.#findDefinitions(fn);
    const { starts, items } = this.#collectUses(fn, definedIn);
    const liveIn = this.#liveIn.begin(blocks.length);
    const liveOut = this.#liveOut.begin(blocks.length);
    for (let register = 0; register < classes.length; register++) {
      const home = definedIn[register] as number;
      const end = starts[register + 1] as number;
      for (let i = starts[register] as number; i < end; i++) {
        const packed = items[i] as number;
        const block = packed >> 1;
        if ((packed & 1) === 1) liveOut.add(block, register);
        if (block !== home || (packed & 1) === 0) this.#spread(blocks, block, register, home);
      }
    }
    return { liveIn: liveIn.lists(), liveOut: liveOut.lists() };
  }

  /** Notes that a register is live at a block's start, and from its definition on. */
  #spread(blocks: readonly MachineBlock[], block: number, register: number, home: number): void {
    const work = this.#work;
    work.push(block);
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      if (!this.#liveIn.add(next, register)) continue;
      for (const { order } of (blocks[next] as MachineBlock).preds) {
        this.#liveOut.add(order, register);
        if (order !== home) work.push(order);
      }
    }
  }

  #findDefinitions({ blocks, classes }: MachineFn): Int32Array {
    const definedIn = this.#definedIn.filled(classes.length, -1);
    for (const { order, phis, insts } of blocks) {
      for (const { def } of phis) definedIn[def] = order;
      for (const { defs, temps } of insts) {
        for (const def of defs) if (def >= 0) definedIn[def] = order;
        for (const temp of temps) definedIn[temp] = order;
      }
    }
    return definedIn;
  }

  /** By register: 2 * block that needs it from outside, or that plus 1, at its end for a phi. */
  #collectUses({ blocks, classes }: MachineFn, definedIn: Int32Array): NumberLists {
    const count = classes.length;
    const pairs = this.#pairs.clear();
    const last = this.#lastUse.filled(count, -1);
    const add = (register: number, place: number) => {
      if (last[register] === place) return;
      last[register] = place;
      pairs.push(register);
      pairs.push(place);
    };
    for (const block of blocks) {
      const { order } = block;
      for (const { uses } of block.insts) {
        for (const each of uses) {
          if (isConstantUse(each)) continue;
          const register = usedRegister(each);
          if (definedIn[register] !== order) add(register, 2 * order);
        }
      }
      for (const succ of block.succs) {
        if (succ.phis.length === 0) continue;
        const from = succ.preds.indexOf(block);
        for (const { inputs } of succ.phis) {
          const input = inputs[from] as number;
          if (!isConstantUse(input)) add(usedRegister(input), 2 * order + 1);
        }
      }
    }
    return this.#uses.lists(count, pairs);
  }
}

/** A set of registers for each block, filled in the order of the registers. */
class LiveSets {
  readonly #lastTable = new Table();
  #last = this.#lastTable.sized(0);
  #blocks = 0;
  readonly #pairs = new Numbers();
  readonly #grouping = new Grouping();

  /** Empties all. */
  begin(blocks: number): this {
    this.#blocks = blocks;
    this.#last = this.#lastTable.filled(blocks, -1);
    this.#pairs.clear();
    return this;
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
    return this.#grouping.lists(this.#blocks, this.#pairs);
  }
}
