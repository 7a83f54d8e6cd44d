import type { Instruction, MemoryOperand } from './instruction.ts';
import { below, type State, typed } from './state.ts';
import { DESCRIPTOR, ENTRY } from './types.ts';
import type { Entries, Numeric, Value } from './value.ts';
import { asNumber, R14, RSP, readRegister, stackOffset, type Visit } from './visit.ts';

/** Where a memory operand lies, once it is proven to lie anywhere at all. */
export type Place =
  | { readonly kind: 'stack'; readonly offset: number }
  /** In the program's own text, constants or data. */
  | { readonly kind: 'program'; readonly at: number }
  /** In the compartment's linear memory. */
  | { readonly kind: 'memory' }
  /** In a table of functions: `field` of the entry that `index` (bytes) leads to. */
  | {
      readonly kind: 'table';
      readonly table: string;
      readonly index: Numeric;
      readonly field: number;
      /** Where its entries are, if that is of no account before one of them is called. */
      readonly entries?: Entries;
    }
  /** In a function's record or an entry, which `id` is the address of. */
  | { readonly kind: 'entry'; readonly id: number; readonly field: number }
  /** At an address that only the kernel's source vouches for. */
  | { readonly kind: 'anywhere' };

const NONE = -1;

/** Memory and guard pages: no access may start at or above base + this. */
const REACH = 2 ** 33;

/** The largest displacement of an access that the kernel makes at a 64-bit address (cpuid's four words). */
const MOST_OFFSET = 12;

const UNPROVEN =
  'a memory operand that is not shown to lie within the sandbox, the frame or a table';

/**
 * Proves where a memory operand lies. What can not be proven is a violation, noted, and undefined.
 */
export function placeOf(
  visit: Visit,
  state: State,
  instruction: Instruction,
  operand: MemoryOperand,
): Place | undefined {
  const { at } = operand;
  const { compartment } = visit.fn.code;
  const place =
    at.base === NONE && at.index === NONE
      ? programPlace(visit, instruction, operand)
      : at.base === RSP
        ? stackPlace(state, operand)
        : (tablePlace(visit, state, instruction, operand) ??
          (compartment.kind === 'sandbox'
            ? sandboxPlace(state, operand)
            : kernelPlace(visit, state, operand)));
  if (!place) visit.violate(instruction, UNPROVEN);
  if (place?.kind === 'anywhere') visit.list(instruction);
  return place;
}

function programPlace(visit: Visit, { next }: Instruction, { at, size }: MemoryOperand) {
  const address = at.relative ? next + at.displacement : at.displacement;
  const isKernel = visit.fn.code.compartment.kind === 'kernel';
  const { memory } = visit.analysis.program;
  if (at.address32) {
    // Of 32 bits, as operands of the kernel with registers are: of the program's own it has none there.
    const isOwn = at.relative || memory.segmentAt(address >>> 0, Math.max(size, 1));
    return isKernel && !isOwn ? ({ kind: 'memory' } as const) : undefined;
  }
  if (memory.segmentAt(address, Math.max(size, 1)))
    return { kind: 'program', at: address } as const;
  return isKernel && !at.relative && address >= 0 ? ({ kind: 'memory' } as const) : undefined;
}

function stackPlace(state: State, { at }: MemoryOperand): Place | undefined {
  const rsp = stackOffset(state);
  if (rsp === undefined || at.index !== NONE || at.address32) return undefined;
  return { kind: 'stack', offset: rsp + at.displacement };
}

/** [r14 + index * scale + displacement], at most {@link REACH} above r14. */
function sandboxPlace(state: State, { at }: MemoryOperand): Place | undefined {
  if (at.base !== R14 || at.address32 || at.displacement < 0) return undefined;
  if (state.registers[R14]?.kind !== 'base') return undefined;
  if (at.index === NONE) return { kind: 'memory' };
  const index = readRegister(state, at.index);
  if (index.kind !== 'number') return undefined;
  return index.most * at.scale + at.displacement < REACH ? { kind: 'memory' } : undefined;
}

/** Within the low 8 GiB, of which 4 are memory; or at one register, wherever that points. */
function kernelPlace(visit: Visit, state: State, { at }: MemoryOperand): Place | undefined {
  const base = at.base === NONE ? undefined : readRegister(state, at.base);
  const index = at.index === NONE ? undefined : readRegister(state, at.index);
  if (at.address32) return { kind: 'memory' };
  const most = (value: Value | undefined) => (value ? asNumber(visit, value).most : 0);
  const reach = most(base) + most(index) * at.scale + at.displacement;
  if (at.displacement >= 0 && reach < REACH) return { kind: 'memory' };
  const isPlain = index === undefined && at.displacement >= 0 && at.displacement <= MOST_OFFSET;
  return isPlain ? { kind: 'anywhere' } : undefined;
}

