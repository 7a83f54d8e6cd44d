import type { Analysis, FunctionState } from './analysis.ts';
import { FunctionCode } from './function-code.ts';
import { type Instruction, textOf } from './instruction.ts';
import type { Violation } from './program.ts';
import { StubState, stackAt } from './stub-state.ts';

const [RSP, RCX, RSI, RDI] = [4, 1, 6, 7];

/** What hand-written code may be made of everywhere. */
const PLAIN = new Set('nop mov lea add sub and xor test push pop cld movs movups'.split(' '));

/** What a piece of hand-written code is for, and so may do beside that. */
interface Stub {
  /** Instructions that only it may have. */
  readonly allowed: readonly string[];
  /** Whether it calls what it is given. */
  readonly calls?: boolean;
  /** Bytes of arguments that its return pops. */
  readonly pops?: number;
  /** Whether it may never come back, and so need keep nothing. */
  readonly ends?: boolean;
}

/** Each is entered at its start alone, and may run on into the code that follows it. */
const STUBS: Readonly<Record<string, Stub>> = {
  'boot!enter': { allowed: [], calls: true },
  'boot!trap': { allowed: ['iret'] },
  'boot!wait': { allowed: ['sti', 'hlt', 'cli'] },
  _start: { allowed: [], ends: true },
  'linux.syscall': { allowed: ['syscall'], pops: 16 },
  'linux.call': { allowed: [], calls: true },
  'linux.signalReturn': { allowed: ['syscall'], ends: true },
  'linux.signalEntry': { allowed: [] },
};

/** The 256 gates, one after the other, each of which leads to the stub for all of them. */
const VECTORS = 'boot!vector';
const TRAP = 'boot!trap';
/** Vector and error code, which IRET must find taken back. */
const TRAP_FRAME = 16;
/** Exceptions with which the CPU pushes an error code. APM2 §8.2; #VC: §15.35.5. */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
const VECTOR_COUNT = 256;

/** Arguments of which nothing is known. */
const ANYTHING = { registers: 0b11_1111, stack: [] };

/**
 * The hand-written code that enters and leaves compartments, which is known by name. Every path is
 * followed from the start of each piece: it is made of what is listed here, jumps and calls lead to
 * functions, and it returns with RSP and all registers that its caller relies on as they were.
 */
export function checkStubs(analysis: Analysis): Violation[] {
  const walk = new StubWalk(analysis);
  for (const fn of walk.stubs) {
    const stub = STUBS[fn.code.name];
    if (fn.code.name === VECTORS) walk.vectors(fn);
    else if (stub) walk.run(fn, stub);
  }
  walk.finish();
  return [...walk.violations.values()];
}

class StubWalk {
  readonly violations = new Map<string, Violation>();
  readonly stubs: readonly FunctionState[];
  readonly #analysis: Analysis;
  readonly #codes = new Map<FunctionState, FunctionCode>();
  /** Addresses of instructions that are reached. */
  readonly #reached = new Set<number>();

  constructor(analysis: Analysis) {
    this.#analysis = analysis;
    this.stubs = [...analysis.functions.values()].filter(
      ({ code }) => code.compartment.kind === 'stubs',
    );
    for (const fn of this.stubs) {
      this.#codes.set(fn, new FunctionCode(fn.code, analysis.program.memory));
    }
  }

  run(fn: FunctionState, stub: Stub): void {
    const pending = [{ address: fn.code.start, state: new StubState() }];
    const seen = new Set<number>();
    for (let path = pending.pop(); path; path = pending.pop()) {
      let { address } = path;
      for (let goesOn = true; goesOn; ) {
        const instruction = this.#fetch(address);
        if (!instruction) break;
        const { name } = instruction.row.effect;
        if (name === 'jcc') {
          const [operand] = instruction.operands;
          const target = operand?.kind === 'target' ? operand.address : -1;
          if (seen.has(address)) this.#violate(instruction, 'a loop in hand-written code');
          else pending.push({ address: target, state: path.state.clone() });
          if (seen.has(address)) break;
          seen.add(address);
        } else goesOn = this.#step(stub, instruction, path.state);
        address = instruction.next;
      }
    }
  }

