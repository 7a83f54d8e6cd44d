import { AddressQueue } from './address-queue.ts';
import type { Analysis, FunctionState } from './analysis.ts';
import { assume } from './branch.ts';
import { call, returnFrom, tailCall } from './call.ts';
import { FunctionCode } from './function-code.ts';
import { type Instruction, textOf } from './instruction.ts';
import { contractOf } from './routines.ts';
import { Slots } from './slots.ts';
import { State } from './state.ts';
import { step } from './transfer.ts';
import { mostOf, RETURN_ADDRESS, U32, type Value } from './value.ts';
import { ARGUMENTS, R14, RSP, readRegister, SAVED, type Visit } from './visit.ts';

const POINTER_SIZE = 8;
/** Bits of {@link RESULTS}. */
const ALL_RESULTS = 0b11;

/** Where code is entered from more than one place, or again. */
interface Node {
  state: State;
  readonly address: number;
  /** When it was found; of one that was split off another, when that was. */
  readonly order: number;
  /** Addresses of the instructions that lead there. */
  readonly sources: Set<number>;
}

/** Looks at a function once: follows every path, and notes what breaks a rule. */
export function walk(analysis: Analysis, fn: FunctionState): void {
  if (contractOf(analysis, fn)) {
    assumeNothing(analysis, fn);
    return;
  }
  const code = new FunctionCode(fn.code, analysis.program.memory);
  const before = stackUseOf(fn);
  let visit: Walk;
  let extent: number;
  do {
    extent = fn.stackExtent;
    visit = new Walk(analysis, fn, code);
    visit.run();
    // What was seen first has not reckoned with what was found last.
  } while (visit.restart || fn.stackExtent !== extent);
  // What callers pass there is asked of them only now.
  if (stackUseOf(fn) !== before) for (const caller of fn.callers) analysis.request(caller);
}

/** What callers must know of how a function uses the stack above its return address. */
function stackUseOf({ stackExtent, stackArguments, popped }: FunctionState): string {
  return [stackExtent, stackArguments.size, popped].join();
}

/** Of a routine that is not followed: it returns, and what it leaves in registers may be anything. */
function assumeNothing(analysis: Analysis, fn: FunctionState): void {
  if (fn.wideResults === ALL_RESULTS) return;
  fn.popped = 0;
  fn.wideResults = ALL_RESULTS;
  fn.plainResults = ALL_RESULTS;
  for (const caller of fn.callers) analysis.request(caller);
}

/**
 * An order in which each way round a loop goes back at least once, to where other ways lead too: what is
 * entered by one way alone was found after what that comes from.
 */
function isBefore(a: Node, b: Node): boolean {
  return a.order < b.order || (a.order === b.order && a.address < b.address);
}

class Walk implements Visit {
  readonly analysis: Analysis;
  readonly fn: FunctionState;
  restart = false;
  readonly #code: FunctionCode;
  /** By distance from the function's start, as what else is told of addresses. */
  readonly #nodes: (Node | undefined)[];
  readonly #pending = new AddressQueue();
  /** The node from which each instruction was reached without a jump: its distance + 1. */
  readonly #owners: Int32Array;
  /** Bounds that comparisons set. */
  readonly #stops = new Set<number>();
  #found = 0;
  /** Where the code that is looked at was entered. */
  #leader: Node | undefined;

  constructor(analysis: Analysis, fn: FunctionState, code: FunctionCode) {
    this.analysis = analysis;
    this.fn = fn;
    this.#code = code;
    const size = Math.max(0, code.end - code.start);
    this.#nodes = Array(size).fill(undefined);
    this.#owners = new Int32Array(size);
  }

  violate(instruction: Instruction, rule: string): void {
    this.analysis.violate(this.fn, rule, instruction);
  }

  list(instruction: Instruction): void {
    const { address } = instruction;
    const { name } = this.fn.code;
    if (!this.fn.listed.has(address)) {
      this.fn.listed.set(address, { address, text: textOf(instruction), name });
    }
  }

