import { type Interval, lowerBound, Need, STEP } from './interval.ts';
import { IntervalQueue } from './interval-queue.ts';
import { IntervalBuilder, type Intervals, MOST_RELATED } from './intervals.ts';
import { type MachineBlock, type MachineFn, SLOT } from './machine.ts';
import { resolveMoves } from './resolve.ts';
import type { Target } from './target.ts';
import { Timelines } from './timeline.ts';

/**
 * Gives each virtual register a physical one or a spill slot, and makes the moves that this takes: one for all
 * functions of a module, which have its tables one after the other.
 *
 * Linear scan on SSA intervals with holes (Wimmer, Franz: Linear Scan Register Allocation on SSA
 * Form, 2010): intervals get registers in the order of their starts; where none is free for all of
 * an interval it is split, and what is needed furthest away goes to memory. A spilled register is
 * stored once, where it is defined, so that leaving its physical register later costs nothing.
 */
export class Allocator {
  readonly #target: Target;
  readonly #builder = new IntervalBuilder();
  readonly #timelines = new Timelines(SLOT);

  constructor(target: Target) {
    this.#target = target;
  }

  run(fn: MachineFn): void {
    this.#timelines.clear();
    const scan = new LinearScan(fn, this.#target, this.#builder.build(fn), this.#timelines);
    resolveMoves(fn, scan.run());
  }
}

class LinearScan {
  readonly #fn: MachineFn;
  readonly #intervals: Intervals;
  readonly #registers: Target['registers'];
  /** By class: bit per register. */
  readonly #masks: readonly number[];
  readonly #timelines: Timelines;
  readonly #queue = new IntervalQueue();

  constructor(fn: MachineFn, { registers }: Target, intervals: Intervals, timelines: Timelines) {
    this.#fn = fn;
    this.#registers = registers;
    this.#masks = registers.map((each) => each.reduce((mask, one) => mask | (1 << one), 0));
    this.#intervals = intervals;
    this.#timelines = timelines;
  }

  /** The intervals: each the first piece of its register, with a location. */
  run(): Intervals {
    for (const interval of this.#intervals.byRegister) if (interval) this.#queue.push(interval);
    for (let next = this.#queue.pop(); next; next = this.#queue.pop()) this.#place(next);
    return this.#intervals;
  }

  #place(current: Interval): void {
    const { to } = current;
    const hint = this.#freeHint(current);
    if (hint >= 0) {
      this.#assign(current, hint);
      return;
    }
    const wanted = this.#intervals.fixedHints[current.register];
    let best = -1;
    let bestFree = -1;
    for (const register of this.#candidates(current)) {
      const free = this.#freeUntil(register, current);
      if (free >= to) {
        this.#assign(current, register);
        return;
      }
      if (free > bestFree || (free === bestFree && register === wanted)) {
        best = register;
        bestFree = free;
      }
    }
    if (!this.#placePart(current, best, bestFree)) this.#placeBySpilling(current);
  }

  /** Uses a register for as long as it is free, if that serves a use. */
  #placePart(current: Interval, register: number, free: number): boolean {
    const at = this.#splitPosition(current.from, Math.min(free, current.to - 1));
    if (at <= current.from || at > free) return false;
    const { from } = current;
    const isUrgent = current.nextUse(from, Need.MUST) <= from + 2;
    if (!isUrgent && current.nextUse(from, Need.WISH) >= at) return false;
    this.#queue.push(current.split(at));
    this.#assign(current, register);
    return true;
  }

  /** Either the interval itself goes to memory, or what is needed later than it. */
  #placeBySpilling(current: Interval): void {
    const { from } = current;
    const firstMust = current.nextUse(from, Need.MUST);
    let best = -1;
    let bestUse = -1;
    for (const register of this.#candidates(current)) {
      const clobbered = this.#clobberedAt(register, current);
      const use = Math.min(this.#takersNextUse(register, current), clobbered);
      // What this very instruction needs or destroys is not to be had.
      if (use < nextInstruction(from)) continue;
      if (use > bestUse) {
        best = register;
        bestUse = use;
      }
    }
    const firstUse = current.nextUse(from, Need.WISH);
    if (firstMust > from + 2 && (best < 0 || firstUse >= bestUse)) {
      this.#spill(this.#withoutFirstRead(current));
      return;
    }
    if (best < 0) {
      throw new RangeError(`${this.#fn.name}: no register for v${current.register} at ${from}`);
    }
    const clobbered = this.#clobberedAt(best, current);
    if (clobbered < current.to)
      this.#queue.push(current.split(this.#splitPosition(from, clobbered)));
    this.#evict(best, current);
    this.#assign(current, best);
  }

  /**
   * What is to be spilled of an interval: if the instruction at its start, such as a call, reads it, that
   * still finds it in the register of the piece before.
   */
  #withoutFirstRead(interval: Interval): Interval {
    const { from, to } = interval;
    const before = this.#pieceBefore(interval);
    if (!before || before.location < 0 || before.to !== from || to === from + 1) return interval;
    if (interval.nextUse(from, Need.MOVE) !== from) return interval;
    if (this.#timelines.conflict(before.location, interval) === from) return interval;
    const rest = interval.split(from + 1);
    this.#assign(interval, before.location);
    return rest;
  }

  #pieceBefore(interval: Interval): Interval | undefined {
    let piece = this.#intervals.byRegister[interval.register];
    while (piece && piece.next !== interval) piece = piece.next;
    return piece;
  }

  /** When those who hold the register, and would have to give it up, want it next. */
  #takersNextUse(register: number, current: Interval): number {
    let first = Infinity;
    const takers = this.#timelines.conflicting(register, current);
    for (const taker of takers) first = Math.min(first, taker.nextUse(current.from, Need.MOVE));
    return first;
  }

