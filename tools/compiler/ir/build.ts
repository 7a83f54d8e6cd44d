import { emptyList, mapList } from '../lists.ts';
import { ATOMIC_FIRST, ATOMIC_INSTRUCTIONS } from '../wasm/atomics.ts';
import { EMPTY_BLOCK, InstructionReader } from '../wasm/instructions.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { isLoad, isStore, Op, SIGNATURES, Type } from '../wasm/opcodes.ts';
import { VECTOR_FIRST, VECTOR_INSTRUCTIONS, type VectorInstruction } from '../wasm/simd.ts';
import { type Codes, type Context, functionBinding, functionCodes, irType } from './context.ts';
import {
  commonDominator,
  commonGlobals,
  type Frame,
  type Incoming,
  type LoopFrame,
} from './incoming.ts';
import { Locals, mergeLocals } from './locals.ts';
import { localsAssignedInLoops } from './loop-locals.ts';
import { recursionDepth } from './recursion.ts';
import { REFERENCE_OPERATIONS } from './reference-ops.ts';
import { isSimplifiable, Simplifier } from './simplify.ts';
import { type Block, Exit, Fn, Ir, resolve, type Value } from './value.ts';

const NO_ARGS: Value[] = emptyList();
const NO_GLOBALS: ReadonlyMap<number, Value> = new Map();
const NO_TYPES: Codes = { params: [], results: [] };

/**
 * Turns a valid function body into SSA in one walk, following its structured control flow: the
 * locals' values travel with the control; a construct's end gets a phi for what differs between
 * the jumps to it, a loop's header one for every local that the loop assigns.
 */
export function buildFn(context: Context, index: number, body: FunctionBody): Fn {
  return new Builder(context, index, body).build();
}

class Builder {
  readonly #context: Context;
  readonly #fn: Fn;
  readonly #body: FunctionBody;
  #in: InstructionReader;
  readonly #loopLocals: ReadonlyMap<number, readonly number[]>;
  readonly #simplifier: Simplifier;
  readonly #frames: Frame[] = [];
  #stack: Value[] = [];
  #locals = new Locals([]);
  /** What a global is known to hold, since the last call. */
  #globals: ReadonlyMap<number, Value> = NO_GLOBALS;
  /** Whether a frame or a jump may hold `#globals` too, so that it must be copied before it is changed. */
  #globalsShared = true;
  /** Undefined in unreachable code. */
  #block: Block | undefined;
  /** Constructs opened in unreachable code and not yet closed. */
  #skipped = 0;
  /** How deep calls of the function itself are replaced by its body, and how deep it is now. */
  readonly #mostNested: number;
  #nested = 0;
  /** Index in `#frames` of the function's own frame, or that of the call of itself being replaced. */
  #base = 0;

  constructor(context: Context, index: number, body: FunctionBody) {
    const { params, results } = functionCodes(context, index);
    this.#context = context;
    this.#fn = new Fn(context.names[index] as string, index, params, results);
    this.#body = body;
    this.#in = new InstructionReader(context.module.bytes, body.start, body.end);
    this.#loopLocals = localsAssignedInLoops(context.module.bytes, body);
    this.#mostNested = recursionDepth(body);
    this.#simplifier = new Simplifier(this.#fn, (op, type, args) => this.#emit(op, type, args));
  }

