/** Addresses that wait, each once; the lowest comes first, which is close to the order of control. */
export class AddressQueue {
  readonly #waiting = new Set<number>();
  readonly #heap: number[] = [];

  add(address: number): void {
    if (this.#waiting.has(address)) return;
    this.#waiting.add(address);
    const heap = this.#heap;
    let at = heap.length;
    heap.push(address);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((heap[above] as number) <= address) break;
      heap[at] = heap[above] as number;
      at = above;
    }
    heap[at] = address;
  }

  /** The lowest address; undefined when none waits. */
  take(): number | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    this.#waiting.delete(first);
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = below + 1;
      if (right < heap.length && (heap[right] as number) < (heap[below] as number)) below = right;
      if ((heap[below] as number) >= last) break;
      heap[at] = heap[below] as number;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}
