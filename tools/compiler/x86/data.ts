import type { Context } from '../ir/context.ts';
import type { Dynamic } from '../ir/synthesize.ts';
import { type FunctionType, type MemorySegment, type ObjectMemory, typeSymbol } from '../object.ts';
import {
  type ConstantExpression,
  functionType,
  MAX_PAGES,
  type Module,
  referableFunctions,
} from '../wasm/module.ts';
import type { Output } from './output.ts';
import { SectionBuilder } from './sections.ts';
import {
  constantsSymbol,
  dataSymbol,
  elementSymbol,
  functionSymbol,
  globalSymbol,
  memorySymbol,
  recordSymbol,
  tableSymbol,
} from './symbols.ts';

const PAGE_SIZE = 65536;
/** Entries that a table can grow by without moving; in an image it can not grow by more. */
const SPARE_ENTRIES = 1024;

/** Which parts of a module's initialization must wait until it runs: see {@link Dynamic}. */
export function findDynamic({ globals, tables, memories, elements, data }: Module): Dynamic {
  const dynamicGlobals: number[] = [];
  globals.forEach(({ init }, i) => {
    if (init && isDynamic(init)) dynamicGlobals.push(i);
  });
  const items = elements.flatMap((segment, i) =>
    segment.mode.kind === 'declarative'
      ? []
      : segment.items.flatMap((item, k) => (isDynamic(item) ? [[i, k] as const] : [])),
  );
  // From the first segment on that needs the run-time all do, so that their order is kept.
  const firstElement = elements.findIndex(({ mode, items }) => {
    if (mode.kind !== 'active') return false;
    const table = tables[mode.table];
    return (
      table?.importIndex !== undefined ||
      items.some(isDynamic) ||
      !fits(mode.at, items.length, table?.limits.min ?? 0)
    );
  });
  const memory = memories[0];
  const size = (memory?.limits.min ?? 0) * PAGE_SIZE;
  const firstData = data.findIndex(
    ({ mode, bytes }) =>
      mode.kind === 'active' &&
      (memory?.importIndex !== undefined ||
        firstElement >= 0 ||
        !fits(mode.at, bytes.length, size)),
  );
  return {
    globals: dynamicGlobals,
    items,
    elements: activeFrom(elements, firstElement),
    data: activeFrom(data, firstData),
  };
}

/** Whether a constant expression needs imported globals. */
function isDynamic({ kind }: ConstantExpression): boolean {
  return kind === 'global' || kind === 'sequence';
}

function fits(at: ConstantExpression, length: number, size: number): boolean {
  return at.kind === 'i32' && Number(at.bits) + length <= size;
}

function activeFrom(
  segments: readonly { readonly mode: { readonly kind: string } }[],
  first: number,
): number[] {
  if (first < 0) return [];
  return segments.flatMap(({ mode }, i) => (i >= first && mode.kind === 'active' ? [i] : []));
}

/** The rodata and data sections of an object. */
export class DataBuilder {
  readonly rodata = new SectionBuilder('rodata');
  readonly data = new SectionBuilder('data');
  readonly #context: Context;
  readonly #dynamic: Dynamic;
  readonly #records = new Set<number>();

  constructor(context: Context, dynamic: Dynamic) {
    this.#context = context;
    this.#dynamic = dynamic;
  }

  build(output: Output, memory: ObjectMemory | undefined): void {
    this.#constants(output);
    this.#jumpTables(output);
    if (memory?.symbol !== undefined && !memory.imported) this.#memoryRecord(memory);
    this.#globals();
    this.#tables(output.writesTables || this.#dynamic.elements.length > 0);
    this.#elements();
    this.#passiveData();
    this.#functionRecords();
  }

  #constants({ constants }: Output): void {
    if (constants.size === 0) return;
    const at = this.rodata.append(constants.bytes);
    this.rodata.symbol(constantsSymbol(this.#context), at);
  }

  #jumpTables({ jumpTables, asm }: Output): void {
    const { rodata } = this;
    for (const { symbol, functionSymbol: code, functionStart, targets } of jumpTables) {
      rodata.alignTo(8);
      const at = rodata.size;
      for (const label of targets)
        rodata.address('abs64', code, asm.offsetOf(label) - functionStart);
      rodata.symbol(symbol, at);
    }
  }