  build(): Fn {
    const fn = this.#fn;
    const entry = fn.newBlock();
    this.#block = entry;
    entry.offset = this.#body.start;
    const params = mapList(fn.params, (type, i) => this.#emit(Ir.PARAM, type, NO_ARGS, i));
    this.#translate(params);
    return fn;
  }

  /** The function's body, given its parameters. */
  #translate(params: readonly Value[]): void {
    const fn = this.#fn;
    const others = mapList(this.#body.locals, (type) => fn.zero(irType(type)));
    this.#locals = new Locals([...params, ...others]);
    this.#push(Op.BLOCK, { params: [], results: fn.results });
    while (this.#frames.length > this.#base) {
      this.#in.next();
      if (this.#block) this.#instruction(this.#in.op);
      else this.#skip(this.#in.op);
    }
  }

  /** In place of a call of the function itself its body once more. */
  #translateNested(args: readonly Value[]): void {
    const [reader, locals, base] = [this.#in, this.#locals, this.#base];
    this.#in = new InstructionReader(this.#context.module.bytes, this.#body.start, this.#body.end);
    this.#base = this.#frames.length;
    this.#nested++;
    this.#translate(args);
    this.#nested--;
    this.#base = base;
    this.#in = reader;
    this.#locals = locals;
  }

  /** In unreachable code only the structure matters. */
  #skip(op: number): void {
    if (op === Op.BLOCK || op === Op.LOOP || op === Op.IF) this.#skipped++;
    else if (op === Op.END && this.#skipped > 0) this.#skipped--;
    else if (op === Op.END) this.#end();
    else if (op === Op.ELSE && this.#skipped === 0) this.#else();
  }

  #instruction(op: number): void {
    const vector = op >= VECTOR_FIRST ? VECTOR_INSTRUCTIONS.get(op) : undefined;
    if (vector) {
      this.#vector(vector);
      return;
    }
    const signature =
      op < ATOMIC_FIRST ? SIGNATURES.get(op) : ATOMIC_INSTRUCTIONS.get(op)?.signature;
    if (!signature) {
      this.#special(op);
      return;
    }
    const args = this.#popMany(signature.params.length);
    if (isSimplifiable(op)) {
      this.#stack.push(this.#simplifier.make(op, signature.result, args));
    } else {
      const imm = isLoad(op) || isStore(op) || op >= ATOMIC_FIRST ? this.#in.b : this.#in.a;
      const value = this.#emit(op, signature.result, args, imm, this.#in.b);
      if (signature.result !== 0) this.#stack.push(value);
    }
  }

  #vector({ op, signature, immediate }: VectorInstruction): void {
    const { b, lane, bits } = this.#in;
    if (immediate === 'constant') {
      this.#stack.push(this.#fn.v128(bits));
      return;
    }
    const args = this.#popMany(signature.params.length);
    if (immediate === 'shuffle') args.push(this.#fn.v128(bits));
    const value = this.#emit(op, signature.result, args, immediate === 'lane' ? lane : b, lane);
    if (signature.result !== 0) this.#stack.push(value);
  }

  #special(op: number): void {
    const { a, b, bits } = this.#in;
    const fn = this.#fn;
    switch (op) {
      case Op.NOP:
        return;
      case Op.UNREACHABLE:
        this.#exit(Exit.TRAP);
        return;
      case Op.BLOCK:
        this.#push(op, this.#blockType(a));
        return;
      case Op.LOOP:
        this.#loop();
        return;
      case Op.IF:
        this.#if();
        return;
      case Op.ELSE:
        this.#else();
        return;
      case Op.END:
        this.#end();
        return;
      case Op.BR:
        this.#jump(this.#label(a));
        return;
      case Op.BR_IF:
        this.#branchIf(this.#label(a));
        return;
      case Op.BR_TABLE:
        this.#branchTable();
        return;
      case Op.RETURN:
        this.#jump(this.#frames[this.#base] as Frame);
        return;
      case Op.CALL:
        this.#call(a);
        return;
      case Op.CALL_INDIRECT: {
        const type = this.#context.types[a] as Codes;
        const selector = this.#pop();
        this.#invoke(op, type, [...this.#popMany(type.params.length), selector], a, b);
        return;
      }
      case Op.RETURN_CALL:
        this.#tailCall(a);
        return;
      case Op.RETURN_CALL_INDIRECT: {
        const type = this.#context.types[a] as Codes;
        const selector = this.#pop();
        this.#emit(op, 0, [...this.#popMany(type.params.length), selector], a, b);
        this.#exit(Exit.TAIL_CALL);
        return;
      }
      case Op.DROP:
        this.#stack.pop();
        return;
      case Op.SELECT:
      case Op.SELECT_TYPED: {
        const args = this.#popMany(3);
        const type = (args[0] as Value).type;
        this.#stack.push(this.#simplifier.make(Op.SELECT, type, args));
        return;
      }
      case Op.LOCAL_GET:
        this.#stack.push(this.#locals.get(a));
        return;
      case Op.LOCAL_SET:
        this.#locals.set(a, this.#pop());
        return;
      case Op.LOCAL_TEE:
        this.#locals.set(a, this.#stack.at(-1) as Value);
        return;
      case Op.GLOBAL_GET:
        this.#stack.push(this.#globalGet(a));
        return;
      case Op.GLOBAL_SET: {
        const value = this.#pop();
        this.#emit(op, 0, [value], a);
        this.#setGlobal(a, value);
        return;
      }
      case Op.I32_CONST:
        this.#stack.push(fn.i32(a));
        return;
      case Op.I64_CONST:
        this.#stack.push(fn.i64(bits));
        return;
      case Op.F32_CONST:
        this.#stack.push(fn.f32(a));
        return;
      case Op.F64_CONST:
        this.#stack.push(fn.f64(bits));
        return;
      case Op.MEMORY_SIZE:
        this.#stack.push(this.#emit(op, Type.I32, NO_ARGS));
        return;
      case Op.MEMORY_GROW:
        this.#stack.push(this.#emit(op, Type.I32, [this.#pop()]));
        return;
      case Op.DATA_DROP:
      case Op.ELEM_DROP:
        this.#emit(op, 0, NO_ARGS, a);
        return;
      case Op.REF_NULL:
        this.#stack.push(fn.i64(0n));
        return;
      case Op.REF_IS_NULL:
        this.#stack.push(this.#simplifier.make(Op.I64_EQZ, Type.I32, [this.#pop()]));
        return;
      default: {
        const [operands, result] = REFERENCE_OPERATIONS.get(op) ?? [];
        if (operands === undefined || result === undefined) {
          throw new RangeError(`no translation of opcode ${op}`);
        }
        const value = this.#emit(op, result, this.#popMany(operands), a);
        if (result !== 0) this.#stack.push(value);
      }
    }
  }

  /** A tail call; of an import that is no plain function a call and a return. */
  #tailCall(index: number): void {
    const bound = functionBinding(this.#context, index)?.binding;
    if (bound && (bound.kind !== 'symbol' || bound.leading)) {
      this.#call(index);
      this.#return(this.#frames[0] as Frame);
      return;
    }
    const { params } = functionCodes(this.#context, index);
    this.#emit(Op.RETURN_CALL, 0, this.#popMany(params.length), index);
    this.#exit(Exit.TAIL_CALL);
  }

  #call(index: number): void {
    const type = functionCodes(this.#context, index);
    const args = this.#popMany(type.params.length);
    if (index === this.#fn.index && this.#nested < this.#mostNested) {
      this.#translateNested(mapList(args, resolve));
      return;
    }
    const bound = functionBinding(this.#context, index);
    const importIndex = this.#context.module.functions[index]?.importIndex ?? 0;
    if (bound?.binding.kind === 'address') {
      this.#stack.push(this.#emit(Ir.ADDRESS, Type.I64, args, importIndex));
    } else if (bound?.binding.kind === 'intrinsic') {
      const value = this.#emit(Ir.INTRINSIC, type.results[0] ?? 0, args, importIndex);
      if (type.results.length > 0) this.#stack.push(value);
    } else {
      this.#invoke(Op.CALL, type, args, index, 0);
    }
  }

  #invoke(op: number, { results }: Codes, args: Value[], imm: number, aux: number): void {
    const single = results.length === 1 ? (results[0] as number) : 0;
    const call = this.#emit(op, single, args, imm, aux);
    this.#globals = NO_GLOBALS;
    this.#globalsShared = true;
    if (single !== 0) this.#stack.push(call);
    else {
      for (const [i, type] of results.entries()) {
        this.#stack.push(this.#emit(Ir.RESULT, type, [call], i));
      }
    }
  }

  #globalGet(index: number): Value {
    const { module, globalTypes } = this.#context;
    const global = module.globals[index];
    const init = global?.init;
    if (global && !global.mutable && init) {
      if (init.kind === 'i32') return this.#fn.i32(Number(init.bits));
      if (init.kind === 'i64') return this.#fn.i64(init.bits);
      if (init.kind === 'f32') return this.#fn.f32(Number(init.bits));
      if (init.kind === 'f64') return this.#fn.f64(init.bits);
      if (init.kind === 'v128') return this.#fn.v128(init.bits);
      if (init.kind === 'null') return this.#fn.i64(0n);
    }
    const known = this.#globals.get(this.#context.globalCells[index] as number);
    if (known) return known;
    const value = this.#emit(Op.GLOBAL_GET, globalTypes[index] as number, NO_ARGS, index);
    this.#setGlobal(index, value);
    return value;
  }

  #emit(op: number, type: number, args: Value[], imm = 0, aux = 0): Value {
    const block = this.#block as Block;
    // The array is nobody else's.
    for (let i = 0; i < args.length; i++) args[i] = resolve(args[i] as Value);
    const value = this.#fn.value(op, type, args, imm, block, this.#in.offset, aux);
    block.body.push(value);
    return value;
  }