  /** Each gate pushes its number, and a zero where the CPU pushes no error code. */
  vectors(fn: FunctionState): void {
    let { start: address } = fn.code;
    for (let vector = 0; vector < VECTOR_COUNT; vector++) {
      const pushes = WITH_ERROR_CODE.has(vector) ? [vector] : [0, vector];
      for (const wanted of pushes) {
        const instruction = this.#fetch(address);
        const [operand] = instruction?.operands ?? [];
        const value = operand?.kind === 'immediate' ? Number(operand.value) : undefined;
        if (instruction?.row.effect.name !== 'push' || value !== wanted) {
          if (instruction)
            this.#violate(instruction, "a gate that does not push its vector's frame");
          return;
        }
        address = instruction.next;
      }
      const jump = this.#fetch(address);
      const [operand] = jump?.operands ?? [];
      const target = operand?.kind === 'target' ? operand.address : 0;
      if (!jump || this.#analysis.functions.get(target)?.code.name !== TRAP) {
        if (jump) this.#violate(jump, 'a gate that does not lead to the stub for all of them');
        return;
      }
      address = this.#skipPadding(jump.next, fn);
    }
  }

  /** What is reached by none of the paths is padding. */
  finish(): void {
    for (const fn of this.stubs) {
      const code = this.#codes.get(fn);
      for (let at = fn.code.start; code && at < fn.code.end; ) {
        const instruction = this.#fetch(at, false);
        if (!instruction) break;
        const isPadding = instruction.row.effect.name === 'nop';
        if (!isPadding && !this.#reached.has(at)) {
          this.#violate(instruction, 'hand-written code that nothing leads to');
        }
        at = instruction.next;
      }
      fn.instructions = code?.found().length ?? 0;
    }
  }

