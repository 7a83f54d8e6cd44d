import type { Allocation } from './allocate.ts';
import type { Interval } from './intervals.ts';
import { STEP } from './intervals.ts';
import {
  type Inst,
  isConstantUse,
  type MachineBlock,
  type MachineFn,
  type Move,
  SLOT,
  usedRegister,
  WIDE,
} from './machine.ts';

/**
 * Writes an allocation into the function: spill slots, the location of every operand, and the
 * moves where a register changes its place, between instructions and on edges.
 */
export function resolveMoves(fn: MachineFn, allocation: Allocation): void {
  new Resolver(fn, allocation).run();
}

class Resolver {
  readonly #fn: MachineFn;
  readonly #allocation: Allocation;
  /** By virtual register: its spill slot as a location, or 0. */
  readonly #slots: Int32Array;
  /** By virtual register: the piece found last. */
  readonly #cursors: Int32Array;

  constructor(fn: MachineFn, allocation: Allocation) {
    this.#fn = fn;
    this.#allocation = allocation;
    this.#slots = assignSlots(fn, allocation.pieces);
    this.#cursors = new Int32Array(fn.classes.length);
  }

  run(): void {
    this.#placeSplits();
    for (const block of this.#fn.blocks) this.#placeOperands(block);
    for (const block of this.#fn.blocks) {
      for (const succ of block.succs) this.#placeEdge(block, succ);
    }
  }

  /** The location of a register at a position. */
  #at(register: number, position: number): number {
    const pieces = this.#allocation.pieces[register] as readonly Interval[];
    let cursor = this.#cursors[register] as number;
    while (cursor > 0 && (pieces[cursor] as Interval).from > position) cursor--;
    while (cursor + 1 < pieces.length && (pieces[cursor + 1] as Interval).from <= position)
      cursor++;
    this.#cursors[register] = cursor;
    return this.#locationOf(pieces[cursor] as Interval);
  }

  #locationOf({ location, register }: Interval): number {
    return location >= 0 ? location : (this.#slots[register] as number);
  }

  /** Moves between two pieces of a register that follow each other within a block. */
  #placeSplits(): void {
    const { blockAt } = this.#allocation.intervals;
    for (const pieces of this.#allocation.pieces) {
      for (let i = 1; i < pieces.length; i++) {
        const piece = pieces[i] as Interval;
        const before = pieces[i - 1] as Interval;
        const block = blockAt[Math.floor(piece.from / STEP)] as MachineBlock;
        if (piece.location < 0 || piece.from === block.from || before.to < piece.from) continue;
        const from = this.#locationOf(before);
        if (from !== piece.location) this.#moveAt(block, piece.from, { to: piece.location, from });
      }
    }
  }

  #moveAt(block: MachineBlock, position: number, move: Move): void {
    const index = (position - block.from) / STEP - 1;
    const moves = block.moves.get(index);
    if (moves) moves.push(move);
    else block.moves.set(index, [move]);
  }

  #placeOperands(block: MachineBlock): void {
    for (const phi of block.phis) {
      phi.at = this.#at(phi.def, block.from);
      this.#store(block, phi.def, block.from, block.from + STEP);
    }
    block.insts.forEach((inst: Inst, i) => {
      const at = block.from + STEP * (i + 1);
      inst.useAt = inst.uses.map((packed) =>
        isConstantUse(packed) ? packed : this.#at(usedRegister(packed), at),
      );
      inst.tempAt = inst.temps.map((temp) => this.#at(temp, at));
      inst.defAt = inst.defs.map((def) => (def < 0 ? -1 : this.#at(def, at + 2)));
      for (const def of inst.defs) if (def >= 0) this.#store(block, def, at + 2, at + STEP);
    });
  }

  /** Stores what was just defined in a register if some later piece of it is in memory. */
  #store(block: MachineBlock, register: number, at: number, position: number): void {
    const slot = this.#slots[register] as number;
    if (slot === 0) return;
    const from = this.#at(register, at);
    if (from < SLOT) this.#moveAt(block, position, { to: slot, from });
  }

  #placeEdge(block: MachineBlock, succ: MachineBlock): void {
    const moves: Move[] = [];
    const leaving = block.to - 1;
    const { liveIn } = this.#allocation.intervals.liveness;
    for (const register of liveIn[succ.order] as readonly number[]) {
      if ((this.#allocation.pieces[register] as readonly Interval[]).length === 1) continue;
      const to = this.#at(register, succ.from);
      if (to >= SLOT) continue;
      const from = this.#at(register, leaving);
      if (from !== to) moves.push({ to, from });
    }
    const index = succ.preds.indexOf(block);
    for (const { def, inputs } of succ.phis) {
      const input = inputs[index] as number;
      const from = isConstantUse(input) ? input : this.#at(usedRegister(input), leaving);
      const to = this.#at(def, succ.from);
      if (from !== to) moves.push({ to, from });
    }
    if (moves.length === 0) return;
    if (succ.preds.length === 1) succ.startMoves.push(...moves);
    else if (block.succs.length === 1) block.endMoves.push(...moves);
    else throw new RangeError(`${this.#fn.name}: critical edge b${block.id} to b${succ.id}`);
  }
}

/** Gives slots to registers that are in memory somewhere; those never live together may share one. */
function assignSlots(fn: MachineFn, pieces: Allocation['pieces']): Int32Array {
  const slots = new Int32Array(fn.classes.length);
  const spilled = pieces
    .map((list, register) => ({ list, register }))
    .filter(({ list }) => list.some(({ location }) => location < 0))
    .map(({ list, register }) => ({
      register,
      from: list[0]?.from as number,
      to: Math.max(...list.map(({ to }) => to)),
    }))
    .sort((a, b) => a.from - b.from || a.register - b.register);
  const free: { narrow: number[]; wide: number[] } = { narrow: [], wide: [] };
  let active: { to: number; slot: number }[] = [];
  let count = 0;
  const newSlot = (isWide: boolean): number => {
    const slot = SLOT + count;
    count += isWide ? 2 : 1;
    return isWide ? slot | WIDE : slot;
  };
  for (const { register, from, to } of spilled) {
    active = active.filter((each) => {
      if (each.to > from) return true;
      free[each.slot & WIDE ? 'wide' : 'narrow'].push(each.slot);
      return false;
    });
    const isWide = fn.wide.has(register);
    const slot = free[isWide ? 'wide' : 'narrow'].pop() ?? newSlot(isWide);
    slots[register] = slot;
    active.push({ to, slot });
  }
  fn.slots = count;
  return slots;
}
