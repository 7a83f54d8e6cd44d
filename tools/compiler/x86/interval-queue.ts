import type { Interval } from './interval.ts';

/** Intervals in the order of their starts, then of their registers: a binary heap. */
export class IntervalQueue {
  readonly #heap: Interval[] = [];

  push(interval: Interval): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(interval);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(interval, heap[parent] as Interval)) break;
      heap[at] = heap[parent] as Interval;
      at = parent;
    }
    heap[at] = interval;
  }

  pop(): Interval | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (
        child + 1 < heap.length &&
        isBefore(heap[child + 1] as Interval, heap[child] as Interval)
      ) {
        child++;
      }
      if (!isBefore(heap[child] as Interval, last)) break;
      heap[at] = heap[child] as Interval;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Interval, b: Interval): boolean {
  return a.from !== b.from ? a.from < b.from : a.register < b.register;
}
