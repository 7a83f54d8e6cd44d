import type { Instruction } from './instruction.ts';
import type { Slots } from './slots.ts';
import { constantOf, join, type Meeting, type Numeric, type Value } from './value.ts';

/** What the last comparison compared, while its flags last. */
export interface Comparison {
  readonly left: Value;
  readonly right: Value;
  /** Bits. */
  readonly width: number;
  /** The fact that holds if both are equal. */
  readonly ifEqual?: readonly [key: string, value: number] | undefined;
  /** What is known of a number if they are not. */
  readonly ifNotEqual?: Numeric;
  /** Whether the flags tell no more than that both are equal, or not. */
  readonly isOfEquality?: boolean;
}

/** Eight bytes of data that were written, and may be the first half of an entry. */
export interface LowHalf {
  readonly at: number;
  readonly instruction: Instruction;
}

export interface HalfWritten {
  /** Names the entry. */
  readonly entry: string;
  readonly low: Value;
}

const NO_FACTS: ReadonlyMap<string, number> = new Map();

/** What is known at a point of a function. */
export class State {
  readonly registers: Value[];
  readonly slots: Slots;
  /** Distance from RSP at entry of the lowest byte that was certainly accessed. */
  touched: number;
  comparison: Comparison | undefined;
  /** The first half of a table's entry was written: the next instruction has to write the second. */
  halfWritten: HalfWritten | undefined;
  lowHalf: LowHalf | undefined;
  #facts = NO_FACTS;

  constructor(registers: readonly Value[], slots: Slots, touched: number) {
    this.registers = registers.slice();
    this.slots = slots;
    this.touched = touched;
  }

  clone(): State {
    const copy = new State(this.registers, this.slots.clone(), this.touched);
    copy.#facts = this.#facts;
    copy.comparison = this.comparison;
    copy.halfWritten = this.halfWritten;
    return copy;
  }

  /**
   * Relations between numbers, by the keys of {@link below}, {@link fits} and {@link typed}. They
   * hold from where they are checked up to the next join or call.
   */
  get facts(): ReadonlyMap<string, number> {
    return this.#facts;
  }

  addFact(key: string, value: number): void {
    this.#facts = new Map([...this.#facts, [key, value]]);
  }

  /** An entry of a table may be another. */
  forgetTypes(): void {
    this.#facts = new Map([...this.#facts].filter(([key]) => !key.startsWith(TYPE)));
    if (this.comparison?.ifEqual) this.comparison = { ...this.comparison, ifEqual: undefined };
  }

  forgetFacts(): void {
    this.#facts = NO_FACTS;
  }

  /** Takes in what another path brings. Answers whether less is known than before. */
  merge(other: State, meeting: Meeting): boolean {
    let changed = this.#facts.size > 0 || this.comparison !== undefined;
    this.forgetFacts();
    this.comparison = undefined;
    for (const [i, old] of this.registers.entries()) {
      const merged = join(old, other.registers[i] as Value, meeting);
      if (merged === old) continue;
      this.registers[i] = merged;
      changed = true;
    }
    if (this.slots.merge(other.slots, meeting)) changed = true;
    if (other.touched > this.touched) {
      this.touched = other.touched;
      changed = true;
    }
    return changed;
  }

  /** What registers hold that is a number plus a constant, each with that constant. */
  sumsWith(id: number): [sum: Numeric, constant: number][] {
    return this.registers.flatMap((value): [Numeric, number][] => {
      if (value.kind !== 'number' || value.term?.op !== 'sum') return [];
      // Above that a sum may have wrapped.
      if (value.most > Number.MAX_SAFE_INTEGER) return [];
      const { a, b } = value.term;
      if (a.kind !== 'number' || b.kind !== 'number') return [];
      const other = a.id === id ? b : b.id === id ? a : undefined;
      const constant = other && constantOf(other);
      return constant === undefined ? [] : [[value, constant]];
    });
  }

  /** Puts what is now known of a number everywhere it stands. */
  refine(known: Numeric): void {
    for (const [i, value] of this.registers.entries()) {
      if (value.kind === 'number' && value.id === known.id) this.registers[i] = known;
    }
    this.slots.refine(known);
  }
}

/** Number `id` is below the u32 at an address of the program. */
export const below = (id: number, at: number) => `${id} < [${at}]`;

/** Numbers `a` and `b` together are at most the u32 at an address of the program. */
export const fits = (a: number, b: number, at: number) =>
  a < b ? `${a} + ${b} <= [${at}]` : `${b} + ${a} <= [${at}]`;

const TYPE = 'type of';

/** The type number of the entry `id` bytes into a table. */
export const typed = (id: number, table: string) => `${TYPE} ${table}[${id}]`;
