import { mapNumbers } from '../lists.ts';
import { type Interval, STEP } from './interval.ts';
import type { Intervals } from './intervals.ts';
import {
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
export function resolveMoves(fn: MachineFn, intervals: Intervals): void {
  new Resolver(fn, intervals).run();
}

class Resolver {
  readonly #fn: MachineFn;
  readonly #intervals: Intervals;
  /** By virtual register: its spill slot as a location, or 0. */
  readonly #slots: Int32Array;
  /** By virtual register: the piece found last. */
  readonly #cursors: (Interval | undefined)[];

  constructor(fn: MachineFn, intervals: Intervals) {
    this.#fn = fn;
    this.#intervals = intervals;
    this.#slots = assignSlots(fn, intervals.byRegister);
    fn.clobbered = intervals.clobbers.reduce((all, { mask }) => all | mask, 0);
    this.#cursors = intervals.byRegister.slice();
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
    let piece = this.#cursors[register] as Interval;
    if (piece.from > position) piece = this.#intervals.byRegister[register] as Interval;
    while (piece.next && piece.next.from <= position) piece = piece.next;
    this.#cursors[register] = piece;
    return this.#locationOf(piece);
  }

  #locationOf({ location, register }: Interval): number {
    return location >= 0 ? location : (this.#slots[register] as number);
  }

  /** Moves between two pieces of a register that follow each other within a block. */
  #placeSplits(): void {
    const { blockAt, byRegister } = this.#intervals;
    for (const first of byRegister) {
      if (!first) continue;
      for (let before = first; before.next; before = before.next) {
        const piece = before.next;
        const block = blockAt[Math.floor(piece.from / STEP)] as MachineBlock;
        if (piece.location < 0 || piece.from === block.from || before.to < piece.from) continue;
        const from = this.#locationOf(before);
        if (from !== piece.location) this.#moveAt(block, piece.from, { to: piece.location, from });
      }
    }
  }

  #moveAt(block: MachineBlock, position: number, move: Move): void {
    const index = (position - block.from) / STEP - 1;
    block.moves ??= new Map();
    const moves = block.moves.get(index);
    if (moves) moves.push(move);
    else block.moves.set(index, [move]);
  }

  #placeOperands(block: MachineBlock): void {
    for (const phi of block.phis) {
      phi.at = this.#at(phi.def, block.from);
      this.#store(block, phi.def, block.from, block.from + STEP);
    }
    let at = block.from;
    for (const inst of block.insts) {
      at += STEP;
      const { defs, uses, temps } = inst;
      if (uses.length > 0) inst.useAt = this.#placesOf(uses, at);
      if (temps.length > 0) inst.tempAt = mapNumbers(temps, (temp) => this.#at(temp, at));
      if (defs.length > 0) inst.defAt = this.#placesOfResults(block, defs, at);
    }
  }

  #placesOf(uses: readonly number[], at: number): number[] {
    return mapNumbers(uses, (packed) =>
      isConstantUse(packed) ? packed : this.#at(usedRegister(packed), at),
    );
  }

  #placesOfResults(block: MachineBlock, defs: readonly number[], at: number): number[] {
    return mapNumbers(defs, (def) => {
      if (def < 0) return -1;
      const place = this.#at(def, at + 2);
      this.#store(block, def, at + 2, at + STEP);
      return place;
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
    const { byRegister, liveness } = this.#intervals;
    const { starts, items } = liveness.liveIn;
    const end = starts[succ.order + 1] as number;
    for (let i = starts[succ.order] as number; i < end; i++) {
      const register = items[i] as number;
      if (!byRegister[register]?.next) continue;
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
    if (succ.preds.length === 1) succ.startMoves = moves;
    else if (block.succs.length === 1) block.endMoves = moves;
    else throw new RangeError(`${this.#fn.name}: critical edge b${block.id} to b${succ.id}`);
  }
}

/** Gives slots to registers that are in memory somewhere; those never live together may share one. */
function assignSlots(fn: MachineFn, byRegister: Intervals['byRegister']): Int32Array {
  const slots = new Int32Array(fn.classes.length);
  const spilled: { register: number; from: number; to: number }[] = [];
  for (const first of byRegister) {
    let isInMemory = false;
    let last = first;
    for (let piece = first; piece; piece = piece.next) {
      if (piece.location < 0) isInMemory = true;
      else fn.taken |= 1 << piece.location;
      last = piece;
    }
    if (!isInMemory || !first || !last) continue;
    spilled.push({ register: first.register, from: first.from, to: last.to });
  }
  spilled.sort((a, b) => a.from - b.from || a.register - b.register);
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
