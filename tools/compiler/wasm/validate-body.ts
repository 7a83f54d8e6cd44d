import type { FunctionType } from '../object.ts';
import { ATOMIC_FIRST, ATOMIC_INSTRUCTIONS, type AtomicInstruction } from './atomics.ts';
import { EMPTY_BLOCK, InstructionReader, typeCode } from './instructions.ts';
import { type BodyFacts, type FunctionBody, type Module, referableFunctions } from './module.ts';
import { accessShift, isLoad, isStore, Op, SIGNATURES, Type } from './opcodes.ts';
import { invalid, malformed } from './reader.ts';
import { VECTOR_FIRST, VECTOR_INSTRUCTIONS, type VectorInstruction } from './simd.ts';

interface Frame {
  op: number;
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** Height of the operand stack at the block's start, parameters excluded. */
  readonly height: number;
  /** Whether what follows can not be reached, so that the stack may hold anything. */
  unreachable: boolean;
}

interface Codes {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

const NOTHING: readonly number[] = [];

/** Checks function bodies by the algorithm of the specification's appendix (Wasm 2.0 §7.3). */
export class BodyValidator {
  readonly #module: Module;
  readonly #types: readonly Codes[];
  readonly #globals: readonly number[];
  /** Functions that ref.func may name: those that occur outside of bodies. */
  readonly #referable: ReadonlySet<number>;
  #locals: number[] = [];
  #index = -1;
  #facts: BodyFacts = { hasLoops: false, hasTailCalls: false, callsOfItself: 0 };
  #operands: number[] = [];
  #frames: Frame[] = [];
  #in: InstructionReader;

  constructor(module: Module) {
    this.#module = module;
    this.#types = module.types.map(codes);
    this.#globals = module.globals.map(({ type }) => typeCode(type));
    this.#referable = referableFunctions(module);
    this.#in = new InstructionReader(module.bytes, 0, 0);
  }

