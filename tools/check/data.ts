import { MemoryRecord } from '../../spec/abi/handoff.ts';
import type { Analysis, DataUse, TableUse } from './analysis.ts';
import { textOf } from './instruction.ts';
import type { Compartment, Program, Violation } from './program.ts';
import { DESCRIPTOR, ENTRY } from './types.ts';

/**
 * What must hold of the program's data for what code relies on: tables hold records of functions,
 * what bounds an index is written by nobody, references come from where nothing else is written, and a compartment's data is its own.
 */
export function checkData(analysis: Analysis): Violation[] {
  const functions = [...analysis.functions.values()];
  const uses = functions
    .flatMap(({ dataUses }) => [...dataUses.values()])
    .sort((a, b) => a.start - b.start);
  const tables = functions
    .flatMap(({ tableUses }) => [...tableUses.values()])
    .sort((a, b) => a.start - b.start);
  return [
    ...analysis.types.broken,
    ...checkEntries(analysis, tables),
    ...checkJumpTables(tables),
    ...checkSizes(uses),
    ...checkWrites(analysis, uses, tables),
    ...checkOwners(analysis, uses, tables),
  ];
}

function broken(rule: string, { by, instruction }: Pick<DataUse, 'by' | 'instruction'>): Violation {
  return { rule, address: instruction.address, text: textOf(instruction), name: by.code.name };
}

function checkEntries({ types }: Analysis, tables: readonly TableUse[]): Violation[] {
  const seen = new Map<string, boolean>();
  return tables.flatMap((table) => {
    if (table.kind !== 'entries') return [];
    const { start, end, by } = table;
    const { compartment } = by.code;
    const key = `${start} ${end} ${compartment.name}`;
    let isGood = seen.get(key) ?? true;
    for (let at = start; isGood && !seen.has(key) && at + ENTRY.size <= end; at += ENTRY.size) {
      isGood = types.isEntryFor(at, compartment);
    }
    seen.set(key, isGood);
    return isGood ? [] : [broken('a table holds what is no record of a function', table)];
  });
}

/** Jump tables lie one after the other: one that reaches into the next has too high a bound. */
function checkJumpTables(tables: readonly TableUse[]): Violation[] {
  const jumps = tables.filter(({ kind }) => kind === 'jumps');
  return jumps.flatMap((table, i) => {
    const next = jumps.slice(i + 1).find(({ start }) => start !== table.start);
    return next && next.start < table.end ? [broken('jump tables overlap', table)] : [];
  });
}

/** The size of a segment only ever shrinks to zero; that of a table grows, and bounds nothing else. */
function checkSizes(uses: readonly DataUse[]): Violation[] {
  const sizes = new Map<number, DataUse>();
  for (const use of uses) if (use.use === 'bound' && use.size === 4) sizes.set(use.start, use);
  const counts = uses.filter(({ use, size }) => use === 'bound' && size === DESCRIPTOR.size);
  return counts.flatMap(({ start }) => {
    const use = sizes.get(start + DESCRIPTOR.count);
    return use ? [broken('a segment bounded by the size of a table', use)] : [];
  });
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** What may be written to it. */
  readonly takes: DataUse['use'] | undefined;
}

function checkWrites(
  { program }: Analysis,
  uses: readonly DataUse[],
  tables: readonly TableUse[],
): Violation[] {
  const bounds = uses.filter(({ use }) => use === 'bound');
  const fixed: Range[] = [
    ...program.guarded.map((each) => ({ ...each, takes: undefined })),
    ...bounds.map(({ start, size }) => ({
      start,
      end: start + size,
      name: 'a bound that is relied upon',
      takes: size === 4 ? ('clear' as const) : undefined,
    })),
    ...tables.map(({ start, end }) => ({
      start,
      end,
      name: 'a table of functions',
      takes: 'entry' as const,
    })),
  ].sort((a, b) => a.start - b.start);
  const longest = Math.max(0, ...fixed.map(({ start, end }) => end - start));
  return uses.flatMap((use) => {
    if (use.use === 'read' || use.use === 'bound') return [];
    const end = use.start + use.size;
    const isStore = use.use !== 'reference';
    if (isStore && !program.memory.segmentAt(use.start, use.size)?.writable) {
      return [broken('a store to what is not data', use)];
    }
    for (let i = firstFrom(fixed, use.start - longest); i < fixed.length; i++) {
      const range = fixed[i] as Range;
      if (range.start >= end) break;
      if (range.end <= use.start || range.takes === use.use) continue;
      return [broken(`${isStore ? 'a store to' : 'a reference taken from'} ${range.name}`, use)];
    }
    return [];
  });
}

function firstFrom(ranges: readonly Range[], start: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as Range).start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bytes that code uses, or may. */
type Used = Pick<DataUse, 'start' | 'size' | 'by' | 'instruction'>;

/**
 * The linker puts a compartment's data in one piece, so nobody else's lies between what its code
 * uses, but what is exported for others to use. The kernel has its memory beside.
 */
function checkOwners(
  { program }: Analysis,
  uses: readonly DataUse[],
  tables: readonly TableUse[],
): Violation[] {
  const { memory, shared } = program;
  const sharedEntries = new Set([...shared].map((at) => memory.address(at + DESCRIPTOR.entries)));
  const isOwn = ({ start, by }: Used) => {
    const { record = Infinity } = by.code.compartment;
    const isRecord = start >= record && start < record + MemoryRecord.size;
    return !isRecord && !shared.has(start) && !shared.has(start - 8) && !sharedEntries.has(start);
  };
  const used: Used[] = [
    ...uses,
    ...tables.map((table) => ({ ...table, size: table.end - table.start })),
  ].filter((each) => each.size > 0 && isOwn(each) && memory.segmentAt(each.start)?.writable);
  const done = new Set<Compartment>();
  const strays: Used[] = [];
  let last: Used | undefined;
  for (const { use, at } of endsOf(used)) {
    const { compartment } = use.by.code;
    if (isKernelMemory(program, at)) {
      if (compartment.kind === 'sandbox') strays.push(use);
      continue;
    }
    const before = last;
    last = use;
    if (!before || before.by.code.compartment === compartment) continue;
    done.add(before.by.code.compartment);
    // What lies in the middle of the kernel's is not the kernel's.
    if (done.has(compartment)) strays.push(compartment.kind === 'sandbox' ? use : before);
  }
  return [...new Set(strays)].map((use) => broken("a use of another compartment's data", use));
}

/** Whether an address is in the kernel's linear memory, or the run-time's: it lies below all code. */
function isKernelMemory({ functions: [first] }: Program, at: number): boolean {
  const lowest = first?.start ?? 0;
  return lowest < 0 ? at >= 0 : at < lowest;
}

/** The first byte and the last of all that is used, in the order of their addresses. */
function endsOf(used: readonly Used[]): { use: Used; at: number }[] {
  return used
    .flatMap((use) => [
      { use, at: use.start },
      { use, at: use.start + use.size - 1 },
    ])
    .sort((a, b) => a.at - b.at);
}
