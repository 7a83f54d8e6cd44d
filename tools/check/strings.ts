import type { Instruction } from './instruction.ts';
import { loadedFrom, noteDescriptor, scaled } from './place.ts';
import { fits, type State } from './state.ts';
import { DESCRIPTOR, ENTRY } from './types.ts';
import { mostOf, type Numeric, type Value } from './value.ts';
import { asNumber, RCX, RDI, RSI, readRegister, type Visit } from './visit.ts';

/** Linear memories with their guard: what starts within 4 GiB and has less than 4 GiB ends within. */
const REACH = 2 ** 33;

/** `rep movs` and `rep stos`: both ends must be shown to lie within what may be accessed. */
export function stringInstruction(visit: Visit, state: State, instruction: Instruction): void {
  const { row, decoded } = instruction;
  const { ids } = visit.analysis;
  const unit = row.effect.width / 8;
  const [to, from] = [readRegister(state, RDI), readRegister(state, RSI)];
  const count = decoded.repeat === 0 ? ids.constant(1) : readRegister(state, RCX);
  const isCopy = row.effect.name === 'movs';
  if (visit.fn.code.compartment.kind === 'kernel') {
    visit.list(instruction);
  } else if (
    isCopy &&
    copiesEntries(visit, state, instruction, to, from, asNumber(visit, count), unit)
  ) {
    visit.analysis.useData(visit.fn, instruction, loadedFromSum(to) ?? 0, DESCRIPTOR.size, 'bound');
    state.forgetTypes();
  } else if (
    !staysInside(to, count, unit) ||
    (isCopy &&
      !staysInside(from, count, unit) &&
      !(unit === 1 && copiesSegment(visit, state, instruction, from, count)))
  ) {
    visit.violate(instruction, 'a string instruction that is not shown to stay within the sandbox');
  }
  state.registers[RDI] = ids.number();
  if (isCopy) state.registers[RSI] = ids.number();
  if (decoded.repeat !== 0) state.registers[RCX] = ids.constant(0);
}

/** Whether `count` units from an address stay within the memory and its guard. */
export function staysInside(start: Value, count: Value, unit: number): boolean {
  return start.kind === 'inside' && start.most + mostOf(count) * unit < REACH;
}

/** From a data segment, in bytes: its start and the length, together, were compared with its size. */
function copiesSegment(
  visit: Visit,
  state: State,
  instruction: Instruction,
  from: Value,
  count: Value,
): boolean {
  if (from.kind !== 'address' || !from.plus || count.kind !== 'number') return false;
  const size = sizeCell(visit, state, instruction, from.plus.id, count.id);
  if (size === undefined) return false;
  const { memory } = visit.analysis.program;
  const segment = memory.segmentAt(from.at, size);
  return segment !== undefined && !segment.executable && !segment.writable;
}

/** From an element segment to a table, both checked; a unit is half an entry. */
function copiesEntries(
  visit: Visit,
  state: State,
  instruction: Instruction,
  to: Value,
  from: Value,
  count: Numeric,
  unit: number,
): boolean {
  const entry = entryOf(visit, instruction, to);
  const { term } = count;
  if (!entry || unit !== 8 || term?.op !== 'sum') return false;
  const { a, b } = term;
  if (a.kind !== 'number' || b.kind !== 'number' || a.id !== b.id) return false;
  if (!state.facts.has(fits(entry.index.id, a.id, entry.table + DESCRIPTOR.count))) return false;
  if (from.kind !== 'address' || !from.plus) return false;
  const index = scaled(from.plus);
  const tableSize = entry.table + DESCRIPTOR.count;
  const size = index && sizeCell(visit, state, instruction, index.id, a.id, tableSize);
  if (size === undefined) return false;
  visit.analysis.useTable(visit.fn, instruction, 'entries', from.at, from.at + size * ENTRY.size);
  return true;
}

/** The size of a segment that bounds the sum of two numbers, as it is in the file. */
function sizeCell(
  { analysis, fn }: Visit,
  state: State,
  instruction: Instruction,
  a: number,
  b: number,
  except?: number,
): number | undefined {
  const prefix = fits(a, b, 0).replace(/\[0\]$/, '');
  for (const [key, at] of state.facts) {
    if (!key.startsWith(prefix) || at === except) continue;
    analysis.useData(fn, instruction, at, 4, 'bound');
    return analysis.program.memory.u32(at);
  }
  return undefined;
}

/** The table, and the number of the entry in it, that an address is made from. */
export function entryOf(
  visit: Visit,
  instruction: Instruction,
  value: Value,
): { table: number; index: Numeric } | undefined {
  if (value.kind !== 'number' || value.term?.op !== 'sum') return undefined;
  const { a, b } = value.term;
  const table = loadedFrom(a) ?? loadedFrom(b);
  const index = scaled(a) ?? scaled(b);
  if (table === undefined || !index) return undefined;
  noteDescriptor(visit, instruction, table);
  return { table, index };
}

function loadedFromSum(value: Value): number | undefined {
  if (value.kind !== 'number' || value.term?.op !== 'sum') return undefined;
  return loadedFrom(value.term.a) ?? loadedFrom(value.term.b);
}
