import { Numbers } from '../numbers.ts';
import type {
  CallSite,
  InterceptSite,
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
  /** Pairs as in WasmObject.lines. */
  readonly lines = new Numbers(1 << 12);
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
      at: [traps, intercepts, immediates, asm.relocations],
      after: this.calls,
      lines,
    };
  }

  line(wasmOffset: number): void {
    const { lines } = this;
    if (lines.length > 0 && lines.items[lines.length - 1] === wasmOffset) return;
    lines.push(this.asm.size);
    lines.push(wasmOffset);
  }
}