  validate(index: number, body: FunctionBody): void {
    const type = this.#functionCodes(index);
    this.#locals = [...type.params, ...body.locals.map(typeCode)];
    this.#index = index;
    this.#facts = body.facts;
    this.#operands = [];
    this.#frames = [];
    this.#push(Op.CALL, { params: NOTHING, results: type.results });
    const reader = new InstructionReader(this.#module.bytes, body.start, body.end);
    this.#in = reader;
    while (this.#frames.length > 0) {
      if (reader.atEnd) throw malformed('END opcode expected', body.end);
      reader.next();
      this.#instruction(reader.op);
    }
    if (!reader.atEnd) throw malformed('END opcode expected', reader.position);
  }

  #instruction(op: number): void {
    const vector = op >= VECTOR_FIRST ? VECTOR_INSTRUCTIONS.get(op) : undefined;
    if (vector) this.#vector(vector);
    const atomic = op >= ATOMIC_FIRST ? ATOMIC_INSTRUCTIONS.get(op) : undefined;
    if (atomic) this.#atomic(atomic);
    const signature = vector?.signature ?? atomic?.signature ?? SIGNATURES.get(op);
    if (!signature) {
      this.#special(op);
      return;
    }
    if (isLoad(op) || isStore(op)) {
      this.#requireMemory();
      if (this.#in.a > accessShift(op))
        throw this.#invalid('alignment must not be larger than natural');
    } else if (op > 0xff && op < VECTOR_FIRST) {
      this.#bulk(op);
    }
    const { params, result } = signature;
    for (let i = params.length - 1; i >= 0; i--) this.#popExpected(params[i] as number);
    if (result !== 0) this.#operands.push(result);
  }

  /** What a vector instruction's immediates may be. */
  #vector({ immediate, shift, lanes }: VectorInstruction): void {
    if (immediate === 'memory' || immediate === 'memory and lane') {
      this.#requireMemory();
      if (this.#in.a > shift) throw this.#invalid('alignment must not be larger than natural');
    }
    if (lanes > 0 && this.#in.lane >= lanes) throw this.#invalid('invalid lane index');
    if (immediate !== 'shuffle') return;
    for (let bits = this.#in.bits; bits > 0n; bits >>= 8n) {
      if ((bits & 0xffn) >= 32n) throw this.#invalid('invalid lane index');
    }
  }

  #atomic({ kind, shift }: AtomicInstruction): void {
    if (kind === 'fence') return;
    this.#requireMemory();
    if (this.#in.a !== shift) throw this.#invalid('atomic alignment must be natural');
  }

  #special(op: number): void {
    const { a } = this.#in;
    switch (op) {
      case Op.NOP:
        return;
      case Op.UNREACHABLE:
        this.#unreachable();
        return;
      case Op.BLOCK:
      case Op.LOOP:
        this.#enter(op);
        return;
      case Op.IF:
        this.#popExpected(Type.I32);
        this.#enter(op);
        return;
      case Op.ELSE:
        this.#else();
        return;
      case Op.END:
        this.#end();
        return;
      case Op.BR:
        this.#popAll(this.#label(a));
        this.#unreachable();
        return;
      case Op.BR_IF: {
        this.#popExpected(Type.I32);
        const types = this.#label(a);
        this.#popAll(types);
        this.#pushAll(types);
        return;
      }
      case Op.BR_TABLE:
        this.#branchTable();
        return;
      case Op.RETURN:
        this.#popAll((this.#frames[0] as Frame).results);
        this.#unreachable();
        return;
      case Op.CALL:
        if (a >= this.#module.functions.length) throw this.#invalid(`unknown function ${a}`);
        if (a === this.#index) this.#facts.callsOfItself++;
        this.#call(this.#functionCodes(a));
        return;
      case Op.RETURN_CALL:
        if (a >= this.#module.functions.length) throw this.#invalid(`unknown function ${a}`);
        this.#tailCall(this.#functionCodes(a));
        return;
      case Op.CALL_INDIRECT:
        this.#call(this.#calledType());
        return;
      case Op.RETURN_CALL_INDIRECT:
        this.#tailCall(this.#calledType());
        return;
      case Op.DROP:
        this.#pop();
        return;
      case Op.SELECT:
        this.#select();
        return;
      case Op.SELECT_TYPED:
        if (this.#in.b !== 1) throw this.#invalid('invalid result arity');
        this.#popExpected(Type.I32);
        this.#popExpected(a);
        this.#popExpected(a);
        this.#operands.push(a);
        return;
      case Op.LOCAL_GET:
        this.#operands.push(this.#local(a));
        return;
      case Op.LOCAL_SET:
        this.#popExpected(this.#local(a));
        return;
      case Op.LOCAL_TEE:
        this.#popExpected(this.#local(a));
        this.#operands.push(this.#local(a));
        return;
      case Op.GLOBAL_GET:
        this.#operands.push(this.#global(a));
        return;
      case Op.GLOBAL_SET:
        if (this.#module.globals[a]?.mutable === false) throw this.#invalid('global is immutable');
        this.#popExpected(this.#global(a));
        return;
      default:
        this.#constantOrMemory(op);
        return;
    }
  }

  #constantOrMemory(op: number): void {
    switch (op) {
      case Op.I32_CONST:
        this.#operands.push(Type.I32);
        return;
      case Op.I64_CONST:
        this.#operands.push(Type.I64);
        return;
      case Op.F32_CONST:
        this.#operands.push(Type.F32);
        return;
      case Op.F64_CONST:
        this.#operands.push(Type.F64);
        return;
      case Op.MEMORY_SIZE:
        this.#requireMemory();
        this.#operands.push(Type.I32);
        return;
      case Op.MEMORY_GROW:
        this.#requireMemory();
        this.#popExpected(Type.I32);
        this.#operands.push(Type.I32);
        return;
      case Op.DATA_DROP:
        this.#requireData();
        return;
      case Op.ELEM_DROP:
        this.#element(this.#in.a);
        return;
      default:
        this.#reference(op);
    }
  }

  /** References and single elements of tables. */
  #reference(op: number): void {
    const { a } = this.#in;
    switch (op) {
      case Op.REF_NULL:
        this.#operands.push(a);
        return;
      case Op.REF_IS_NULL: {
        const type = this.#pop();
        if (!isReference(type) && type !== Type.ANY) throw this.#invalid('type mismatch');
        this.#operands.push(Type.I32);
        return;
      }
      case Op.REF_FUNC:
        if (a >= this.#module.functions.length) throw this.#invalid(`unknown function ${a}`);
        if (!this.#referable.has(a)) throw this.#invalid('undeclared function reference');
        this.#module.facts.references.add(a);
        this.#operands.push(Type.FUNCREF);
        return;
      case Op.TABLE_GET:
        this.#popExpected(Type.I32);
        this.#operands.push(this.#table(a));
        return;
      case Op.TABLE_SET:
        this.#popExpected(this.#table(a));
        this.#popExpected(Type.I32);
        return;
      case Op.TABLE_SIZE:
        this.#table(a);
        this.#operands.push(Type.I32);
        return;
      case Op.TABLE_GROW:
        this.#popExpected(Type.I32);
        this.#popExpected(this.#table(a));
        this.#operands.push(Type.I32);
        this.#module.facts.grownTables.add(a);
        return;
      case Op.TABLE_FILL:
        this.#popExpected(Type.I32);
        this.#popExpected(this.#table(a));
        this.#popExpected(Type.I32);
        return;
      default:
        throw malformed('illegal opcode', this.#in.offset);
    }
  }

  /** What the immediates of a bulk instruction must name. */
  #bulk(op: number): void {
    const { a, b } = this.#in;
    const { tables } = this.#module;
    switch (op) {
      case Op.MEMORY_INIT:
        this.#requireMemory();
        this.#requireData();
        return;
      case Op.MEMORY_COPY:
      case Op.MEMORY_FILL:
        this.#requireMemory();
        return;
      case Op.TABLE_INIT: {
        const table = tables[b];
        if (!table) throw this.#invalid(`unknown table ${b}`);
        if (this.#element(a).type !== table.element) throw this.#invalid('type mismatch');
        return;
      }
      case Op.TABLE_COPY: {
        const [to, from] = [tables[a], tables[b]];
        if (!to || !from) throw this.#invalid(`unknown table ${to ? b : a}`);
        if (to.element !== from.element) throw this.#invalid('type mismatch');
      }
    }
  }

  #enter(op: number): void {
    if (op === Op.LOOP) this.#facts.hasLoops = true;
    const type = this.#blockType(this.#in.a);
    this.#popAll(type.params);
    this.#push(op, type);
  }

  #else(): void {
    const frame = this.#frames.at(-1) as Frame;
    if (frame.op !== Op.IF) throw malformed('else without if', this.#in.offset);
    this.#leave();
    this.#push(Op.ELSE, frame);
  }

  #end(): void {
    const frame = this.#leave();
    if (frame.op === Op.IF && !sameTypes(frame.params, frame.results)) {
      throw this.#invalid('type mismatch');
    }
    this.#pushAll(frame.results);
  }

  #branchTable(): void {
    this.#popExpected(Type.I32);
    const { targets } = this.#in;
    const arity = this.#label(targets.at(-1) as number).length;
    for (const target of targets) {
      const types = this.#label(target);
      if (types.length !== arity) throw this.#invalid('type mismatch');
      this.#pushAll(this.#popAll(types));
    }
    this.#popAll(this.#label(targets.at(-1) as number));
    this.#unreachable();
  }

  /** The type of an indirect call, whose index it pops. */
  #calledType(): Codes {
    const { a, b } = this.#in;
    if (this.#table(b) !== Type.FUNCREF) throw this.#invalid('type mismatch');
    const type = this.#types[a];
    if (!type) throw this.#invalid(`unknown type ${a}`);
    this.#popExpected(Type.I32);
    return type;
  }

  /** The type of a table's elements. */
  #table(index: number): number {
    const table = this.#module.tables[index];
    if (!table) throw this.#invalid(`unknown table ${index}`);
    return typeCode(table.element);
  }

  #tailCall({ params, results }: Codes): void {
    this.#popAll(params);
    if (!sameTypes(results, (this.#frames[0] as Frame).results)) {
      throw this.#invalid('type mismatch');
    }
    this.#facts.hasTailCalls = true;
    this.#module.facts.hasTailCalls = true;
    this.#unreachable();
  }

  #call({ params, results }: Codes): void {
    this.#popAll(params);
    this.#pushAll(results);
  }

  #select(): void {
    this.#popExpected(Type.I32);
    const second = this.#pop();
    const first = this.#pop();
    if (second !== first && second !== Type.ANY && first !== Type.ANY) {
      throw this.#invalid('type mismatch');
    }
    if (isReference(first) || isReference(second)) throw this.#invalid('type mismatch');
    this.#operands.push(first === Type.ANY ? second : first);
  }

  #push(op: number, { params, results }: Codes): void {
    const height = this.#operands.length;
    this.#frames.push({ op, params, results, height, unreachable: false });
    this.#pushAll(params);
  }

  #leave(): Frame {
    const frame = this.#frames.at(-1) as Frame;
    this.#popAll(frame.results);
    if (this.#operands.length !== frame.height) throw this.#invalid('type mismatch');
    this.#frames.pop();
    return frame;
  }

  #unreachable(): void {
    const frame = this.#frames.at(-1) as Frame;
    this.#operands.length = frame.height;
    frame.unreachable = true;
  }