  run(): void {
    const { fn } = this;
    fn.violations.clear();
    fn.dataUses.clear();
    fn.tableUses.clear();
    this.#flow(fn.code.start, this.#entryState(), -1);
    for (let at = this.#pending.take(); at !== undefined; at = this.#pending.take()) {
      this.#block(at);
      if (this.restart) return;
    }
    this.#checkOverlaps();
  }

  #entryState(): State {
    const { fn, analysis } = this;
    const { ids } = analysis;
    const registers = Array.from({ length: 16 }, (): Value => ids.number());
    for (const register of SAVED) registers[register] = { kind: 'saved', register };
    ARGUMENTS.forEach((register, i) => {
      const isWide = (fn.wideArguments & (1 << i)) !== 0;
      const isPlain = (fn.plainArguments & (1 << i)) !== 0 || !analysis.followsReferences;
      const value = ids.number(isWide ? Infinity : U32);
      registers[register] = { ...value, isReference: !isPlain };
    });
    registers[RSP] = { kind: 'stack', offset: 0 };
    const { kind, record } = fn.code.compartment;
    if (kind === 'sandbox' && record !== undefined) {
      registers[R14] = fn.isForeign ? ids.number() : { kind: 'base' };
    }
    const slots = new Slots();
    slots.set(0, { kind: 'saved', register: RETURN_ADDRESS });
    for (const offset of fn.stackArguments) {
      const value = ids.number(fn.wideStackArguments.has(offset) ? Infinity : U32);
      const isPlain = fn.plainStackArguments.has(offset) || !analysis.followsReferences;
      slots.set(offset, { ...value, isReference: !isPlain });
    }
    return new State(registers, slots, 0);
  }

  /** Control may go to `address` with `state`, which is handed over, from the instruction at `source`. */
  #flow(address: number, state: State, source: number): void {
    this.#checkHalves(state, source);
    const { start } = this.fn.code;
    const node = this.#nodes[address - start];
    if (!node) {
      const order = this.#ownerOf(address)?.order ?? this.#found++;
      this.#nodes[address - start] = { state, address, order, sources: new Set([source]) };
      this.#pending.add(address);
      this.#takeOver(address);
      return;
    }
    if (node.sources.size === 1 && node.sources.has(source)) {
      node.state = state;
      this.#pending.add(address);
      return;
    }
    node.sources.add(source);
    const { ids } = this.analysis;
    const stops = this.#leader && isBefore(this.#leader, node) ? undefined : this.#stops;
    // The address names the join: values do not outlive the walk through their function.
    if (node.state.merge(state, { ids, join: address, stops })) this.#pending.add(address);
  }

  #ownerOf(address: number): Node | undefined {
    const owner = this.#owners[address - this.fn.code.start];
    return owner ? this.#nodes[owner - 1] : undefined;
  }

  /** Code that ran on through `address`, which leads a block from now on, has to stop there, and join. */
  #takeOver(address: number): void {
    const { start, end } = this.fn.code;
    const owner = this.#owners[address - start];
    if (!owner || owner === address - start + 1) return;
    for (let at = address; at < end; at++) {
      if (this.#owners[at - start] === owner) this.#owners[at - start] = 0;
    }
    this.#pending.add(start + owner - 1);
  }

  #block(leader: number): void {
    const { start } = this.fn.code;
    this.#leader = this.#nodes[leader - start];
    const state = this.#leader?.state.clone();
    if (!state) return;
    let address = leader;
    for (;;) {
      const instruction = this.#fetch(address);
      if (!instruction) return;
      this.#owners[address - start] = leader - start + 1;
      const { halfWritten } = state;
      const goesOn = this.#execute(instruction, state);
      if (state.halfWritten === halfWritten) this.#checkHalves(state, address);
      if (!goesOn || this.restart) return;
      const { next } = instruction;
      // A path from the middle of an instruction may fall in step with code that was seen before.
      const owner = this.#owners[next - start];
      if (this.#nodes[next - start] || (owner && owner !== leader - start + 1)) {
        this.#flow(next, state, address);
        return;
      }
      address = next;
    }
  }

  /** Half of an entry was written: the second half follows at once, on no other path than this. */
  #checkHalves(state: State, address: number): void {
    if (!state.halfWritten) return;
    state.halfWritten = undefined;
    this.analysis.violate(this.fn, 'a table is left with half an entry', address);
  }

  #fetch(address: number): Instruction | undefined {
    const instruction = this.#code.at(address);
    if (typeof instruction !== 'string') return instruction;
    this.analysis.violate(this.fn, instruction, address);
    return undefined;
  }

  /** Answers whether control may go on to the next instruction. */
  #execute(instruction: Instruction, state: State): boolean {
    const { row, operands, address, next } = instruction;
    const [operand] = operands;
    switch (row.effect.name) {
      case 'jcc': {
        if (operand?.kind !== 'target') return false;
        if (operand.address === next) {
          // Both ways lead there, so nothing is known of either.
          this.#flow(next, state, address);
          return false;
        }
        const taken = state.clone();
        assume(taken, instruction, true, this.#stops);
        this.#jump(instruction, operand.address, taken);
        assume(state, instruction, false, this.#stops);
        this.#flow(next, state, address);
        return false;
      }
      case 'jmp':
        if (operand?.kind === 'target') this.#jump(instruction, operand.address, state);
        else this.#jumpTable(instruction, state);
        return false;
      case 'call':
        call(this, state, instruction);
        return true;
      case 'ret':
        returnFrom(this, state, instruction);
        return false;
      case 'ud':
        return false;
      default:
        step(this, state, instruction);
        return true;
    }
  }

  #jump(instruction: Instruction, target: number, state: State): void {
    const { start, end } = this.fn.code;
    if (target >= start && target < end) this.#flow(target, state, instruction.address);
    else tailCall(this, state, instruction);
  }

  /** jmp [register * 8 + table]: the register is bounded, and all entries lead into this function. */
  #jumpTable(instruction: Instruction, state: State): void {
    const { analysis, fn } = this;
    const [operand] = instruction.operands;
    const at = operand?.kind === 'memory' ? operand.at : undefined;
    const isTable =
      at && at.base < 0 && at.index >= 0 && at.scale === POINTER_SIZE && !at.address32;
    if (!isTable) {
      tailCall(this, state, instruction);
      return;
    }
    const index = readRegister(state, at.index);
    const count = mostOf(index) + 1;
    const size = count * POINTER_SIZE;
    const segment = analysis.program.memory.segmentAt(at.displacement, size);
    if (!segment || segment.writable || segment.executable) {
      this.violate(instruction, 'a jump through a table without a bound, or not in constants');
      return;
    }
    analysis.useTable(fn, instruction, 'jumps', at.displacement, at.displacement + size);
    for (let i = 0; i < count; i++) {
      const target = analysis.program.memory.address(at.displacement + POINTER_SIZE * i);
      if (target === undefined || target < fn.code.start || target >= fn.code.end) {
        this.violate(instruction, 'a jump table that leads out of the function');
        return;
      }
      this.#flow(target, state.clone(), instruction.address);
    }
  }

  /** No byte is part of two instructions: else a jump has gone into the middle of one. */
  #checkOverlaps(): void {
    const { fn } = this;
    const found = this.#code.found().filter(({ address }) => this.#owners[address - fn.code.start]);
    found.forEach((instruction, i) => {
      const previous = found[i - 1];
      if (previous && previous.next > instruction.address) {
        this.violate(instruction, 'a jump into the middle of an instruction');
      }
    });
    fn.instructions = found.length;
  }
}
