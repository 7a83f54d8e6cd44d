import { ANY, hull, type Range } from './range.ts';

const STACK_POINTER = 4;

/** What the last comparison compared, while its flags last: a register with a bound. */
interface Compared {
  readonly register: number;
  readonly bound: number;
}

/** What is known at a point of the shim. */
export class ShimState {
  /** By number; those that only 64-bit mode has are {@link ANY} before it. */
  readonly registers: Range[];
  /**
   * Bytes that RSP lies above where it was when the routine was entered, negative below it; undefined
   * where it depends on the path.
   */
  depth: number | undefined;
  compared: Compared | undefined;
  /** Whether paging is on; undefined where it depends on the path. */
  paging: boolean | undefined;
  /** Whether exceptions lead to the shim's handlers. */
  hasHandlers: boolean;

  constructor(stackPointer: Range) {
    this.registers = Array(16).fill(ANY);
    this.registers[STACK_POINTER] = stackPointer;
    this.depth = 0;
    this.compared = undefined;
    this.paging = false;
    this.hasHandlers = false;
  }

  get stackPointer(): Range {
    return this.registers[STACK_POINTER] as Range;
  }

  set stackPointer(value: Range) {
    this.registers[STACK_POINTER] = value;
  }

  clone(): ShimState {
    const copy = new ShimState(ANY);
    this.registers.forEach((value, i) => {
      copy.registers[i] = value;
    });
    copy.depth = this.depth;
    copy.compared = this.compared;
    copy.paging = this.paging;
    copy.hasHandlers = this.hasHandlers;
    return copy;
  }

  /**
   * Takes in what another path brings; answers whether less is known than before. `stops` is for loops:
   * see {@link hull}.
   */
  merge(other: ShimState, stops: readonly number[] | undefined): boolean {
    let changed = false;
    const [mine, others] = [this.compared, other.compared];
    if (mine && (mine.register !== others?.register || mine.bound !== others.bound)) {
      this.compared = undefined;
      changed = true;
    }
    this.registers.forEach((old, i) => {
      const both = hull(old, other.registers[i] as Range, i === STACK_POINTER ? undefined : stops);
      if (both === old) return;
      this.registers[i] = both;
      changed = true;
    });
    if (this.depth !== other.depth && this.depth !== undefined) {
      this.depth = undefined;
      changed = true;
    }
    if (this.paging !== other.paging && this.paging !== undefined) {
      this.paging = undefined;
      changed = true;
    }
    if (this.hasHandlers && !other.hasHandlers) {
      this.hasHandlers = false;
      changed = true;
    }
    return changed;
  }
}
