import { type Context, functionBinding } from '../ir/context.ts';
import { type Dynamic, makeAdapter, START } from '../ir/synthesize.ts';
import type { Fn } from '../ir/value.ts';
import type { ObjectExport, ObjectRelocation, WasmObject } from '../object.ts';
import { functionType, referableFunctions } from '../wasm/module.ts';
import { DataBuilder, describeMemory, entrySymbol } from './data.ts';
import type { Relocation } from './emitter.ts';
import { MOV } from './forms.ts';
import {
  FILL_TABLE_HELPER,
  GROW_TABLE_HELPER,
  writeFillTable,
  writeGrowTable,
} from './helper-table.ts';
import { FILL_HELPER, writeVectorCopy, writeVectorFill } from './helper-vector.ts';
import { COPY_HELPER, writeCopy } from './helpers.ts';
import { R14 } from './operand.ts';
import type { Output } from './output.ts';
import { globalSymbol, memorySymbol, tableSymbol } from './symbols.ts';
import type { Target } from './target.ts';

/**
 * Imported functions without code of their own to point at (instructions, addresses, calls with
 * leading constants) that a table, an export or the start section names: each gets a function that
 * calls it.
 */
export function findAdapters(context: Context): Fn[] {
  const { start } = context.module;
  const named = referableFunctions(context.module);
  if (start) named.add(start.index);
  return [...named]
    .sort((a, b) => a - b)
    .filter((index) => {
      const binding = functionBinding(context, index)?.binding;
      return binding && (binding.kind !== 'symbol' || binding.leading);
    })
    .map((index) => makeAdapter(context, index));
}

/** Writes the helper routines that functions called, and the entries for other instances. */
export function writeExtras(context: Context, target: Target, output: Output): void {
  const { asm } = output;
  const helpers: readonly (readonly [name: string, write: () => void])[] = [
    // The kernel leaves vector registers to programs.
    [COPY_HELPER, () => (target.baseRegister ? writeVectorCopy(asm) : writeCopy(asm))],
    [FILL_HELPER, () => writeVectorFill(asm)],
    [FILL_TABLE_HELPER, () => writeFillTable(asm)],
    [GROW_TABLE_HELPER, () => writeGrowTable(asm, `${context.instance}!table_grow`)],
  ];
  for (const [name, write] of helpers) {
    const symbol = `${context.instance}!${name}`;
    if (!output.helpers.has(symbol)) continue;
    asm.align(16);
    const start = asm.size;
    write();
    addFunction(output, symbol, start);
  }
  if (!context.linked) return;
  for (const { symbol, index } of [...output.functions]) {
    // Of what the module does not have itself, only what finishes its instantiation is called.
    if (index < 0 && symbol !== `${context.instance}!${START}`) continue;
    const offset = asm.size;
    const hasMemory = target.baseRegister && context.module.memories.length > 0;
    if (hasMemory) asm.rmSymbol(MOV[64], R14, memorySymbol(context));
    asm.jmpSymbol(symbol);
    addFunction(output, `${symbol}.outer`, offset);
  }
}

function addFunction(output: Output, symbol: string, start: number): void {
  const end = output.asm.size;
  output.functions.push({ symbol, index: -1, start, end, frameSize: 0, bodyStart: start });
}

/** Puts the object together from the code and the module's data. */
export function makeObject(
  context: Context,
  dynamic: Dynamic,
  target: Target,
  output: Output,
  start: string | undefined,
): WasmObject {
  const { module, instance } = context;
  const text = output.asm.finish().slice();
  const memory = describeMemory(context, dynamic, target.baseRegister);
  const builder = new DataBuilder(context, dynamic);
  builder.build(output, memory);
  const { rodata, data } = builder;
  return {
    instance,
    sections: {
      text: { bytes: text, align: 64 },
      rodata: { bytes: rodata.bytes, align: rodata.align },
      data: { bytes: data.bytes, align: data.align },
    },
    symbols: [
      ...output.functions.map(({ symbol: name, start: offset, end }) => ({
        name,
        section: 'text' as const,
        offset,
        size: end - offset,
        kind: 'function' as const,
      })),
      ...rodata.symbols,
      ...data.symbols,
    ],
    relocations: [
      ...output.asm.relocations.map(inText),
      ...output.immediates.map(inText),
      ...rodata.relocations,
      ...data.relocations,
    ],
    imports: module.imports,
    exports: new Map(
      module.exports.map(({ name, kind, index }) => [name, exported(context, kind, index)]),
    ),
    functions: output.functions,
    traps: output.traps,
    calls: output.calls,
    intercepts: output.intercepts,
    lines: output.lines.items.slice(0, output.lines.length),
    memory,
    // An imported one has a symbol of its exporter's, which is for outside already.
    start: context.linked && start?.startsWith(`${instance}!`) ? `${start}.outer` : start,
    sourceMapUrl: module.sourceMapUrl,
  };
}

function inText({ offset, kind, symbol, addend }: Relocation): ObjectRelocation {
  return { section: 'text', offset, kind, symbol, addend };
}

function exported(context: Context, kind: string, index: number): ObjectExport {
  const { module } = context;
  switch (kind) {
    case 'function':
      return {
        kind,
        type: functionType(module, index),
        symbol: entrySymbol(context, index),
      };
    case 'table': {
      const table = module.tables[index];
      if (!table) break;
      const { element, limits } = table;
      return { kind, element, limits, symbol: tableSymbol(context, index) };
    }
    case 'memory': {
      const memory = module.memories[index];
      if (!memory) break;
      const { limits, shared } = memory;
      return { kind, limits, shared, symbol: memorySymbol(context) };
    }
    case 'global': {
      const global = module.globals[index];
      if (!global) break;
      const { type, mutable } = global;
      return { kind, type, mutable, symbol: globalSymbol(context, index) };
    }
  }
  throw new RangeError(`an export of ${kind} ${index}, which there is not`);
}
