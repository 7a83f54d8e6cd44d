/** A list of 32-bit numbers that grows; `items` is replaced as it does. */
export class Numbers {
  items: Int32Array;
  length = 0;

  constructor(capacity = 64) {
    this.items = new Int32Array(capacity);
  }

  /** Appends a number: its index. */
  push(value: number): number {
    const index = this.length;
    if (index === this.items.length) {
      const grown = new Int32Array(2 * index);
      grown.set(this.items);
      this.items = grown;
    }
    this.items[index] = value;
    this.length = index + 1;
    return index;
  }
}

/** Lists of numbers, all in one array: list i is items[starts[i]] up to items[starts[i + 1]]. */
export interface NumberLists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

/** Puts `values` (pairs of a list's index and an item) into lists, each in the order of the pairs. */
export function groupPairs(count: number, { items: pairs, length }: Numbers): NumberLists {
  const starts = new Int32Array(count + 1);
  for (let i = 0; i < length; i += 2) {
    const list = (pairs[i] as number) + 1;
    starts[list] = (starts[list] as number) + 1;
  }
  for (let i = 0; i < count; i++) starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number);
  const next = starts.slice();
  const items = new Int32Array(length >> 1);
  for (let i = 0; i < length; i += 2) {
    const list = pairs[i] as number;
    const at = next[list] as number;
    items[at] = pairs[i + 1] as number;
    next[list] = at + 1;
  }
  return { starts, items };
}
