import { AddressQueue } from './address-queue.ts';
import { callOrder } from './call-order.ts';
import { type Instruction, textOf } from './instruction.ts';
import type { CodeFunction, Program, Violation } from './program.ts';
import type { Contract } from './routines.ts';
import { TypeTable } from './types.ts';
import { Ids } from './value.ts';

/**
 * What is known of a function between the visits of its code. It starts out with the best that may
 * be so (arguments and results of 32 bits); what some caller or path contradicts is taken back, and
 * whoever relied on it is looked at again, until nothing is contradicted any more.
 */
export interface FunctionState {
  readonly code: CodeFunction;
  /** In the order in which functions are looked at. */
  position: number;
  /** Whether it is looked at at all. */
  isReached: boolean;
  /** Instructions that were found when it was last looked at. */
  instructions: number;
  readonly callers: Set<FunctionState>;
  /** Integer argument registers (bits by position) that a caller fills with more than 32 bits. */
  wideArguments: number;
  /** Stack arguments, by their distance from RSP at entry: those read, and those too wide. */
  readonly stackArguments: Set<number>;
  readonly wideStackArguments: Set<number>;
  /** The same of arguments and results that are not always references to functions. */
  plainArguments: number;
  readonly plainStackArguments: Set<number>;
  plainResults: number;
  readonly plainStackResults: Set<number>;
  /** Bytes above the return address that it reads or writes. */
  stackExtent: number;
  /**
   * Bytes of stack arguments that it pops when it returns; undefined before a return was seen. Those that
   * are assembled by hand pop none.
   */
  popped: number | undefined;
  /** RAX and RDX (bits 0 and 1) that may be left with more than 32 bits. */
  wideResults: number;
  /** The same of the stack area above the return address. */
  readonly wideStackResults: Set<number>;
  /** Whether r14 may hold another memory's base at entry, and when it returns. */
  isForeign: boolean;
  leavesForeign: boolean;
  /** What a reviewed routine promises; undefined as long as nobody has asked. */
  contract: Contract | 'none' | undefined;
  violations: Map<string, Violation>;
  /** By key: what each instruction was last seen to use. */
  readonly dataUses: Map<string, DataUse>;
  readonly tableUses: Map<string, TableUse>;
  listed: Map<number, Listed>;
}

/** A use of what only the kernel may do, for the report. */
export interface Listed {
  readonly address: number;
  readonly text: string;
  readonly name: string;
}

/** How code uses a place of the program's data. */
export type Use =
  | 'read'
  | 'write'
  /** A zero is written: all that ever is to the size of a segment. */
  | 'clear'
  /** A half of a function's record is written. */
  | 'entry'
  /** It is relied on that whatever code writes there is a reference. */
  | 'reference'
  /** A u32 that bounds indices. */
  | 'bound';

export interface DataUse {
  readonly start: number;
  readonly size: number;
  readonly use: Use;
  readonly by: FunctionState;
  readonly instruction: Instruction;
}

/** Entries of a table or a jump table that code may reach by an index. */
export interface TableUse {
  readonly start: number;
  readonly end: number;
  readonly kind: 'entries' | 'jumps';
  readonly by: FunctionState;
  readonly instruction: Instruction;
}

/** Everything that is known while a program is looked at. */
export class Analysis {
  readonly program: Program;
  readonly ids = new Ids();
  readonly functions = new Map<number, FunctionState>();
  readonly types: TypeTable;
  /** By compartment, names of the kernel's functions that it calls. */
  readonly capabilities = new Map<string, Set<string>>();
  /** Bytes of stack area that who enters a function from outside provides. */
  readonly #stackAreas = new Map<FunctionState, number>();
  #followsReferences = false;
  readonly #plainCells = new Set<number>();
  readonly #cellReaders = new Map<number, Set<FunctionState>>();
  /** Functions in the order in which they are looked at, round after round; and who waits, by turn. */
  readonly #order: readonly FunctionState[];
  readonly #pending = new AddressQueue();
  #turn = -1;

  constructor(program: Program, isJudged: (code: CodeFunction) => boolean) {
    this.program = program;
    for (const code of program.functions) {
      const state = newState(code);
      this.functions.set(code.start, state);
    }
    this.#order = callOrder(this);
    for (const [position, state] of this.#order.entries()) {
      state.position = position;
      if (isJudged(state.code)) this.reach(state);
    }
    this.types = new TypeTable(program, this.functions);
  }

  /** Has a function looked at that was not yet. */
  reach(state: FunctionState): void {
    if (state.isReached) return;
    state.isReached = true;
    this.request(state);
  }