  #evict(register: number, current: Interval): void {
    for (const taker of this.#timelines.conflicting(register, current)) {
      if (taker.from >= current.from) {
        // It has no earlier part that could keep the register.
        this.#timelines.cut(register, taker, taker.from);
        taker.location = -1;
        this.#spill(taker);
        continue;
      }
      const isHeld = taker.covers(current.from);
      const rest = taker.split(isHeld ? this.#spillPosition(taker, current.from) : current.from);
      this.#timelines.cut(register, taker, taker.to);
      if (isHeld) this.#spill(rest, current.from);
      else this.#queue.push(rest);
    }
  }

  /**
   * Where an interval that loses its register may as well have lost it: before the loops in which
   * it was not used up to now, so that it need not be loaded again at their ends.
   */
  #spillPosition(taker: Interval, position: number): number {
    let best = position;
    let { loop } = this.#blockAt(position);
    while (loop && loop.from > taker.from && taker.nextUse(loop.from, Need.MOVE) >= position) {
      best = loop.from;
      loop = loop.outer;
    }
    return best;
  }

  /** Leaves an interval in memory up to where, after `from`, it is worth a register again. */
  #spill(interval: Interval, from = interval.from): void {
    // The instruction at hand, if it reads the interval, reads it from memory.
    const later = nextInstruction(from);
    let next = interval.nextUse(later, Need.MUST);
    const wish = interval.nextUse(later, Need.WISH);
    if (wish < next && this.#blockAt(wish).loopDepth > 0) next = wish;
    if (next === Infinity) return;
    const at = this.#splitPosition(from, next);
    if (at <= from)
      throw new RangeError(`${this.#fn.name}: no place to reload v${interval.register}`);
    if (at < interval.to) this.#queue.push(interval.split(at));
  }

  #assign(interval: Interval, register: number): void {
    interval.location = register;
    this.#timelines.add(register, interval);
  }

  #candidates(interval: Interval): readonly number[] {
    return this.#registers[this.#fn.classes[interval.register] as 0 | 1];
  }

  /** A register that saves a move and is free for all of the interval; else -1. */
  #freeHint(interval: Interval): number {
    const { destinies, fixedHints, related } = this.#intervals;
    const { register } = interval;
    const last = this.#lastLocation(register);
    if (last >= 0 && this.#isFree(last, interval)) return last;
    const fixed = fixedHints[register] as number;
    if (fixed >= 0 && this.#isFree(fixed, interval)) return fixed;
    const destiny = this.#freePlaceOf(destinies[register] as number, interval);
    if (destiny >= 0) return destiny;
    for (let i = register * MOST_RELATED; i < (register + 1) * MOST_RELATED; i++) {
      const other = related[i] as number;
      if (other < 0) break;
      const place = this.#freePlaceOf(other, interval);
      if (place >= 0) return place;
      const wanted = fixedHints[other] as number;
      if (wanted >= 0 && this.#isFree(wanted, interval)) return wanted;
    }
    return -1;
  }

  /** A register that a piece of virtual register `other` has and that is free for the interval; else -1. */
  #freePlaceOf(other: number, interval: Interval): number {
    let piece = other < 0 ? undefined : this.#intervals.byRegister[other];
    for (; piece; piece = piece.next) {
      if (piece.location >= 0 && this.#isFree(piece.location, interval)) return piece.location;
    }
    return -1;
  }

  /** Where an earlier piece of a virtual register was put, the latest that is in a register. */
  #lastLocation(register: number): number {
    let last = -1;
    for (let piece = this.#intervals.byRegister[register]; piece; piece = piece.next) {
      if (piece.location >= 0) last = piece.location;
    }
    return last;
  }

  #isFree(register: number, interval: Interval): boolean {
    const mask = this.#masks[this.#fn.classes[interval.register] as 0 | 1] as number;
    return ((mask >>> register) & 1) === 1 && this.#freeUntil(register, interval) >= interval.to;
  }

  #freeUntil(register: number, interval: Interval): number {
    const clobbered = this.#clobberedAt(register, interval);
    if (clobbered <= interval.from + 1) return clobbered;
    return Math.min(clobbered, this.#timelines.conflict(register, interval));
  }

  /** First position within the interval at which the register is destroyed. */
  #clobberedAt(register: number, interval: Interval): number {
    let first = Infinity;
    for (const { mask, positions } of this.#intervals.clobbers) {
      if (((mask >>> register) & 1) === 0) continue;
      let k = interval.firstRange;
      for (let i = lowerBound(positions, interval.from); i < positions.length; i++) {
        const position = positions[i] as number;
        if (position >= interval.to || position >= first) break;
        while (k < interval.endRange && interval.rangeTo(k) <= position) k++;
        if (k < interval.endRange && interval.rangeFrom(k) <= position) first = position;
      }
    }
    return first;
  }

  /**
   * The best position for a move in (from, latest]: before an instruction, and before a loop that
   * `latest` is in and `from` is not. At most `from` if there is none.
   */
  #splitPosition(from: number, latest: number): number {
    const position = latest - (latest % STEP);
    let best = position;
    let { loop } = this.#blockAt(position);
    while (loop && loop.from > from) {
      best = loop.from;
      loop = loop.outer;
    }
    return best;
  }

  #blockAt(position: number): MachineBlock {
    return this.#intervals.blockAt[Math.floor(position / STEP)] as MachineBlock;
  }
}

function nextInstruction(position: number): number {
  return position - (position % STEP) + STEP;
}