  #pop(): Value {
    return resolve(this.#stack.pop() as Value);
  }

  /** The topmost values, in a list of their own. */
  #popMany(count: number): Value[] {
    const stack = this.#stack;
    if (count > 2) return stack.splice(stack.length - count, count);
    if (count === 0) return NO_ARGS;
    const last = stack.pop() as Value;
    return count === 1 ? [last] : [stack.pop() as Value, last];
  }

  #setGlobal(index: number, value: Value): void {
    const globals = this.#globalsShared ? new Map(this.#globals) : this.#globals;
    (globals as Map<number, Value>).set(this.#context.globalCells[index] as number, value);
    this.#globals = globals;
    this.#globalsShared = false;
  }

  #blockType(type: number): Codes {
    if (type === EMPTY_BLOCK) return NO_TYPES;
    if (type < 0) return { params: [], results: [type + 0x80] };
    return this.#context.types[type] as Codes;
  }

  #label(depth: number): Frame {
    return this.#frames.at(-1 - depth) as Frame;
  }

  #push(op: number, type: Codes, loop?: LoopFrame, otherwise?: Incoming): void {
    const height = this.#stack.length - type.params.length;
    this.#frames.push({ op, type, height, incoming: [], loop, otherwise });
  }

  /** Ends the block in hand. */
  #exit(exit: number, ...succs: Block[]): void {
    const block = this.#block as Block;
    block.exit = exit;
    block.offset = this.#in.offset;
    block.succs = succs;
    for (const succ of succs) succ.addPred(block);
    this.#block = undefined;
  }

  #start(block: Block, dominator: Block, globals: ReadonlyMap<number, Value>): void {
    block.idom = dominator;
    block.level = dominator.level + 1;
    block.offset = this.#in.offset;
    this.#block = block;
    this.#globals = globals;
    this.#globalsShared = true;
  }

  /** A new block that only the one in hand leads to. */
  #edge(): Block {
    const block = this.#fn.newBlock();
    const from = this.#block as Block;
    block.idom = from;
    block.level = from.level + 1;
    block.offset = this.#in.offset;
    return block;
  }

  #loop(): void {
    const type = this.#blockType(this.#in.a);
    const assigned = this.#loopLocals.get(this.#in.offset) ?? [];
    const before = this.#block as Block;
    const header = this.#fn.newBlock();
    header.isLoopHeader = true;
    this.#exit(Exit.JUMP, header);
    this.#start(header, before, NO_GLOBALS);
    const phi = (initial: Value) => {
      const from = resolve(initial);
      const value = this.#fn.value(Ir.PHI, from.type, [from], 0, header, this.#in.offset);
      header.phis.push(value);
      return value;
    };
    const localPhis = mapList(assigned, (local) => phi(this.#locals.get(local)));
    assigned.forEach((local, i) => {
      this.#locals.set(local, localPhis[i] as Value);
    });
    const operandPhis = mapList(this.#popMany(type.params.length), phi);
    this.#stack.push(...operandPhis);
    this.#push(Op.LOOP, type, { header, assigned, phis: [...localPhis, ...operandPhis] });
  }

  #if(): void {
    const condition = this.#pop();
    const type = this.#blockType(this.#in.a);
    const from = this.#block as Block;
    const then = this.#edge();
    const otherwise = this.#fn.detachedBlock();
    otherwise.idom = from;
    otherwise.level = from.level + 1;
    const values = this.#stack.slice(this.#stack.length - type.params.length);
    const globals = this.#globals;
    from.control = condition;
    this.#exit(Exit.BRANCH, then, otherwise);
    const locals = this.#locals.keep();
    this.#push(Op.IF, type, undefined, { from: otherwise, locals, values, globals });
    this.#start(then, from, globals);
  }

  #else(): void {
    const frame = this.#frames.at(-1) as Frame;
    const { otherwise } = frame;
    if (this.#block) this.#jump(frame);
    if (!otherwise) throw new RangeError('else of no if');
    this.#enterOtherwise(otherwise, frame);
    frame.otherwise = undefined;
  }

  #enterOtherwise({ from, locals, values, globals }: Incoming, frame: Frame): void {
    this.#fn.blocks.push(from);
    this.#start(from, from.idom as Block, globals);
    this.#locals.restore(locals);
    this.#stack.length = frame.height;
    this.#stack.push(...values);
  }

  #end(): void {
    const frame = this.#frames.pop() as Frame;
    if (frame.op === Op.LOOP) {
      const values = this.#block ? this.#popMany(frame.type.results.length) : [];
      this.#stack.length = frame.height;
      this.#stack.push(...values);
      if (this.#block) this.#leaveLoop();
      return;
    }
    if (this.#frames.length === 0) {
      if (this.#block) this.#return(frame);
      return;
    }
    if (this.#block) this.#jump(frame);
    if (frame.otherwise) {
      this.#enterOtherwise(frame.otherwise, frame);
      this.#jump(frame);
    }
    this.#merge(frame);
  }

  /** What follows a loop gets a block of its own, so that no block is half in the loop. */
  #leaveLoop(): void {
    const last = this.#block as Block;
    const after = this.#fn.newBlock();
    const globals = this.#globals;
    this.#exit(Exit.JUMP, after);
    this.#start(after, last, globals);
  }

  /** From the block in hand to the frame's label, with the values on the stack that it takes. */
  #jump(frame: Frame): void {
    const from = this.#block as Block;
    if (frame === this.#frames[0]) {
      this.#return(frame);
      return;
    }
    if (frame.loop) {
      const { header, assigned, phis } = frame.loop;
      const operands = this.#stack.length - frame.type.params.length - assigned.length;
      for (let i = 0; i < phis.length; i++) {
        const local = assigned[i];
        const value = local === undefined ? this.#stack[operands + i] : this.#locals.get(local);
        (phis[i] as Value).args.push(resolve(value as Value));
      }
      this.#exit(Exit.JUMP, header);
      return;
    }
    const values = this.#stack.slice(this.#stack.length - frame.type.results.length);
    const locals = this.#locals.keep();
    frame.incoming.push({ from, locals, values, globals: this.#globals });
    from.exit = Exit.JUMP;
    from.offset = this.#in.offset;
    this.#block = undefined;
  }

  #return({ type }: Frame): void {
    const block = this.#block as Block;
    block.results = mapList(this.#stack.slice(this.#stack.length - type.results.length), resolve);
    this.#exit(Exit.RETURN);
  }

  #branchIf(frame: Frame): void {
    const condition = this.#pop();
    const from = this.#block as Block;
    if (condition.op === Op.I32_CONST) {
      if (condition.imm !== 0) this.#jump(frame);
      return;
    }
    const taken = this.#edge();
    const next = this.#edge();
    const globals = this.#globals;
    from.control = condition;
    this.#exit(Exit.BRANCH, taken, next);
    this.#block = taken;
    this.#jump(frame);
    this.#start(next, from, globals);
  }

  #branchTable(): void {
    const selector = this.#pop();
    const from = this.#block as Block;
    const { targets } = this.#in;
    if (selector.op === Op.I32_CONST) {
      const i = Math.min(selector.imm >>> 0, targets.length - 1);
      this.#jump(this.#label(targets[i] as number));
      return;
    }
    const depths = [...new Set(targets)];
    const edges = mapList(depths, () => this.#edge());
    const position = new Map(depths.map((depth, i) => [depth, i]));
    from.cases = targets.map((depth) => position.get(depth) as number);
    from.control = selector;
    this.#exit(Exit.SWITCH, ...edges);
    depths.forEach((depth, i) => {
      this.#block = edges[i];
      this.#jump(this.#label(depth));
    });
    this.#block = undefined;
  }

  /** Continues at a construct's end with what the jumps to it bring. */
  #merge(frame: Frame): void {
    const { incoming } = frame;
    const first = incoming[0];
    this.#stack.length = frame.height;
    if (!first) {
      this.#block = undefined;
      return;
    }
    const block = this.#fn.newBlock();
    for (const { from } of incoming) {
      from.succs = [block];
      block.addPred(from);
    }
    this.#start(block, commonDominator(incoming), commonGlobals(incoming));
    const locals = mapList(incoming, (jump) => jump.locals);
    this.#locals.restore(mergeLocals(locals, (values) => this.#phi(block, values)));
    const results = frame.type.results.length;
    for (let i = 0; i < results; i++) {
      const values = mapList(incoming, (jump) => resolve(jump.values[i] as Value));
      const [value] = values as [Value];
      const isSame = values.every((each) => each === value);
      this.#stack.push(isSame ? value : this.#phi(block, values));
    }
  }

  /** One value for different ones. */
  #phi(block: Block, values: Value[]): Value {
    const { type } = values[0] as Value;
    const phi = this.#fn.value(Ir.PHI, type, values, 0, block, this.#in.offset);
    block.phis.push(phi);
    return phi;
  }
}
