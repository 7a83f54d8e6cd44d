import type { Interval, Range } from './intervals.ts';

/** What a physical register is taken by, as ranges in ascending order. */
export class Timeline {
  #ranges: Range[] = [];
  /** Ranges before this index have ended. */
  #first = 0;

  /** First position where the interval and the register's takers are live together; else Infinity. */
  conflict(interval: Interval): number {
    const { ranges } = interval;
    const taken = this.#ranges;
    this.#skipTo(interval.from);
    let i = this.#first;
    let k = 0;
    while (i < taken.length && k < ranges.length) {
      const a = taken[i] as Range;
      const b = ranges[k] as Range;
      if (a.to <= b.from) i++;
      else if (b.to <= a.from) k++;
      else return Math.max(a.from, b.from);
    }
    return Infinity;
  }

  /** The intervals that are live together with this one somewhere. */
  conflicting(interval: Interval): Set<Interval> {
    const found = new Set<Interval>();
    const { ranges } = interval;
    const taken = this.#ranges;
    this.#skipTo(interval.from);
    let i = this.#first;
    let k = 0;
    while (i < taken.length && k < ranges.length) {
      const a = taken[i] as Range;
      const b = ranges[k] as Range;
      if (a.to <= b.from) {
        i++;
      } else if (b.to <= a.from) {
        k++;
      } else {
        found.add(a.owner);
        i++;
      }
    }
    return found;
  }

  add(interval: Interval): void {
    const rest = this.#ranges.splice(this.#first);
    let i = 0;
    for (const range of interval.ranges) {
      while (i < rest.length && (rest[i] as Range).from < range.from) {
        this.#ranges.push(rest[i++] as Range);
      }
      this.#ranges.push(range);
    }
    while (i < rest.length) this.#ranges.push(rest[i++] as Range);
  }

  /** Takes out the ranges of an interval that was split off. */
  remove(interval: Interval): void {
    const rest = this.#ranges.splice(this.#first);
    for (const range of rest) if (range.owner !== interval) this.#ranges.push(range);
  }

  #skipTo(position: number): void {
    const taken = this.#ranges;
    while (this.#first < taken.length && (taken[this.#first] as Range).to <= position) {
      this.#first++;
    }
    if (this.#first > 64) {
      taken.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