  /** Has a function looked at again, when its turn comes. */
  request({ isReached, position }: FunctionState): void {
    if (!isReached) return;
    const count = this.#order.length;
    const round = Math.max(0, Math.floor(this.#turn / count));
    const turn = round * count + position;
    this.#pending.add(turn > this.#turn ? turn : turn + count);
  }

  /** The next function to look at; undefined when nothing is left to do. */
  next(): FunctionState | undefined {
    const turn = this.#pending.take();
    if (turn === undefined) return undefined;
    this.#turn = turn;
    return this.#order[turn % this.#order.length];
  }

  violate(state: FunctionState, rule: string, at: Instruction | number): void {
    const address = typeof at === 'number' ? at : at.address;
    const where = { rule, address, name: state.code.name };
    state.violations.set(
      `${address} ${rule}`,
      typeof at === 'number' ? where : { ...where, text: textOf(at) },
    );
  }

  /** Notes that code touches data of the program. */
  useData(by: FunctionState, instruction: Instruction, start: number, size: number, use: Use) {
    const key = `${instruction.address} ${start} ${use}`;
    by.dataUses.set(key, { start, size, use, by, instruction });
  }

  /** The same instruction was seen to use the same data otherwise. */
  forgetUse(by: FunctionState, { address }: Instruction, start: number, use: Use): void {
    by.dataUses.delete(`${address} ${start} ${use}`);
  }

  /** Notes that code reaches entries from `start` to `end`. */
  useTable(
    by: FunctionState,
    instruction: Instruction,
    kind: TableUse['kind'],
    start: number,
    end: number,
  ): void {
    by.tableUses.set(`${instruction.address} ${start}`, { start, end, kind, by, instruction });
  }

  /** What some caller passes in arguments: those of more than 32 bits, and those that are no references. */
  pass(state: FunctionState, wide: Passed, plain: Passed): void {
    const newlyWide = wide.registers & ~state.wideArguments;
    const newlyPlain = plain.registers & ~state.plainArguments;
    state.wideArguments |= wide.registers;
    state.plainArguments |= plain.registers;
    const isMoreWide = addAll(state.wideStackArguments, wide.stack);
    const isMorePlain = addAll(state.plainStackArguments, plain.stack) || newlyPlain !== 0;
    if (newlyWide !== 0 || isMoreWide || (isMorePlain && this.#followsReferences)) {
      this.request(state);
    }
  }

  /**
   * Whether it is followed which values are references to functions: from the first instruction on that
   * relies on it, as few programs have any.
   */
  get followsReferences(): boolean {
    return this.#followsReferences;
  }

  followReferences(): void {
    if (this.#followsReferences) return;
    this.#followsReferences = true;
    for (const state of this.functions.values()) this.request(state);
  }

  /** Whether what lies at an address is a reference, so far; `state` relies on the answer. */
  holdsReference(at: number, state: FunctionState): boolean {
    if (!this.#followsReferences || this.#plainCells.has(at)) return false;
    const initial = this.program.memory.address(at);
    if (initial === undefined || (initial !== 0 && !this.types.isRecord(initial))) return false;
    const readers = this.#cellReaders.get(at) ?? new Set();
    this.#cellReaders.set(at, readers.add(state));
    return true;
  }

  /** Something is written that is no reference. */
  overwrite(start: number, size: number): void {
    if (!this.#followsReferences) return;
    for (let at = start - 7; at < start + size; at++) {
      if (this.#plainCells.has(at)) continue;
      this.#plainCells.add(at);
      for (const reader of this.#cellReaders.get(at) ?? []) this.request(reader);
    }
  }

  /** A function is entered from outside, with so many bytes of stack arguments and results. */
  provide(state: FunctionState, stackSize: number): void {
    this.#stackAreas.set(state, Math.min(stackSize, this.#stackAreas.get(state) ?? stackSize));
  }

  /** Functions that take more of the stack than who enters them from outside provides. */
  checkStackAreas(): void {
    for (const [state, size] of this.#stackAreas) {
      if (state.stackExtent > size) {
        this.violate(state, 'an access to the stack above the arguments', state.code.start);
      }
    }
  }

  /** r14 may be another memory's base when the function is entered, and so when it returns. */
  makeForeign(state: FunctionState): void {
    if (state.isForeign) return;
    state.isForeign = true;
    this.request(state);
    this.leaveForeign(state);
  }

  /** r14 may be another memory's base when the function, or what it jumps to, returns. */
  leaveForeign(state: FunctionState): void {
    if (state.leavesForeign) return;
    state.leavesForeign = true;
    for (const caller of state.callers) this.request(caller);
  }
}

/** Arguments, as bits by position and as distances from RSP at entry. */
export interface Passed {
  readonly registers: number;
  readonly stack: readonly number[];
}

/** Adds to a set; answers whether anything is new. */
export function addAll(set: Set<number>, values: Iterable<number>): boolean {
  const { size } = set;
  for (const value of values) set.add(value);
  return set.size > size;
}

function newState(code: CodeFunction): FunctionState {
  return {
    code,
    position: 0,
    isReached: false,
    instructions: 0,
    callers: new Set(),
    wideArguments: 0,
    stackArguments: new Set(),
    wideStackArguments: new Set(),
    plainArguments: 0,
    plainStackArguments: new Set(),
    plainResults: 0,
    plainStackResults: new Set(),
    stackExtent: 0,
    popped: code.compartment.kind === 'stubs' ? 0 : undefined,
    wideResults: 0,
    wideStackResults: new Set(),
    isForeign: false,
    leavesForeign: false,
    contract: undefined,
    violations: new Map(),
    dataUses: new Map(),
    tableUses: new Map(),
    listed: new Map(),
  };
}
