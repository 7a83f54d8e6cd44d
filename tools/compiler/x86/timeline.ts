import { Numbers } from '../numbers.ts';
import type { Interval } from './interval.ts';

/** Of an entry: where the range begins and ends, the number of its interval, the next entry or -1. */
const FROM = 0;
const TO = 1;
const OWNER = 2;
const NEXT = 3;

/** What the physical registers are taken by: ranges in ascending order, linked. */
export class Timelines {
  /** By register: the first entry that has not ended, or -1. */
  readonly #first: Int32Array;
  readonly #entries = new Numbers(1024);
  #owners: Interval[] = [];

  constructor(registers: number) {
    this.#first = new Int32Array(registers).fill(-1);
  }

  /** Forgets everything. */
  clear(): void {
    this.#first.fill(-1);
    this.#entries.clear();
    this.#owners = [];
  }

  /** First position where the interval and the register's takers are live together; else Infinity. */
  conflict(register: number, interval: Interval): number {
    const { items } = this.#entries;
    let at = this.#skipTo(register, interval.from);
    let k = interval.firstRange;
    while (at >= 0 && k < interval.endRange) {
      const from = interval.rangeFrom(k);
      if ((items[at + TO] as number) <= from) at = items[at + NEXT] as number;
      else if (interval.rangeTo(k) <= (items[at + FROM] as number)) k++;
      else return Math.max(items[at + FROM] as number, from);
    }
    return Infinity;
  }

  /** The intervals that are live together with this one somewhere. */
  conflicting(register: number, interval: Interval): readonly Interval[] {
    const found: Interval[] = [];
    const { items } = this.#entries;
    let at = this.#skipTo(register, interval.from);
    let k = interval.firstRange;
    while (at >= 0 && k < interval.endRange) {
      if ((items[at + TO] as number) <= interval.rangeFrom(k)) {
        at = items[at + NEXT] as number;
      } else if (interval.rangeTo(k) <= (items[at + FROM] as number)) {
        k++;
      } else {
        const owner = this.#owners[items[at + OWNER] as number] as Interval;
        if (!found.includes(owner)) found.push(owner);
        at = items[at + NEXT] as number;
      }
    }
    return found;
  }

  add(register: number, interval: Interval): void {
    const owner = this.#owners.push(interval) - 1;
    let before = -1;
    let after = this.#first[register] as number;
    for (let k = interval.firstRange; k < interval.endRange; k++) {
      const from = interval.rangeFrom(k);
      while (after >= 0 && (this.#entries.items[after + FROM] as number) < from) {
        before = after;
        after = this.#entries.items[after + NEXT] as number;
      }
      const entry = this.#entries.push(from);
      this.#entries.push(interval.rangeTo(k));
      this.#entries.push(owner);
      this.#entries.push(after);
      this.#link(register, before, entry);
      before = entry;
    }
  }

  /** Takes out what lies from the position on of an interval. */
  cut(register: number, interval: Interval, position: number): void {
    const { items } = this.#entries;
    let before = -1;
    for (let at = this.#first[register] as number; at >= 0; at = items[at + NEXT] as number) {
      if (this.#owners[items[at + OWNER] as number] !== interval) {
        before = at;
      } else if ((items[at + FROM] as number) >= position) {
        this.#link(register, before, items[at + NEXT] as number);
      } else {
        items[at + TO] = Math.min(items[at + TO] as number, position);
        before = at;
      }
    }
  }

  #link(register: number, before: number, entry: number): void {
    if (before < 0) this.#first[register] = entry;
    else this.#entries.items[before + NEXT] = entry;
  }

  #skipTo(register: number, position: number): number {
    const { items } = this.#entries;
    let at = this.#first[register] as number;
    while (at >= 0 && (items[at + TO] as number) <= position) at = items[at + NEXT] as number;
    this.#first[register] = at;
    return at;
  }
}