  #pop(): number {
    const frame = this.#frames.at(-1) as Frame;
    if (this.#operands.length > frame.height) return this.#operands.pop() as number;
    if (frame.unreachable) return Type.ANY;
    throw this.#invalid('type mismatch');
  }

  #popExpected(expected: number): void {
    const actual = this.#pop();
    if (actual !== expected && actual !== Type.ANY) throw this.#invalid('type mismatch');
  }

  /** Pops operands of these types and returns what they were: ANY where the code is unreachable. */
  #popAll(types: readonly number[]): number[] {
    const popped: number[] = new Array(types.length);
    for (let i = types.length - 1; i >= 0; i--) {
      const actual = this.#pop();
      if (actual !== types[i] && actual !== Type.ANY) throw this.#invalid('type mismatch');
      popped[i] = actual;
    }
    return popped;
  }

  #pushAll(types: readonly number[]): void {
    for (const type of types) this.#operands.push(type);
  }

  /** Types that a branch to the label takes: a loop's parameters, else the results. */
  #label(depth: number): readonly number[] {
    const frame = this.#frames.at(-1 - depth);
    if (!frame) throw this.#invalid(`unknown label ${depth}`);
    return frame.op === Op.LOOP ? frame.params : frame.results;
  }

  #blockType(type: number): Codes {
    if (type === EMPTY_BLOCK) return { params: NOTHING, results: NOTHING };
    if (type < 0) return { params: NOTHING, results: [type + 0x80] };
    const known = this.#types[type];
    if (!known) throw this.#invalid(`unknown type ${type}`);
    return known;
  }

  #functionCodes(index: number): Codes {
    return this.#types[this.#module.functions[index]?.typeIndex ?? -1] as Codes;
  }

  #local(index: number): number {
    const type = this.#locals[index];
    if (type === undefined) throw this.#invalid(`unknown local ${index}`);
    return type;
  }

  #global(index: number): number {
    const type = this.#globals[index];
    if (type === undefined) throw this.#invalid(`unknown global ${index}`);
    return type;
  }

  #element(index: number) {
    const segment = this.#module.elements[index];
    if (!segment) throw this.#invalid(`unknown elem segment ${index}`);
    return segment;
  }

  #requireMemory(): void {
    if (this.#module.memories.length === 0) throw this.#invalid('unknown memory 0');
  }

  #requireData(): void {
    const { data, dataCount = data.length > 0 ? undefined : 0 } = this.#module;
    if (dataCount === undefined) throw malformed('data count section required', this.#in.offset);
    if (this.#in.a >= dataCount) throw this.#invalid(`unknown data segment ${this.#in.a}`);
  }

  #invalid(what: string): Error {
    return invalid(what, this.#in.offset);
  }
}

function isReference(type: number): boolean {
  return type === Type.FUNCREF || type === Type.EXTERNREF;
}

function codes({ params, results }: FunctionType): Codes {
  return { params: params.map(typeCode), results: results.map(typeCode) };
}

function sameTypes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((type, i) => type === b[i]);
}
