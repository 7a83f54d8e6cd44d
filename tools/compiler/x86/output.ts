import type {
  CallSite,
  InterceptSite,
  Line,
  ObjectFunction,
  ObjectRelocation,
  TrapReason,
  TrapSite,
} from '../object.ts';
import { Assembler } from './assembler.ts';
import { ConstantPool } from './constants.ts';
import type { Label } from './operand.ts';
import type { Sites } from './relax.ts';

/** A jump table in rodata: where it is, and the labels it leads to in the function's code. */
export interface JumpTable {
  readonly symbol: string;
  readonly functionSymbol: string;
  readonly functionStart: number;
  readonly targets: readonly Label[];
}

/** A site whose code may still move. */
type Movable<T extends { readonly offset: number }> = Omit<T, 'offset'> & { offset: number };

/** What emission collects over all functions of a module. */
export class Output {
  readonly asm = new Assembler(64);
  readonly constants = new ConstantPool();
  readonly functions: ObjectFunction[] = [];
  readonly traps: Movable<TrapSite>[] = [];
  readonly calls: Movable<CallSite>[] = [];
  readonly intercepts: Movable<InterceptSite>[] = [];
  readonly lines: Movable<Line>[] = [];
  readonly jumpTables: JumpTable[] = [];
  /** Relocations of the text that the assembler can not know: immediates. */
  readonly immediates: Movable<Omit<ObjectRelocation, 'section'>>[] = [];
  /** Whether some function changes a table. */
  writesTables = false;
  /** Symbols of helper routines that some function calls. */
  readonly helpers = new Set<string>();

  /** Here is a `ud2`. */
  trap(reason: TrapReason, wasmOffset: number): void {
    this.traps.push({ offset: this.asm.size, reason, wasmOffset });
  }

  /** All that {@link relax} moves along. */
  get sites(): Sites {
    const { traps, intercepts, lines, immediates, asm } = this;
    return {
      at: [traps, intercepts, lines, immediates, asm.relocations],
      after: this.calls,
    };
  }

  line(wasmOffset: number): void {
    const last = this.lines[this.lines.length - 1];
    if (last?.wasmOffset === wasmOffset) return;
    this.lines.push({ offset: this.asm.size, wasmOffset });
  }
}