/**
 * An entry of a table, its index checked: [index + entries] where the number of entries is fixed, or
 * [entries + index] with both taken from the table's descriptor.
 */
function tablePlace(
  visit: Visit,
  state: State,
  instruction: Instruction,
  { at, size }: MemoryOperand,
): Place | undefined {
  if (at.address32 || at.scale !== 1) return undefined;
  const value = state.registers[at.base];
  if (value?.kind === 'entry' && at.index === NONE) {
    const isWithin = at.displacement >= 0 && at.displacement + size <= ENTRY.size;
    return isWithin ? { kind: 'entry', id: value.id, field: at.displacement } : undefined;
  }
  const { name } = instruction.row.effect;
  // The kernel's memory is at address 0: its arrays look like tables, but for what is done with them.
  const isKernel = visit.fn.code.compartment.kind === 'kernel';
  const isPlain = isKernel && name !== 'cmp' && name !== 'call';
  if (isPlain && (name !== 'mov' || size !== 8)) return undefined;
  const field = at.displacement & (ENTRY.size - 1);
  if (field + size > ENTRY.size) return undefined;
  if (at.index === NONE) {
    if (value?.kind === 'number' && value.term?.op === 'sum' && at.displacement === field) {
      const { a, b } = value.term;
      return (
        descriptorPlace(visit, state, instruction, a, b, field) ??
        descriptorPlace(visit, state, instruction, b, a, field)
      );
    }
    const index = state.registers[at.base];
    if (!index || scaled(index) === undefined || index.kind !== 'number') return undefined;
    const start = at.displacement - field;
    const end = start + index.most + ENTRY.size;
    if (!Number.isFinite(end) || !isData(visit, start, end - start)) return undefined;
    const table = `${start}`;
    if (isPlain && !state.facts.has(typed(index.id, table))) return undefined;
    const place = { kind: 'table', table, index, field } as const;
    if (isKernel && name !== 'call') return { ...place, entries: { start, end } };
    visit.analysis.useTable(visit.fn, instruction, 'entries', start, end);
    return place;
  }
  if (at.displacement !== field) return undefined;
  const [entries, index] = [at.base, at.index].map((register) => readRegister(state, register));
  return entries && index && descriptorPlace(visit, state, instruction, entries, index, field);
}

function descriptorPlace(
  visit: Visit,
  state: State,
  instruction: Instruction,
  entries: Value,
  index: Value,
  field: number,
): Place | undefined {
  const table = loadedFrom(entries);
  const number = scaled(index);
  if (table === undefined || number === undefined || index.kind !== 'number') return undefined;
  if (!state.facts.has(below(number.id, table + DESCRIPTOR.count))) return undefined;
  noteDescriptor(visit, instruction, table);
  return { kind: 'table', table: `[${table}]`, index, field };
}

/** Notes that code relies on a table's descriptor, and so on the entries that it has in the file. */
export function noteDescriptor(visit: Visit, instruction: Instruction, table: number): void {
  const { analysis, fn } = visit;
  analysis.useData(fn, instruction, table, DESCRIPTOR.size, 'bound');
  const { memory } = analysis.program;
  const entries = memory.address(table + DESCRIPTOR.entries);
  const count = memory.u32(table + DESCRIPTOR.count);
  const room = memory.u32(table + DESCRIPTOR.room);
  if (entries === undefined || count === undefined || room === undefined) {
    visit.violate(instruction, 'a table whose descriptor is not in the file');
    return;
  }
  // A table grows where it is as long as there is room.
  const end = entries + Math.max(count, room) * ENTRY.size;
  analysis.useTable(fn, instruction, 'entries', entries, end);
}

/** The address that a value was loaded from, as 64 bits. */
export function loadedFrom(value: Value): number | undefined {
  if (value.kind !== 'number' || value.term?.op !== 'load' || value.term.size !== 8)
    return undefined;
  return value.term.at;
}

/** The number of an entry, of whose distance in bytes `value` is. */
export function scaled(value: Value): Numeric | undefined {
  if (value.kind !== 'number' || value.term?.op !== 'shl') return undefined;
  return 2 ** value.term.by === ENTRY.size ? value.term.of : undefined;
}

/** Whether all of it lies in the program's constants or data. */
function isData(visit: Visit, start: number, size: number): boolean {
  const segment = visit.analysis.program.memory.segmentAt(start, size);
  return segment !== undefined && !segment.executable;
}