  #memoryRecord({ minPages, maxPages }: ObjectMemory): void {
    const at = this.data.u64(0n);
    this.data.u32(minPages);
    this.data.u32(maxPages);
    this.data.symbol(memorySymbol(this.#context), at);
  }

  #globals(): void {
    this.data.alignTo(8);
    this.#context.module.globals.forEach(({ importIndex, init, type }, index) => {
      if (importIndex !== undefined) return;
      if (type === 'v128') this.data.alignTo(16);
      const at = this.data.size;
      if (init?.kind === 'function') {
        this.#records.add(init.index);
        this.data.address('abs64', recordSymbol(this.#context, init.index));
      } else {
        const bits = init && 'bits' in init ? init.bits : 0n;
        this.data.u64(bits);
        if (type === 'v128') this.data.u64(bits >> 64n);
      }
      this.data.symbol(globalSymbol(this.#context, index), at);
    });
  }

  #tables(mutable: boolean): void {
    const { module } = this.#context;
    module.tables.forEach(({ importIndex, limits }, index) => {
      if (importIndex !== undefined) return;
      const symbol = tableSymbol(this.#context, index);
      const isExported = module.exports.some((e) => e.kind === 'table' && e.index === index);
      const isGrown = module.facts.grownTables.has(index);
      const section = mutable || isExported || isGrown ? this.data : this.rodata;
      section.alignTo(16);
      const start = section.size;
      for (const entry of this.#initialEntries(index, limits.min)) this.#entry(section, entry);
      const most = limits.max ?? 0xffff_ffff;
      const capacity = isGrown ? Math.min(limits.min + SPARE_ENTRIES, most) : limits.min;
      section.space(16 * (Math.max(capacity, limits.min) - limits.min));
      section.symbol(`${symbol}.entries`, start);
      this.data.alignTo(8);
      const at = this.data.size;
      this.data.address('abs64', `${symbol}.entries`);
      this.data.u32(limits.min);
      this.data.u32(Math.max(capacity, limits.min));
      this.data.u32(most);
      this.data.u32(0);
      this.data.symbol(symbol, at);
    });
  }

  #initialEntries(table: number, size: number): (number | undefined)[] {
    const entries = new Array<number | undefined>(size).fill(undefined);
    this.#context.module.elements.forEach(({ mode, items }, index) => {
      if (mode.kind !== 'active' || mode.table !== table) return;
      if (this.#dynamic.elements.includes(index) || mode.at.kind !== 'i32') return;
      const at = Number(mode.at.bits);
      items.forEach((item, i) => {
        entries[at + i] = item.kind === 'function' ? item.index : undefined;
      });
    });
    return entries;
  }

  /** 16 bytes: see TABLE_ENTRY. */
  #entry(section: SectionBuilder, index: number | undefined): void {
    if (index === undefined) {
      section.space(16);
      return;
    }
    const { module } = this.#context;
    const type: FunctionType = functionType(module, index);
    this.#records.add(index);
    section.address('abs64', entrySymbol(this.#context, index));
    section.address('abs32', typeSymbol(type));
    section.address('abs32s', recordSymbol(this.#context, index));
  }

  /** Segments that table.init may still read, with the number of entries left in them. */
  #elements(): void {
    this.#context.module.elements.forEach(({ mode, items }, index) => {
      const symbol = elementSymbol(this.#context, index);
      const isReadable = mode.kind === 'passive' || this.#dynamic.elements.includes(index);
      const isSet = this.#dynamic.items.some(([segment]) => segment === index);
      const section = isSet ? this.data : this.rodata;
      section.alignTo(16);
      const start = section.size;
      if (isReadable) for (const item of items) this.#entry(section, functionOf(item));
      section.symbol(symbol, start);
      this.#size(symbol, isReadable ? items.length : 0);
    });
  }

  #passiveData(): void {
    this.#context.module.data.forEach(({ mode, bytes }, index) => {
      const symbol = dataSymbol(this.#context, index);
      const isReadable = mode.kind === 'passive' || this.#dynamic.data.includes(index);
      const start = this.rodata.append(isReadable ? bytes : new Uint8Array());
      this.rodata.symbol(symbol, start);
      this.#size(symbol, isReadable ? bytes.length : 0);
    });
  }

  #size(symbol: string, size: number): void {
    this.data.alignTo(4);
    const at = this.data.u32(size);
    this.data.symbol(`${symbol}.size`, at);
  }

  #functionRecords(): void {
    const { module } = this.#context;
    if (usesReferences(module)) {
      for (const index of referableFunctions(module)) this.#records.add(index);
      for (const index of linkedFunctions(this.#context)) this.#records.add(index);
    }
    for (const index of [...this.#records].sort((a, b) => a - b)) {
      this.rodata.alignTo(16);
      const at = this.rodata.size;
      this.#entry(this.rodata, index);
      this.rodata.symbol(recordSymbol(this.#context, index), at);
    }
  }
}

/** Whether functions can become values, which the host may ask for the number of. */
function usesReferences({ facts, types, globals, tables }: Module): boolean {
  return (
    facts.references.size > 0 ||
    types.some(({ params }) => params.includes('funcref')) ||
    globals.some(({ type }) => type === 'funcref') ||
    tables.some(({ importIndex }) => importIndex !== undefined)
  );
}

/** Imports that are functions of other modules of the executable. */
function linkedFunctions(context: Context): number[] {
  return context.linked
    ? context.functionSymbols.flatMap((own, index) =>
        functionSymbol(context, index) === own ? [] : [index],
      )
    : [];
}

function functionOf(item: ConstantExpression): number | undefined {
  return item.kind === 'function' ? item.index : undefined;
}

/** What a table entry or an export of a function refers to. */
export function entrySymbol(context: Context, index: number): string {
  const symbol = functionSymbol(context, index);
  const isOwn = symbol === `${context.instance}!${context.names[index]}`;
  return context.linked && isOwn ? `${symbol}.outer` : symbol;
}

/** The memory of an object, with what its segments put there before anything runs. */
export function describeMemory(
  context: Context,
  dynamic: Dynamic,
  hasBaseRegister: boolean,
): ObjectMemory | undefined {
  const memory = context.module.memories[0];
  if (!memory) return undefined;
  const segments: MemorySegment[] = [];
  context.module.data.forEach(({ mode, bytes }, index) => {
    if (mode.kind !== 'active' || mode.at.kind !== 'i32' || dynamic.data.includes(index)) return;
    segments.push({ offset: Number(mode.at.bits), bytes });
  });
  return {
    symbol: hasBaseRegister ? memorySymbol(context) : undefined,
    imported: memory.importIndex !== undefined,
    shared: memory.shared,
    minPages: memory.limits.min,
    maxPages: memory.limits.max ?? MAX_PAGES,
    segments,
  };
}