  #skipPadding(start: number, fn: FunctionState): number {
    for (let at = start; at < fn.code.end; ) {
      const instruction = this.#fetch(at);
      if (instruction?.row.effect.name !== 'nop') return at;
      at = instruction.next;
    }
    return fn.code.end;
  }

  #fetch(address: number, isReached = true): Instruction | undefined {
    const fn = this.stubs.find(({ code }) => address >= code.start && address < code.end);
    const instruction = fn && this.#codes.get(fn)?.at(address);
    if (instruction === undefined) {
      this.#note({ rule: 'control runs out of hand-written code', address });
      return undefined;
    }
    if (typeof instruction === 'string') {
      this.#note({ rule: instruction, address, name: fn?.code.name ?? '' });
      return undefined;
    }
    if (isReached) this.#reached.add(address);
    return instruction;
  }

  #note(violation: Violation): void {
    this.violations.set(`${violation.address} ${violation.rule}`, violation);
  }

  #violate(instruction: Instruction, rule: string): void {
    const { address } = instruction;
    const fn = this.stubs.find(({ code }) => address >= code.start && address < code.end);
    this.#note({ rule, address, text: textOf(instruction), name: fn?.code.name ?? '' });
  }

  /** Answers whether control goes on to the next instruction. */
  #step(stub: Stub, instruction: Instruction, state: StubState): boolean {
    const { row, operands } = instruction;
    const { name } = row.effect;
    const [first, second] = operands;
    switch (name) {
      case 'jmp':
        this.#leave(stub, instruction, state);
        return false;
      case 'ret': {
        const popped = first?.kind === 'immediate' ? Number(first.value) : 0;
        const isGood = state.depth === 0 && state.keeps && popped === (stub.pops ?? 0);
        if (!isGood || state.load(stackAt(0), 0) !== 'return') {
          this.#violate(instruction, 'hand-written code that does not return as it was called');
        }
        this.#fnOf(instruction).popped = popped;
        return false;
      }
      case 'ud':
        return false;
      case 'call':
        this.#call(stub, instruction, state);
        return true;
      default:
    }
    const isListed = stub.allowed.includes(name);
    if (!isListed && (!PLAIN.has(name) || row.cpl0 || row.intercept !== undefined)) {
      this.#violate(instruction, 'an instruction that is not allowed in this hand-written code');
    }
    if (isListed) this.#list(instruction);
    if (name === 'iret') {
      if (state.depth !== TRAP_FRAME || !state.keepsAll) {
        this.#violate(instruction, 'a return from an exception that changes what was interrupted');
      }
      return false;
    }
    if (name === 'push' || name === 'pop') this.#pushOrPop(instruction, state);
    else if (name === 'movs') {
      for (const register of [RCX, RSI, RDI]) state.registers[register] = state.unknown();
    } else if (name === 'syscall') {
      if (stub.ends) return false; // Linux takes it from here.
      state.forget();
    } else if (first?.kind === 'memory' && name === 'mov' && second?.kind === 'register') {
      const value = state.registers[second.number] ?? '';
      state.store(this.#baseOf(state, first), first.at.displacement, value);
    } else if (first?.kind === 'register' && first.file === 'gpr' && name !== 'test') {
      state.registers[first.number] = this.#valueOf(instruction, state);
    }
    return true;
  }

  #baseOf(state: StubState, { at }: { at: { base: number; index: number } }) {
    return at.base < 0 || at.index >= 0 ? state.unknown() : (state.registers[at.base] ?? '');
  }

  #valueOf({ row, operands }: Instruction, state: StubState) {
    const { name, width } = row.effect;
    const [first, second] = operands;
    if (width !== 64) return state.unknown();
    if (name === 'mov' && second?.kind === 'register') return state.registers[second.number] ?? '';
    if (name === 'mov' && second?.kind === 'memory') {
      return state.load(this.#baseOf(state, second), second.at.displacement);
    }
    const isRsp = first?.kind === 'register' && first.number === RSP;
    if (isRsp && second?.kind === 'immediate' && state.depth !== undefined) {
      const by = Number(second.value);
      if (name === 'add') return stackAt(state.depth + by);
      if (name === 'sub') return stackAt(state.depth - by);
    }
    return state.unknown();
  }

  #pushOrPop(instruction: Instruction, state: StubState): void {
    const [operand] = instruction.operands;
    const { name } = instruction.row.effect;
    const { depth } = state;
    if (depth === undefined || instruction.row.effect.width !== 64) {
      this.#violate(instruction, 'a push or pop on a stack that is not known');
      return;
    }
    const register = operand?.kind === 'register' ? operand.number : undefined;
    if (name === 'push') {
      const value = register === undefined ? state.unknown() : (state.registers[register] ?? '');
      state.registers[RSP] = stackAt(depth - 8);
      state.store(stackAt(depth - 8), 0, value);
    } else if (register !== undefined) {
      state.registers[RSP] = stackAt(depth + 8);
      state.registers[register] = state.load(stackAt(depth), 0);
    } else this.#violate(instruction, 'a push or pop on a stack that is not known');
  }

  #call(stub: Stub, instruction: Instruction, state: StubState): void {
    const [operand] = instruction.operands;
    if (operand?.kind === 'target') this.#reach(instruction, operand.address);
    else {
      if (!stub.calls) this.#violate(instruction, 'an indirect call in hand-written code');
      // The callee pops its arguments, however many.
      state.registers[RSP] = state.unknown();
    }
    state.forget();
  }

  /** A jump to a function, which returns in this code's stead. */
  #leave(stub: Stub, instruction: Instruction, state: StubState): void {
    const [operand] = instruction.operands;
    if (operand?.kind !== 'target') {
      this.#violate(instruction, 'an indirect jump in hand-written code');
      return;
    }
    this.#reach(instruction, operand.address);
    if (!stub.ends && (state.depth !== 0 || !state.keeps)) {
      this.#violate(instruction, 'a jump to a function with another stack than the caller left');
    }
  }

  #reach(instruction: Instruction, address: number): void {
    const target = this.#analysis.functions.get(address);
    if (!target)
      this.#violate(instruction, 'a call or jump to what is not the start of a function');
    else if (target.code.compartment.kind !== 'stubs') {
      this.#analysis.pass(target, ANYTHING, ANYTHING);
      this.#analysis.provide(target, 0);
    }
  }

  #fnOf({ address }: Instruction): FunctionState {
    return this.stubs.find(
      ({ code }) => address >= code.start && address < code.end,
    ) as FunctionState;
  }

  #list(instruction: Instruction): void {
    const fn = this.#fnOf(instruction);
    const { address } = instruction;
    fn.listed.set(address, { address, text: textOf(instruction), name: fn.code.name });
  }
}
