import {
  type Binding,
  type FunctionType,
  type ObjectImport,
  typeSymbol,
  type ValueType,
} from '../object.ts';
import { typeCode } from '../wasm/instructions.ts';
import type { Module } from '../wasm/module.ts';
import { Type } from '../wasm/opcodes.ts';

/** A function type in Wasm's type numbers. */
export interface Codes {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

/** What all functions of a module share while they are compiled. */
export interface Context {
  /** Prefix of the symbols. */
  readonly instance: string;
  /** Whether functions of other instances, with other memories, may call and be called. */
  readonly linked: boolean;
  readonly module: Module;
  /** By type index. */
  readonly types: readonly Codes[];
  /** By global index. */
  readonly globalTypes: readonly number[];
  /** By position in Module.imports. */
  readonly bindings: readonly Binding[];
  /** Unique names by function index. */
  readonly names: readonly string[];
  /** Symbols by function, global and type index, each made once: linking looks them up by their text. */
  readonly functionSymbols: readonly string[];
  readonly globalSymbols: readonly string[];
  /** By global: the first that has the same cell, as imports may. */
  readonly globalCells: readonly number[];
  readonly typeSymbols: readonly string[];
}

/** The types and names of a module, and what its imports are bound to. */
export function makeContext(
  module: Module,
  bindings: readonly Binding[],
  names: readonly string[],
  { instance, linked = false }: { readonly instance: string; readonly linked?: boolean },
): Context {
  return {
    instance,
    linked,
    module,
    types: module.types.map(codesOf),
    globalTypes: module.globals.map(({ type }) => irType(type)),
    bindings,
    names,
    functionSymbols: names.map((name) => `${instance}!${name}`),
    globalSymbols: module.globals.map((_, index) => `${instance}!global.${index}`),
    globalCells: cellsOf(module, bindings),
    typeSymbols: module.types.map(typeSymbol),
  };
}

function cellsOf({ globals }: Module, bindings: readonly Binding[]): number[] {
  const first = new Map<string, number>();
  return globals.map(({ importIndex }, index) => {
    const binding = importIndex === undefined ? undefined : bindings[importIndex];
    if (binding?.kind !== 'symbol') return index;
    const known = first.get(binding.symbol);
    if (known === undefined) first.set(binding.symbol, index);
    return known ?? index;
  });
}

/** A function type in the binary format's numbers. */
function codesOf({ params, results }: FunctionType): Codes {
  return { params: params.map(irType), results: results.map(irType) };
}

/** The type of a value in the intermediate representation, where references are i64, null 0. */
export function irType(type: ValueType): number {
  return type === 'funcref' || type === 'externref' ? Type.I64 : typeCode(type);
}

/** The type of a function by its index. */
export function functionCodes({ module, types }: Context, index: number): Codes {
  return types[module.functions[index]?.typeIndex ?? -1] as Codes;
}

/** What an imported function is bound to; undefined for a function with a body. */
export function functionBinding(
  { module, bindings }: Context,
  index: number,
): { binding: Binding; wanted: ObjectImport } | undefined {
  const importIndex = module.functions[index]?.importIndex;
  if (importIndex === undefined) return undefined;
  return {
    binding: bindings[importIndex] as Binding,
    wanted: module.imports[importIndex] as ObjectImport,
  };
}
