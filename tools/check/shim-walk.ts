import { CR0_PG } from '../../spec/cpu.ts';
import { AddressQueue } from './address-queue.ts';
import { type Instruction, instructionAt, textOf } from './instruction.ts';
import { addressOf, type Program, type Shim, type Violation } from './program.ts';
import { ANY, capped, constant, isConstant, moved } from './range.ts';
import { impliedBy, misuse } from './shim-rules.ts';
import { ShimState } from './shim-state.ts';
import { handlersOf, modeOf, type Table, tableAt } from './shim-tables.ts';
import { stackWriteError, type Written, writeError, writtenBy } from './shim-writes.ts';

const [ESP, EBP] = [4, 5];
/** Condition codes: below, above or equal. */
const [B, AE] = [2, 3];
/** Joins after which bounds that still move are widened. */
const PATIENCE = 3;
/** Bytes at the lower end of the stack that are left to handlers of exceptions. */
const RESERVE = 0x1000;
const LONG_MODE = 64;

/** Code with nothing of its own on the stack when it is entered. */
interface Routine {
  readonly start: number;
  /** Bytes that the CPU pushed before a handler of exceptions; undefined for what is no handler. */
  readonly frame: number | undefined;
  readonly callers: Set<Node>;
  /** What is known at its returns. */
  exit: ShimState | undefined;
}

/** An instruction as part of a routine. */
interface Node {
  readonly number: number;
  readonly routine: Routine;
  readonly address: number;
  readonly mode: 32 | 64;
  readonly state: ShimState;
  joins: number;
}

/** Follows every path through the shim, and notes what breaks a rule. */
export class ShimWalk {
  readonly violations = new Map<string, Violation>();
  /** By address. */
  readonly instructions = new Map<number, Instruction>();
  readonly written: Written[] = [];
  readonly #program: Program;
  readonly #shim: Shim;
  readonly #code: Uint8Array;
  readonly #nodes: Node[] = [];
  readonly #byPlace = new Map<string, Node>();
  readonly #routines = new Map<string, Routine>();
  readonly #pending = new AddressQueue();
  /** Bounds at which loops end. */
  readonly #stops = new Set<number>();
  #segments: Table | undefined;

  constructor(program: Program, shim: Shim) {
    this.#program = program;
    this.#shim = shim;
    this.#code = program.memory.read(shim.start, shim.end - shim.start) ?? new Uint8Array();
  }

  /** The number of routines, entries and handlers. */
  get routines(): number {
    return this.#routines.size;
  }

  run(): void {
    for (const entry of this.#shim.entries) {
      this.#flow(this.#routine(entry, undefined), entry, 32, new ShimState(ANY));
    }
    for (let at = this.#pending.take(); at !== undefined; at = this.#pending.take()) {
      this.#step(this.#nodes[at] as Node);
    }
  }

