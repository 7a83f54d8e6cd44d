import type { ConstantExpression, ConstantLeaf, Module } from '../wasm/module.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { type Context, functionCodes } from './context.ts';
import { type Block, Exit, Fn, Ir, type Value } from './value.ts';

/** Functions without a body in the module, made by the compiler. */
export class FnMaker {
  readonly fn: Fn;
  readonly #block: Block;

  constructor(name: string, params: readonly number[], results: readonly number[], index = -1) {
    this.fn = new Fn(name, index, params, results);
    this.#block = this.fn.newBlock();
  }

  add(op: number, type: number, args: Value[], imm = 0, aux = 0): Value {
    const value = this.fn.value(op, type, args, imm, this.#block, 0, aux);
    this.#block.body.push(value);
    return value;
  }

  return(results: Value[]): Fn {
    this.#block.exit = Exit.RETURN;
    this.#block.results = results;
    return this.fn;
  }
}

/** A function of an import's type that calls it: for tables and exports of what has no plain code. */
export function makeAdapter(context: Context, index: number): Fn {
  const { params, results } = functionCodes(context, index);
  const maker = new FnMaker(context.names[index] as string, params, results, index);
  const args = params.map((type, i) => maker.add(Ir.PARAM, type, [], i));
  const importIndex = context.module.functions[index]?.importIndex as number;
  const binding = context.bindings[importIndex];
  if (binding?.kind === 'address') {
    return maker.return([maker.add(Ir.ADDRESS, Type.I64, args, importIndex)]);
  }
  const single = results.length === 1 ? (results[0] as number) : 0;
  if (binding?.kind === 'intrinsic') {
    const value = maker.add(Ir.INTRINSIC, single, args, importIndex);
    return maker.return(single === 0 ? [] : [value]);
  }
  const call = maker.add(Op.CALL, single, args, index);
  if (single !== 0) return maker.return([call]);
  return maker.return(results.map((type, i) => maker.add(Ir.RESULT, type, [call], i)));
}

/** The name of the function that {@link makeStart} makes. */
export const START = 'instance.start';

/** What of a module's initialization can not be in the object's data. */
export interface Dynamic {
  readonly globals: readonly number[];
  /** Items of element segments that depend on globals: segment and position. */
  readonly items: readonly (readonly [number, number])[];
  readonly elements: readonly number[];
  readonly data: readonly number[];
}

/**
 * The function that finishes instantiation (Wasm 2.0 §4.5.4): globals, element segments, data
 * segments, each in order, then the module's start function.
 */
export function makeStart(context: Context, dynamic: Dynamic): Fn {
  const { module } = context;
  const maker = new FnMaker(START, [], []);
  const { fn } = maker;
  const leaf = (constant: ConstantLeaf): Value => {
    switch (constant.kind) {
      case 'global': {
        const type = context.globalTypes[constant.index] as number;
        return maker.add(Op.GLOBAL_GET, type, [], constant.index);
      }
      case 'i32':
        return fn.i32(Number(constant.bits));
      case 'i64':
        return fn.i64(constant.bits);
      case 'function':
        return maker.add(Op.REF_FUNC, Type.I64, [], constant.index);
      case 'null':
        return fn.i64(0n);
      default:
        throw new RangeError(`a constant of kind ${constant.kind} needs no evaluation`);
    }
  };
  const evaluate = (constant: ConstantExpression): Value => {
    if (constant.kind !== 'sequence') return leaf(constant);
    const stack: Value[] = [];
    for (const each of constant.instructions) {
      if (each.kind !== 'operation') {
        stack.push(leaf(each));
        continue;
      }
      const args = stack.splice(-2);
      stack.push(maker.add(each.op, (args[0] as Value).type, args));
    }
    return stack[0] as Value;
  };
  for (const index of dynamic.globals) {
    const { init } = module.globals[index] as Module['globals'][number];
    if (init) maker.add(Op.GLOBAL_SET, 0, [evaluate(init)], index);
  }
  for (const [segment, item] of dynamic.items) {
    const constant = module.elements[segment]?.items[item];
    if (constant) maker.add(Ir.SET_ELEMENT, 0, [evaluate(constant)], segment, item);
  }
  for (const index of dynamic.elements) {
    const { mode, items } = module.elements[index] as Module['elements'][number];
    if (mode.kind !== 'active') continue;
    const args = [evaluate(mode.at), fn.i32(0), fn.i32(items.length)];
    maker.add(Op.TABLE_INIT, 0, args, index, mode.table);
    maker.add(Op.ELEM_DROP, 0, [], index);
  }
  for (const index of dynamic.data) {
    const { mode, bytes } = module.data[index] as Module['data'][number];
    if (mode.kind !== 'active') continue;
    const args = [evaluate(mode.at), fn.i32(0), fn.i32(bytes.length)];
    maker.add(Op.MEMORY_INIT, 0, args, index);
    maker.add(Op.DATA_DROP, 0, [], index);
  }
  if (module.start) maker.add(Op.CALL, 0, [], module.start.index);
  return maker.return([]);
}
