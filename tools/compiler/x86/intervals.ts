import { mapList } from '../lists.ts';
import { Grouping, type NumberLists, Numbers, Table } from '../numbers.ts';
import { Interval, type Lives, lowerBound, Need, STEP } from './interval.ts';
import { type Liveness, LivenessFinder } from './liveness.ts';
import {
  type Inst,
  isConstantUse,
  type MachineBlock,
  MachineFn,
  Use,
  usedRegister,
} from './machine.ts';

/** Virtual registers that one is related to, at most. */
export const MOST_RELATED = 8;

/** Instructions that destroy the same physical registers. */
export interface Clobber {
  /** Bit per register. */
  readonly mask: number;
  /** Positions, ascending. */
  readonly positions: readonly number[];
}

const NOTHING: Int32Array = new Int32Array();
const NO_LISTS: NumberLists = { starts: NOTHING, items: NOTHING };

export interface Intervals {
  readonly liveness: Liveness;
  /** By virtual register; undefined for one that is never defined. */
  readonly byRegister: readonly (Interval | undefined)[];
  readonly clobbers: readonly Clobber[];
  /** By virtual register: a physical register that it should be in, or -1. */
  readonly fixedHints: Int32Array;
  /** By virtual register: up to MOST_RELATED others that it would gain from sharing a register with, then -1. */
  readonly related: Int32Array;
  /** By virtual register: a phi that it is on its way to become, or -1. */
  readonly destinies: Int32Array;
  /** Blocks by position / 4. */
  readonly blockAt: readonly MachineBlock[];
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

/**
 * Finds where the virtual registers of one function after the other are live: collects ranges and uses as linked
 * lists, a register's earliest first, from the last block to the first. An answer is valid until the next is
 * asked for.
 */
export class IntervalBuilder {
  readonly #finder = new LivenessFinder();
  #liveness: Liveness = { liveIn: NO_LISTS, liveOut: NO_LISTS };
  #fn = new MachineFn('');
  readonly #byMask = new Map<number, number[]>();
  #fixedHints = NOTHING;
  #destinies = NOTHING;
  #related = NOTHING;
  /** By register: its earliest range and use, -1 for none. */
  #firstRange = NOTHING;
  #firstUse = NOTHING;
  /** Ranges: from, to, the one after it. */
  readonly #ranges = new Numbers(256);
  /** Uses: position, need, the one after it. */
  readonly #uses = new Numbers(512);
  /** Where the arrays above and those of the answer are. */
  readonly #tables = {
    fixedHints: new Table(),
    destinies: new Table(),
    related: new Table(),
    firstRange: new Table(),
    firstUse: new Table(),
  };
  readonly #lists = new LivesTables();
  readonly #extended = new LivesTables();
  readonly #moves = new Numbers();
  readonly #grouping = new Grouping();

  /** Numbers the instructions and finds where each virtual register is live. */
  build(fn: MachineFn): Intervals {
    const blockAt = number(fn);
    this.#begin(fn);
    for (let i = fn.blocks.length - 1; i >= 0; i--) this.#addBlock(fn.blocks[i] as MachineBlock);
    return {
      liveness: this.#liveness,
      byRegister: this.#intervals(),
      clobbers: this.#clobbers(),
      fixedHints: this.#fixedHints,
      related: this.#related,
      destinies: this.#destinies,
      blockAt,
    };
  }

