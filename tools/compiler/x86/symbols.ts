import type { Context } from '../ir/context.ts';

/** Names of the symbols that a module's parts have; see tools/compiler/object.ts. */

/** What follows `INSTANCE!` in the symbols of parts that are no functions of the module's own, and of run-times. */
const PARTS =
  /^(instance\.start|memory|constants|memory_grow|table_grow|(global|table|data|elem)\.\d+(\.[a-z]+)?|(memory|table)\.(copy|fill|grow)|.*\.(outer|record|table\.\d+))$/;

/** Whether a function of the name `name` would have the symbol of another part. */
export function isPartName(name: string): boolean {
  return PARTS.test(name);
}

/** A function's code: its own symbol or an adapter's, or what the import is bound to. */
export function functionSymbol(
  { functionSymbols, module, bindings }: Context,
  index: number,
): string {
  const importIndex = module.functions[index]?.importIndex;
  const binding = importIndex === undefined ? undefined : bindings[importIndex];
  if (binding?.kind === 'symbol' && !binding.leading) return binding.symbol;
  return functionSymbols[index] as string;
}

/** A global's cell. */
export function globalSymbol({ globalSymbols, module, bindings }: Context, index: number): string {
  const importIndex = module.globals[index]?.importIndex;
  const binding = importIndex === undefined ? undefined : bindings[importIndex];
  return binding?.kind === 'symbol' ? binding.symbol : (globalSymbols[index] as string);
}

/** A table's descriptor. */
export function tableSymbol({ instance, module, bindings }: Context, index: number): string {
  const importIndex = module.tables[index]?.importIndex;
  const binding = importIndex === undefined ? undefined : bindings[importIndex];
  return binding?.kind === 'symbol' ? binding.symbol : `${instance}!table.${index}`;
}

/** Whether a table's entries never move and their number never changes. */
export function isFixedTable({ linked, module }: Context, index: number): boolean {
  if (module.tables[index]?.importIndex !== undefined) return false;
  const isExported = module.exports.some((e) => e.kind === 'table' && e.index === index);
  return !module.facts.grownTables.has(index) && !(linked && isExported);
}

/** The memory's record. */
export function memorySymbol({ instance, module, bindings }: Context): string {
  const importIndex = module.memories[0]?.importIndex;
  const binding = importIndex === undefined ? undefined : bindings[importIndex];
  return binding?.kind === 'symbol' ? binding.symbol : `${instance}!memory`;
}

/** A function's record, laid out as a table entry. */
export function recordSymbol(context: Context, index: number): string {
  return `${context.instance}!${context.names[index]}.record`;
}

/** The rodata that holds the constants of all functions. */
export function constantsSymbol({ instance }: Context): string {
  return `${instance}!constants`;
}

/** A data segment's bytes, for memory.init. */
export function dataSymbol({ instance }: Context, index: number): string {
  return `${instance}!data.${index}`;
}

/** An element segment's entries, for table.init. */
export function elementSymbol({ instance }: Context, index: number): string {
  return `${instance}!elem.${index}`;
}