  #routine(start: number, frame: number | undefined): Routine {
    const key = `${start} ${frame}`;
    const known = this.#routines.get(key);
    if (known) return known;
    const routine = { start, frame, callers: new Set<Node>(), exit: undefined };
    this.#routines.set(key, routine);
    return routine;
  }

  /** Control may go to `address` with what `state` says, which is handed over. */
  #flow(routine: Routine, address: number, mode: 32 | 64, state: ShimState): void {
    const key = `${routine.start} ${routine.frame} ${address} ${mode}`;
    const node = this.#byPlace.get(key);
    if (!node) {
      const number = this.#nodes.length;
      const first = { number, routine, address, mode, state, joins: 0 };
      this.#nodes.push(first);
      this.#byPlace.set(key, first);
      this.#pending.add(number);
      return;
    }
    const stops = ++node.joins > PATIENCE ? [...this.#stops].sort((a, b) => a - b) : undefined;
    if (node.state.merge(state, stops)) this.#pending.add(node.number);
  }

  #violate(address: number, rule: string): void {
    const instruction = this.instructions.get(address);
    const text = instruction ? { text: textOf(instruction) } : {};
    this.violations.set(`${address} ${rule}`, { rule, address, name: 'the shim', ...text });
  }

  #step(node: Node): void {
    const { address, mode, routine } = node;
    const { start, end } = this.#shim;
    if (address < start || address >= end) {
      this.#violate(address, 'control leaves the shim');
      return;
    }
    const instruction = instructionAt(this.#code, start, address - start, mode);
    if (typeof instruction === 'string') {
      this.#violate(address, instruction);
      return;
    }
    if ((this.instructions.get(address) ?? instruction).mode !== mode) {
      this.#violate(address, 'an instruction of both modes');
    }
    this.instructions.set(address, instruction);
    const implied = impliedBy(instruction);
    if (!implied) {
      this.#violate(address, 'an instruction that the shim has no use for');
      return;
    }
    const state = node.state.clone();
    const wrong =
      misuse(instruction, state, this.#shim) ??
      writeError(this.#shim, instruction, state, this.written);
    if (wrong) this.#violate(address, wrong);
    this.#except(routine, instruction, state);
    if (this.#control(node, instruction, state)) return;
    this.#change(routine, instruction, state, implied);
    this.#flow(routine, instruction.next, mode, state);
  }

  /** An exception goes on where EBP says, or ends the guest: exceptions32.ts. */
  #except(routine: Routine, { operands, address, mode }: Instruction, state: ShimState): void {
    if (!state.hasHandlers || mode === LONG_MODE) return;
    const target = state.registers[EBP] ?? ANY;
    const [first] = operands;
    // What sets EBP raises none, unless it reads memory.
    const isSet = first?.kind === 'register' && first.number === EBP;
    if (isConstant(target) && target.least !== 0) {
      const caught = new ShimState(state.stackPointer);
      caught.depth = state.depth;
      caught.paging = state.paging;
      caught.hasHandlers = true;
      caught.registers[EBP] = target;
      this.#flow(routine, target.least, 32, caught);
    } else if (!isConstant(target) && routine.frame === undefined && !isSet) {
      this.#violate(address, 'an exception here would go on anywhere');
    }
  }

  /** Jumps, calls and returns; answers whether it was one. */
  #control(node: Node, instruction: Instruction, state: ShimState): boolean {
    const { routine, mode } = node;
    const { row, operands, next, address } = instruction;
    const [operand] = operands;
    switch (row.effect.name) {
      case 'jcc':
        if (operand?.kind !== 'target') return true;
        this.#branch(routine, instruction, state.clone(), operand.address, true);
        this.#branch(routine, instruction, state, next, false);
        return true;
      case 'jmp':
        if (operand?.kind === 'target') this.#flow(routine, operand.address, mode, state);
        else if (operand?.kind !== 'register' || operand.number !== EBP)
          this.#violate(address, 'an indirect jump');
        else if (routine.frame === undefined || state.depth !== routine.frame)
          this.#violate(address, 'a jump from a handler that does not take back its frame');
        return true;
      case 'jmpFar':
        this.#jumpFar(routine, instruction, state);
        return true;
      case 'call':
        if (operand?.kind === 'target') this.#call(node, operand.address, instruction, state);
        else this.#leave(instruction, state);
        return true;
      case 'ret':
        this.#return(node, instruction, state);
        return true;
      case 'ud':
        return true;
      default:
        return false;
    }
  }

  #branch(
    routine: Routine,
    { row, mode }: Instruction,
    state: ShimState,
    target: number,
    isTaken: boolean,
  ): void {
    const { compared } = state;
    if (compared && row.effect.condition === (isTaken ? B : AE)) {
      const value = state.registers[compared.register] ?? ANY;
      state.registers[compared.register] = capped(value, compared.bound - 1);
    }
    this.#flow(routine, target, mode, state);
  }

  #jumpFar(routine: Routine, { operands, address }: Instruction, state: ShimState): void {
    const [operand] = operands;
    const mode =
      this.#segments && operand?.kind === 'far'
        ? modeOf(this.#program.memory, this.#segments, operand.selector)
        : undefined;
    if (mode && operand?.kind === 'far') this.#flow(routine, operand.address, mode, state);
    else this.#violate(address, 'a far jump to no code segment of its table');
  }

  #call(node: Node, target: number, instruction: Instruction, state: ShimState): void {
    const callee = this.#routine(target, undefined);
    callee.callers.add(node);
    const entered = state.clone();
    this.#push(node.routine, instruction, entered);
    entered.depth = 0;
    this.#flow(callee, target, node.mode, entered);
    if (!callee.exit) return;
    const after = callee.exit.clone();
    after.stackPointer = state.stackPointer;
    after.depth = state.depth;
    this.#flow(node.routine, instruction.next, node.mode, after);
  }

  #return({ routine }: Node, { address, operands }: Instruction, state: ShimState): void {
    if (state.depth !== 0 || operands.length > 0 || routine.frame !== undefined) {
      this.#violate(address, 'a return with the stack pointer not where it was at entry');
    }
    if (!routine.exit) routine.exit = state;
    else if (!routine.exit.merge(state, [...this.#stops])) return;
    for (const caller of routine.callers) this.#pending.add(caller.number);
  }

  /** The call of the kernel, which does not come back. */
  #leave({ operands, address, mode }: Instruction, state: ShimState): void {
    const [operand] = operands;
    const value = operand?.kind === 'register' ? state.registers[operand.number] : undefined;
    const target = this.#program.functions.find(({ start }) => start === value?.least);
    const isKernel = value && isConstant(value) && target?.compartment.kind === 'kernel';
    if (!isKernel || mode !== LONG_MODE || state.stackPointer.least !== this.#shim.stackTop) {
      this.#violate(address, 'a call of anything but the kernel, on its stack');
    }
  }

  #push(routine: Routine, { address }: Instruction, state: ShimState): void {
    const reserve = routine.frame === undefined ? RESERVE : 0;
    const wrong = stackWriteError(this.#shim, moved(state.stackPointer, -4), reserve);
    if (wrong) this.#violate(address, wrong);
    this.#moveStack(state, -4);
  }

  /** Nothing is taken from the stack but what was put there since the routine was entered. */
  #pop({ address }: Instruction, state: ShimState): void {
    if (state.depth === undefined || state.depth > -4) {
      this.#violate(address, 'a pop of what was not pushed');
    }
    this.#moveStack(state, 4);
  }

  #moveStack(state: ShimState, by: number): void {
    state.stackPointer = moved(state.stackPointer, by);
    if (state.depth !== undefined) state.depth += by;
  }

  /** What an instruction leaves in registers. */
  #change(
    routine: Routine,
    instruction: Instruction,
    state: ShimState,
    implied: readonly number[],
  ): void {
    const { row, operands, decoded } = instruction;
    const { name } = row.effect;
    const [first, second] = operands;
    state.compared = undefined;
    for (const register of implied) state.registers[register] = ANY;
    switch (name) {
      case 'push':
        this.#push(routine, instruction, state);
        break;
      case 'pop':
      case 'popf':
        this.#pop(instruction, state);
        break;
      case 'cmp':
        if (first?.kind === 'register' && second?.kind === 'immediate' && first.width === 32) {
          const bound = Number(BigInt.asUintN(32, second.value));
          state.compared = { register: first.number, bound };
          this.#stops.add(bound - 1);
        }
        break;
      case 'lgdt':
      case 'lidt':
        this.#load(instruction, state);
        break;
      case 'movToControl':
        if (decoded.values[0] === 0 && first?.kind === 'register') {
          const value = state.registers[first.number] ?? ANY;
          state.paging = isConstant(value) && (value.least & CR0_PG) !== 0;
        }
        break;
      default:
    }
    const register = writtenBy(instruction);
    if (register === undefined) return;
    const value = this.#valueOf(instruction, state);
    if (register === ESP) this.#setStack(instruction, state, value.least);
    else state.registers[register] = value;
  }

  #valueOf({ row, operands }: Instruction, state: ShimState) {
    const { name, width } = row.effect;
    const [first, second] = operands;
    const held = (operand: typeof first) =>
      operand?.kind === 'register' ? (state.registers[operand.number] ?? ANY) : ANY;
    if (width < 32 || (width > 32 && name !== 'mov')) return ANY;
    if (second?.kind === 'immediate') {
      if (width > 32) return constant(addressOf(BigInt.asUintN(64, second.value)) ?? NaN);
      const value = Number(second.value);
      if (name === 'mov') return constant(value >>> 0);
      if (name === 'add') return moved(held(first), value);
      return name === 'sub' ? moved(held(first), -value) : ANY;
    }
    if (second?.kind === 'memory' && name === 'lea' && second.at.index < 0 && second.at.base >= 0) {
      return moved(state.registers[second.at.base] ?? ANY, second.at.displacement);
    }
    const isSame =
      first?.kind === 'register' && second?.kind === 'register' && first.number === second.number;
    if (name === 'xor' && isSame) return constant(0);
    return name === 'mov' ? held(second) : ANY;
  }

  /** RSP becomes the top of the stack, or moves by a distance. */
  #setStack({ row, operands, address, mode }: Instruction, state: ShimState, to: number): void {
    const { stack, stackTop } = this.#shim;
    const [, second] = operands;
    const isMove = second?.kind === 'memory' && second.at.base === ESP && row.effect.name === 'lea';
    if (isMove) this.#moveStack(state, second.at.displacement);
    else if (row.effect.name === 'mov' && to === (mode === LONG_MODE ? stackTop : stack.end)) {
      state.stackPointer = constant(to);
      state.depth = 0;
    } else this.#violate(address, 'the stack pointer is lost');
  }

  /** LGDT and LIDT: what code segments there are, and where exceptions lead. */
  #load({ row, operands, address, mode }: Instruction, state: ShimState): void {
    const [operand] = operands;
    const isIdt = row.effect.name === 'lidt';
    if (mode === LONG_MODE) {
      // The kernel's own, which the linker made.
      if (isIdt) state.hasHandlers = false;
      return;
    }
    const at = operand?.kind === 'memory' && operand.at.base < 0 ? operand.at.displacement : -1;
    const table = tableAt(this.#program.memory, at);
    const { start, end, stack } = this.#shim;
    if (!table || table.base < start || table.base + table.limit >= end) {
      this.#violate(address, 'a descriptor table that does not lie in the shim');
      return;
    }
    if (!isIdt) {
      this.#segments = table;
      return;
    }
    state.hasHandlers = true;
    for (const handler of handlersOf(this.#program.memory, table)) {
      const segments = this.#segments;
      const isGood =
        handler && segments && modeOf(this.#program.memory, segments, handler.selector) === 32;
      if (!isGood) {
        this.#violate(address, 'a gate that leads to no handler');
        continue;
      }
      const top = stack.end - handler.frame;
      const entered = new ShimState({ least: stack.start + RESERVE / 2, most: top, step: 1 });
      entered.hasHandlers = true;
      this.#flow(this.#routine(handler.start, handler.frame), handler.start, 32, entered);
    }
  }
}
