import { findLiveness, type Liveness } from './liveness.ts';
import {
  type Inst,
  isConstantUse,
  type MachineBlock,
  type MachineFn,
  Use,
  usedRegister,
} from './machine.ts';

/**
 * Positions: instruction k of the function's linear order is at p, a multiple of 4. Moves happen
 * at p, early uses are read until p + 1, clobbered registers and early results are written at
 * p + 1, results at p + 2, late uses are read until p + 3.
 */
export const STEP = 4;

/** A stretch of positions [from, to) in which an interval is live. */
export interface Range {
  from: number;
  to: number;
  owner: Interval;
}

/** How much a use gains from a register. */
export const Need = {
  /** A move that reads memory as well as a register. */
  MOVE: 0,
  /** An instruction that could read memory. */
  WISH: 1,
  /** An instruction that can not. */
  MUST: 2,
} as const;

/** Where a virtual register is live and used, or after splitting, a piece of that. */
export class Interval {
  readonly register: number;
  ranges: Range[] = [];
  /** Positions of definitions and uses, ascending, and their needs. */
  uses: number[] = [];
  needs: number[] = [];
  /** The physical register, or -1: in memory. */
  location = -1;

  constructor(register: number) {
    this.register = register;
  }

  get from(): number {
    return (this.ranges[0] as Range).from;
  }

  get to(): number {
    return (this.ranges[this.ranges.length - 1] as Range).to;
  }

  /** First use at or after a position that needs a register at least this much; else Infinity. */
  nextUse(position: number, need: number): number {
    const { uses, needs } = this;
    for (let i = lowerBound(uses, position); i < uses.length; i++) {
      if ((needs[i] as number) >= need) return uses[i] as number;
    }
    return Infinity;
  }

  covers(position: number): boolean {
    for (const { from, to } of this.ranges) {
      if (position < from) return false;
      if (position < to) return true;
    }
    return false;
  }

  /** Keeps what lies before the position; the rest is a new interval. */
  split(position: number): Interval {
    const rest = new Interval(this.register);
    const kept: Range[] = [];
    for (const range of this.ranges) {
      if (range.to <= position) {
        kept.push(range);
      } else if (range.from >= position) {
        range.owner = rest;
        rest.ranges.push(range);
      } else {
        rest.ranges.push({ from: position, to: range.to, owner: rest });
        range.to = position;
        kept.push(range);
      }
    }
    this.ranges = kept;
    const at = lowerBound(this.uses, position);
    rest.uses = this.uses.splice(at);
    rest.needs = this.needs.splice(at);
    return rest;
  }
}

/** Index of the first element that is not below the value. */
export function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Intervals {
  readonly liveness: Liveness;
  /** By virtual register; undefined for one that is never defined. */
  readonly byRegister: readonly (Interval | undefined)[];
  /** Positions at which a physical register is destroyed, ascending, as lists that may be shared. */
  readonly clobbers: readonly (readonly number[])[][];
  /** By virtual register: a physical register that it should be in, or -1. */
  readonly fixedHints: Int32Array;
  /** By virtual register: others that it would gain from sharing a register with. */
  readonly related: readonly (readonly number[] | undefined)[];
  /** By virtual register: a phi that it is on its way to become, or -1. */
  readonly destinies: Int32Array;
  /** Blocks by position / 4. */
  readonly blockAt: readonly MachineBlock[];
}

/** Numbers the instructions and finds where each virtual register is live. */
export function buildIntervals(fn: MachineFn): Intervals {
  const blockAt = number(fn);
  const liveness = findLiveness(fn);
  const builder = new IntervalBuilder(fn, liveness);
  for (let i = fn.blocks.length - 1; i >= 0; i--) builder.block(fn.blocks[i] as MachineBlock);
  builder.finish();
  return {
    liveness,
    byRegister: builder.intervals,
    clobbers: builder.clobbers,
    fixedHints: builder.fixedHints,
    related: builder.related,
    destinies: builder.destinies,
    blockAt,
  };
}