  #begin(fn: MachineFn): void {
    const count = fn.classes.length;
    const { fixedHints, destinies, related, firstRange, firstUse } = this.#tables;
    this.#fn = fn;
    this.#liveness = this.#finder.find(fn);
    const { starts, items } = this.#liveness.liveIn;
    if (starts[1] !== 0) throw new RangeError(`${fn.name}: v${items[0]} is used and never defined`);
    this.#fixedHints = fixedHints.filled(count, -1);
    this.#destinies = destinies.filled(count, -1);
    this.#related = related.filled(count * MOST_RELATED, -1);
    this.#firstRange = firstRange.filled(count, -1);
    this.#firstUse = firstUse.filled(count, -1);
    this.#byMask.clear();
    this.#ranges.clear();
    this.#uses.clear();
  }

  #clobbers(): Clobber[] {
    return mapList([...this.#byMask], ([mask, positions]) => ({
      mask,
      positions: positions.reverse(),
    }));
  }

  #addBlock(block: MachineBlock): void {
    const { starts, items } = this.#liveness.liveOut;
    const end = starts[block.order + 1] as number;
    for (let i = starts[block.order] as number; i < end; i++) {
      this.#addRange(items[i] as number, block.from, block.to);
    }
    for (const succ of block.succs) if (succ.phis.length > 0) this.#phiInputs(block, succ);
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

  /** The intervals of all registers that are defined. */
  #intervals(): (Interval | undefined)[] {
    const found = this.#lives();
    const ends = this.#loopEndUses(found);
    const lives = ends.length > 0 ? this.#withMoves(found, ends) : found;
    const { rangeStarts, useStarts } = lives;
    const count = this.#fn.classes.length;
    const result = new Array<Interval | undefined>(count);
    for (let i = 0; i < count; i++) {
      const first = rangeStarts[i] as number;
      const end = rangeStarts[i + 1] as number;
      const [use, endUse] = [useStarts[i] as number, useStarts[i + 1] as number];
      result[i] = first < end ? new Interval(i, lives, first, end, use, endUse) : undefined;
    }
    return result;
  }

  /** The linked lists, one register's after the other's. */
  #lives(): AllLives {
    const count = this.#fn.classes.length;
    const { items: rangeItems } = this.#ranges;
    const { items: useItems } = this.#uses;
    const lives = this.#lists.sized(count, this.#ranges.length / 3, this.#uses.length / 3);
    const { ranges, uses, needs, rangeStarts, useStarts } = lives;
    let range = 0;
    let use = 0;
    for (let i = 0; i < count; i++) {
      rangeStarts[i] = range;
      useStarts[i] = use;
      for (let at = this.#firstRange[i] as number; at >= 0; at = rangeItems[at + 2] as number) {
        ranges[2 * range] = rangeItems[at] as number;
        ranges[2 * range + 1] = rangeItems[at + 1] as number;
        range++;
      }
      for (let at = this.#firstUse[i] as number; at >= 0; at = useItems[at + 2] as number) {
        uses[use] = useItems[at] as number;
        needs[use] = useItems[at + 1] as number;
        use++;
      }
    }
    rangeStarts[count] = range;
    useStarts[count] = use;
    return lives;
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
      if (hint >= 0) this.#fixedHints[def] = hint;
      this.#relateOperands(def, inst);
    }
    for (const temp of temps) {
      this.#addRange(temp, at, at + 3);
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
      if (hint >= 0) this.#fixedHints[register] = hint;
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
      this.#destine(register, this.#destinies[def] as number);
      this.#relate(def, register);
      if (i === sharedUse) this.#relate(register, def);
    }
  }

  /** What becomes a phi, step by step in place, would best be in its register all the way. */
  #destine(register: number, phi: number): void {
    if ((this.#destinies[register] as number) < 0) this.#destinies[register] = phi;
  }

  #relate(a: number, b: number): void {
    const end = (a + 1) * MOST_RELATED;
    for (let i = a * MOST_RELATED; i < end; i++) {
      if ((this.#related[i] as number) >= 0) continue;
      this.#related[i] = b;
      return;
    }
  }

  #addRange(register: number, from: number, to: number): void {
    const { items } = this.#ranges;
    const first = this.#firstRange[register] as number;
    if (first >= 0 && (items[first] as number) <= to) {
      if (from < (items[first] as number)) items[first] = from;
      if (to > (items[first + 1] as number)) items[first + 1] = to;
    } else {
      this.#pushRange(register, from, to);
    }
  }

  #pushRange(register: number, from: number, to: number): void {
    const at = this.#ranges.push(from);
    this.#ranges.push(to);
    this.#ranges.push(this.#firstRange[register] as number);
    this.#firstRange[register] = at;
  }

  #define(register: number, from: number, use: number, need: number): void {
    const first = this.#firstRange[register] as number;
    if (first >= 0) this.#ranges.items[first] = from;
    else this.#pushRange(register, from, use + 1);
    this.#addUse(register, use, need);
  }

  #addUse(register: number, position: number, need: number): void {
    const at = this.#uses.push(position);
    this.#uses.push(need);
    this.#uses.push(-1);
    const { items } = this.#uses;
    // One instruction may read a register twice, the later position first or second.
    let before = -1;
    let after = this.#firstUse[register] as number;
    while (after >= 0 && (items[after] as number) < position) {
      before = after;
      after = items[after + 2] as number;
    }
    items[at + 2] = after;
    if (before < 0) this.#firstUse[register] = at;
    else items[before + 2] = at;
  }

  #clobber(mask: number, position: number): void {
    const positions = this.#byMask.get(mask);
    if (positions) positions.push(position);
    else this.#byMask.set(mask, [position]);
  }

  /**
   * What a loop uses and needs again in its next round is as good as used at its end: without that,
   * the next use would look far away from there. Pairs of a register and the position of a move.
   */
  #loopEndUses({ uses, useStarts }: AllLives): Numbers {
    const moves = this.#moves.clear();
    const { starts, items } = this.#liveness.liveIn;
    for (const header of this.#fn.blocks) {
      if (!header.isLoopHeader) continue;
      const end = loopEnd(header) - 1;
      const last = starts[header.order + 1] as number;
      for (let i = starts[header.order] as number; i < last; i++) {
        const register = items[i] as number;
        const endUse = useStarts[register + 1] as number;
        const next = lowerBound(uses, header.from, useStarts[register], endUse);
        if (next === endUse || (uses[next] as number) >= end) continue;
        moves.push(register);
        moves.push(end);
      }
    }
    return moves;
  }

  /** The same with further uses by moves, which come before others at their position. */
  #withMoves(old: AllLives, moves: Numbers): AllLives {
    const count = this.#fn.classes.length;
    const { starts, items } = this.#grouping.lists(count, moves);
    const added = moves.length >> 1;
    const lives = this.#extended.sized(count, 0, (old.useStarts[count] as number) + added);
    const { uses, needs, useStarts } = lives;
    let to = 0;
    for (let i = 0; i < count; i++) {
      useStarts[i] = to;
      let from = old.useStarts[i] as number;
      const end = old.useStarts[i + 1] as number;
      const firstMove = starts[i] as number;
      const endMove = starts[i + 1] as number;
      if (endMove - firstMove > 1) items.subarray(firstMove, endMove).sort();
      for (let k = firstMove; k < endMove; k++) {
        const move = items[k] as number;
        while (from < end && (old.uses[from] as number) < move) {
          uses[to] = old.uses[from] as number;
          needs[to++] = old.needs[from++] as number;
        }
        uses[to] = move;
        needs[to++] = Need.MOVE;
      }
      while (from < end) {
        uses[to] = old.uses[from] as number;
        needs[to++] = old.needs[from++] as number;
      }
    }
    useStarts[count] = to;
    return { ...lives, ranges: old.ranges, rangeStarts: old.rangeStarts };
  }
}

/** The position after a loop's last jump back. */
function loopEnd(header: MachineBlock): number {
  return Math.max(header.to, ...header.preds.slice(1).map(({ to }) => to));
}

/** What all registers' intervals are pieces of, and by register where its ranges and uses start. */
interface AllLives extends Lives {
  readonly rangeStarts: Int32Array;
  readonly useStarts: Int32Array;
}

/** Where such lists are. */
class LivesTables {
  readonly #ranges = new Table();
  readonly #uses = new Table();
  readonly #needs = new Table();
  readonly #rangeStarts = new Table();
  readonly #useStarts = new Table();

  /** Lists to be filled in. */
  sized(registers: number, ranges: number, uses: number): AllLives {
    return {
      ranges: this.#ranges.sized(2 * ranges),
      uses: this.#uses.sized(uses),
      needs: this.#needs.sized(uses),
      rangeStarts: this.#rangeStarts.sized(registers + 1),
      useStarts: this.#useStarts.sized(registers + 1),
    };
  }
}
