/**
 * Positions: instruction k of the function's linear order is at p, a multiple of 4. Moves happen
 * at p, early uses are read until p + 1, clobbered registers and early results are written at
 * p + 1, results at p + 2, late uses are read until p + 3.
 */
export const STEP = 4;

/** How much a use gains from a register. */
export const Need = {
  /** A move that reads memory as well as a register. */
  MOVE: 0,
  /** An instruction that could read memory. */
  WISH: 1,
  /** An instruction that can not. */
  MUST: 2,
} as const;

/** Where a function's virtual registers are live and used: what intervals are pieces of. */
export interface Lives {
  /** Stretches of positions [from, to), as pairs, a register's ascending. */
  readonly ranges: Int32Array;
  /** Positions of definitions and uses, a register's ascending, and their needs. */
  readonly uses: Int32Array;
  readonly needs: Int32Array;
}

/** Where a virtual register is live and used, or after splitting, a piece of that. */
export class Interval {
  readonly register: number;
  readonly #lives: Lives;
  /** It is live within [from, to), where ranges number firstRange up to endRange are. */
  readonly from: number;
  to: number;
  readonly firstRange: number;
  endRange: number;
  readonly #firstUse: number;
  #endUse: number;
  /** The physical register, or -1: in memory. */
  location = -1;
  /** The piece of the virtual register after this one. */
  next: Interval | undefined = undefined;

  constructor(
    register: number,
    lives: Lives,
    firstRange: number,
    endRange: number,
    firstUse: number,
    endUse: number,
    from = lives.ranges[2 * firstRange] as number,
  ) {
    this.register = register;
    this.#lives = lives;
    this.from = from;
    this.to = lives.ranges[2 * endRange - 1] as number;
    this.firstRange = firstRange;
    this.endRange = endRange;
    this.#firstUse = firstUse;
    this.#endUse = endUse;
  }

  /** Where range number `k` begins and ends, as far as it belongs to this interval. */
  rangeFrom(k: number): number {
    return Math.max(this.#lives.ranges[2 * k] as number, this.from);
  }

  rangeTo(k: number): number {
    return Math.min(this.#lives.ranges[2 * k + 1] as number, this.to);
  }

  /** First use at or after a position that needs a register at least this much; else Infinity. */
  nextUse(position: number, need: number): number {
    const { uses, needs } = this.#lives;
    for (let i = this.#useFrom(position); i < this.#endUse; i++) {
      if ((needs[i] as number) >= need) return uses[i] as number;
    }
    return Infinity;
  }

  covers(position: number): boolean {
    if (position < this.from || position >= this.to) return false;
    return (this.#lives.ranges[2 * this.#rangeAfter(position)] as number) <= position;
  }

  /** Keeps what lies before the position; the rest is a new interval, the next piece. */
  split(position: number): Interval {
    const { ranges } = this.#lives;
    const range = this.#rangeAfter(position);
    const use = this.#useFrom(position);
    const start = ranges[2 * range] as number;
    const rest = new Interval(
      this.register,
      this.#lives,
      range,
      this.endRange,
      use,
      this.#endUse,
      Math.max(start, position),
    );
    rest.to = this.to;
    rest.next = this.next;
    this.next = rest;
    this.endRange = start < position ? range + 1 : range;
    this.to = Math.min(position, ranges[2 * this.endRange - 1] as number);
    this.#endUse = use;
    return rest;
  }

  /** The first of its ranges that ends after the position. */
  #rangeAfter(position: number): number {
    const { ranges } = this.#lives;
    let low = this.firstRange;
    let high = this.endRange;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ranges[2 * middle + 1] as number) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #useFrom(position: number): number {
    return lowerBound(this.#lives.uses, position, this.#firstUse, this.#endUse);
  }
}

/** Index in [low, high) of the first element that is not below the value; `high` if all are. */
export function lowerBound(
  sorted: ArrayLike<number>,
  value: number,
  low = 0,
  high = sorted.length,
): number {
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] as number) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