function number(fn: MachineFn): MachineBlock[] {
  const blockAt: MachineBlock[] = [];
  let position = 0;
  fn.blocks.forEach((block, i) => {
    block.order = i;
    block.from = position;
    position += STEP * (block.insts.length + 1);
    block.to = position;
    while (blockAt.length * STEP < position) blockAt.push(block);
  });
  return blockAt;
}

class IntervalBuilder {
  readonly intervals: (Interval | undefined)[];
  readonly clobbers: number[][][] = Array.from({ length: 32 }, () => []);
  readonly fixedHints: Int32Array;
  readonly related: (number[] | undefined)[];
  readonly destinies: Int32Array;
  readonly #fn: MachineFn;
  readonly #liveness: Liveness;
  readonly #byMask = new Map<number, number[]>();

  constructor(fn: MachineFn, liveness: Liveness) {
    this.#fn = fn;
    this.#liveness = liveness;
    this.intervals = new Array(fn.classes.length).fill(undefined);
    this.fixedHints = new Int32Array(fn.classes.length).fill(-1);
    this.related = new Array(fn.classes.length).fill(undefined);
    this.destinies = new Int32Array(fn.classes.length).fill(-1);
  }

  /** Blocks come last first; so ranges and uses are collected in descending order. */
  block(block: MachineBlock): void {
    for (const register of this.#liveness.liveOut[block.order] as readonly number[]) {
      this.#addRange(register, block.from, block.to);
    }
    for (const succ of block.succs) this.#phiInputs(block, succ);
    for (let i = block.insts.length - 1; i >= 0; i--) {
      this.#inst(block, block.insts[i] as Inst, block.from + STEP * (i + 1));
    }
    for (const { def, inputs } of block.phis) {
      this.#define(def, block.from, block.from, Need.MOVE);
      for (const input of inputs) {
        if (isConstantUse(input)) continue;
        this.#relate(def, usedRegister(input));
        this.#relate(usedRegister(input), def);
      }
    }
  }

  finish(): void {
    for (const interval of this.intervals) {
      if (!interval) continue;
      interval.ranges.reverse();
      interval.uses.reverse();
      interval.needs.reverse();
    }
    for (const list of this.#byMask.values()) list.reverse();
    this.#addLoopEndUses();
  }

  #phiInputs(block: MachineBlock, succ: MachineBlock): void {
    const from = succ.preds.indexOf(block);
    for (const { def, inputs } of succ.phis) {
      const input = inputs[from] as number;
      if (isConstantUse(input)) continue;
      this.#addUse(usedRegister(input), block.to - 1, Need.MOVE);
      this.#destine(usedRegister(input), def);
    }
  }

