/** A list of 32-bit numbers that grows; `items` is replaced as it does. */
export class Numbers {
  items: Int32Array;
  length = 0;

  constructor(capacity = 64) {
    this.items = new Int32Array(capacity);
  }

  /** Forgets all numbers and keeps the room for them. */
  clear(): this {
    this.length = 0;
    return this;
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

/**
 * A table of 32-bit numbers for what is done for one function after the other: making one takes longer than
 * filling it in.
 */
export class Table {
  #items = new Int32Array(256);

  /** `count` times `value`, in an array that may be longer. What the last call has answered is no longer valid. */
  filled(count: number, value: number): Int32Array {
    return this.sized(count).fill(value, 0, count);
  }

  /** Room for `count` numbers, whatever they are. */
  sized(count: number): Int32Array {
    const { length } = this.#items;
    if (length < count) this.#items = new Int32Array(Math.max(count, 2 * length));
    return this.#items;
  }
}

/**
 * Lists of numbers, all in one array: list i is items[starts[i]] up to items[starts[i + 1]]. Both arrays may be
 * longer than that.
 */
export interface NumberLists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

/** Puts pairs of a list's index and an item into lists. Those of the last call are no longer valid. */
export class Grouping {
  readonly #starts = new Table();
  readonly #next = new Table();
  readonly #items = new Table();

  /** `count` lists, each in the order of the pairs. */
  lists(count: number, { items: pairs, length }: Numbers): NumberLists {
    const starts = this.#starts.filled(count + 1, 0);
    for (let i = 0; i < length; i += 2) {
      const list = (pairs[i] as number) + 1;
      starts[list] = (starts[list] as number) + 1;
    }
    const next = this.#next.sized(count);
    for (let i = 0; i < count; i++) {
      next[i] = starts[i] as number;
      starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number);
    }
    const items = this.#items.sized(length >> 1);
    for (let i = 0; i < length; i += 2) {
      const list = pairs[i] as number;
      const at = next[list] as number;
      items[at] = pairs[i + 1] as number;
      next[list] = at + 1;
    }
    return { starts, items };
  }
}
