import { type Ids, join, type Numeric, type Value } from './value.ts';

/** What the last comparison compared, while its flags last. */
export interface Comparison {
  readonly left: Value;
  readonly right: Value;
  /** Bits. */
  readonly width: number;
  /** The fact that holds if both are equal. */
  readonly ifEqual: readonly [key: string, value: number] | undefined;
}

export interface HalfWritten {
  /** Names the entry. */
  readonly entry: string;
  readonly low: Value;
}

/** What is known at a point of a function. */
export class State {
  readonly registers: Value[];
  /** Stack slots of 8 bytes, by their distance from RSP at entry. */
  readonly slots: Map<number, Value>;
  /**
   * Relations between numbers, by the keys of {@link below}, {@link fits} and {@link typed}. They
   * hold from where they are checked up to the next join or call.
   */
  readonly facts: Map<string, number>;
  comparison: Comparison | undefined;
  /** The first half of a table's entry was written: the next instruction has to write the second. */
  halfWritten: HalfWritten | undefined;
  /** Distance from RSP at entry of the lowest byte that was certainly accessed. */
  touched: number;

  constructor(
    registers: readonly Value[],
    slots: ReadonlyMap<number, Value>,
    facts: ReadonlyMap<string, number>,
    touched: number,
  ) {
    this.registers = [...registers];
    this.slots = new Map(slots);
    this.facts = new Map(facts);
    this.touched = touched;
  }

  clone(): State {
    const copy = new State(this.registers, this.slots, this.facts, this.touched);
    copy.comparison = this.comparison;
    copy.halfWritten = this.halfWritten;
    return copy;
  }

  /** Takes in what another path brings. Answers whether less is known than before. */
  merge(other: State, widen: boolean, ids: Ids): boolean {
    let changed = this.facts.size > 0 || this.comparison !== undefined;
    this.facts.clear();
    this.comparison = undefined;
    this.registers.forEach((old, i) => {
      const merged = join(old, other.registers[i] as Value, widen, ids);
      if (merged === old) return;
      this.registers[i] = merged;
      changed = true;
    });
    for (const [offset, old] of this.slots) {
      const next = other.slots.get(offset);
      const merged = next && join(old, next, widen, ids);
      if (merged === old) continue;
      if (merged) this.slots.set(offset, merged);
      else this.slots.delete(offset);
      changed = true;
    }
    if (other.touched > this.touched) {
      this.touched = other.touched;
      changed = true;
    }
    return changed;
  }

  /** Puts what is now known of a number everywhere it stands. */
  refine(known: Numeric): void {
    this.registers.forEach((value, i) => {
      if (value.kind === 'number' && value.id === known.id) this.registers[i] = known;
    });
    for (const [offset, value] of this.slots) {
      if (value.kind === 'number' && value.id === known.id) this.slots.set(offset, known);
    }
  }

  /** Forgets what bytes of the stack held. */
  forget(start: number, end: number): void {
    if (end - start < 64) {
      for (let slot = Math.floor(start / 8) * 8; slot < end; slot += 8) this.slots.delete(slot);
      return;
    }
    for (const slot of this.slots.keys()) {
      if (slot + 8 > start && slot < end) this.slots.delete(slot);
    }
  }
}

/** Number `id` is below the u32 at an address of the program. */
export const below = (id: number, at: number) => `${id} < [${at}]`;

/** Numbers `a` and `b` together are at most the u32 at an address of the program. */
export const fits = (a: number, b: number, at: number) =>
  a < b ? `${a} + ${b} <= [${at}]` : `${b} + ${a} <= [${at}]`;

/** The type number of the entry `id` bytes into a table. */
export const typed = (id: number, table: string) => `type of ${table}[${id}]`;