  #inst(block: MachineBlock, inst: Inst, at: number): void {
    const { defs, uses, temps } = inst;
    for (let i = 0; i < defs.length; i++) {
      const def = defs[i] as number;
      if (def < 0) continue;
      this.#define(def, at + (inst.earlyDef ? 1 : 2), at + 2, inst.anyDef ? Need.MOVE : Need.MUST);
      const hint = inst.defHints[i] ?? -1;
      if (hint >= 0) this.fixedHints[def] = hint;
      this.#relateOperands(def, inst);
    }
    for (const temp of temps) {
      this.#interval(temp).ranges.push({ from: at, to: at + 3, owner: this.#interval(temp) });
      this.#addUse(temp, at + 2, Need.MUST);
      this.#addUse(temp, at, Need.MUST);
    }
    if (inst.clobbers !== 0) this.#clobber(inst.clobbers, at + 1);
    for (let i = 0; i < uses.length; i++) {
      const packed = uses[i] as number;
      if (isConstantUse(packed)) continue;
      const kind = packed & 3;
      const register = usedRegister(packed);
      const isLate = (kind & Use.LATE) !== 0;
      this.#addRange(register, block.from, at + (isLate ? 3 : 1));
      const hint = inst.useHints[i] ?? -1;
      if (hint >= 0) this.fixedHints[register] = hint;
      const wish = inst.useHints.length > 0 && hint >= 0 ? Need.MOVE : Need.WISH;
      const need = (kind & Use.REGISTER) !== 0 ? Need.MUST : inst.anyDef ? Need.MOVE : wish;
      this.#addUse(register, isLate ? at + 2 : at, need);
    }
  }

  /** A result would best be where an operand was: the two-address form then needs no move. */
  #relateOperands(def: number, { anyDef, sharedUse, uses }: Inst): void {
    if (anyDef) return;
    for (let i = sharedUse; i < Math.min(uses.length, sharedUse + 2); i++) {
      const packed = uses[i] as number;
      if (isConstantUse(packed)) continue;
      const register = usedRegister(packed);
      if (this.#fn.classes[register] !== this.#fn.classes[def]) continue;
      this.#destine(register, this.destinies[def] as number);
      this.#relate(def, register);
      if (i === sharedUse) this.#relate(register, def);
    }
  }

  /** What becomes a phi, step by step in place, would best be in its register all the way. */
  #destine(register: number, phi: number): void {
    if ((this.destinies[register] as number) < 0) this.destinies[register] = phi;
  }

  #relate(a: number, b: number): void {
    const list = this.related[a];
    if (!list) this.related[a] = [b];
    else if (list.length < 8) list.push(b);
  }

  #interval(register: number): Interval {
    let interval = this.intervals[register];
    if (!interval) {
      interval = new Interval(register);
      this.intervals[register] = interval;
    }
    return interval;
  }

  #addRange(register: number, from: number, to: number): void {
    const interval = this.#interval(register);
    const { ranges } = interval;
    const earliest = ranges[ranges.length - 1];
    if (earliest && earliest.from <= to) {
      if (from < earliest.from) earliest.from = from;
      if (to > earliest.to) earliest.to = to;
    } else {
      ranges.push({ from, to, owner: interval });
    }
  }

  #define(register: number, from: number, use: number, need: number): void {
    const interval = this.#interval(register);
    const earliest = interval.ranges[interval.ranges.length - 1];
    if (earliest) earliest.from = from;
    else interval.ranges.push({ from, to: use + 1, owner: interval });
    this.#addUse(register, use, need);
  }

  #addUse(register: number, position: number, need: number): void {
    const { uses, needs } = this.#interval(register);
    // One instruction may read a register twice, the later position first or second.
    let at = uses.length;
    while (at > 0 && (uses[at - 1] as number) < position) at--;
    if (at === uses.length) {
      uses.push(position);
      needs.push(need);
    } else {
      uses.splice(at, 0, position);
      needs.splice(at, 0, need);
    }
  }

  #clobber(mask: number, position: number): void {
    let list = this.#byMask.get(mask);
    if (!list) {
      list = [];
      this.#byMask.set(mask, list);
      for (let register = 0; register < 32; register++) {
        if (((mask >>> register) & 1) === 1) (this.clobbers[register] as number[][]).push(list);
      }
    }
    list.push(position);
  }

  /**
   * What a loop uses and needs again in its next round is as good as used at its end: without that,
   * the next use would look far away from there.
   */
  #addLoopEndUses(): void {
    const ends = loopEnds(this.#fn);
    for (const [header, end] of ends) {
      for (const register of this.#liveness.liveIn[header.order] as readonly number[]) {
        const { uses, needs } = this.#interval(register);
        const first = lowerBound(uses, header.from);
        const after = lowerBound(uses, end - 1);
        if (after === first) continue;
        uses.splice(after, 0, end - 1);
        needs.splice(after, 0, Need.MOVE);
      }
    }
  }
}

/** Loop headers with the position where their loop ends, inner ones first. */
function loopEnds(fn: MachineFn): Map<MachineBlock, number> {
  const ends = new Map<MachineBlock, number>();
  for (let i = fn.blocks.length - 1; i >= 0; i--) {
    const block = fn.blocks[i] as MachineBlock;
    if (!block.isLoopHeader) continue;
    ends.set(block, Math.max(block.to, ...block.preds.slice(1).map(({ to }) => to)));
  }
  return ends;
}
