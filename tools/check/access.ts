import { writesMemory } from './behaviour.ts';
import type { Instruction, MemoryOperand } from './instruction.ts';
import { type Place, placeOf } from './place.ts';
import type { Compartment } from './program.ts';
import { type State, typed } from './state.ts';
import { ENTRY } from './types.ts';
import { isReference, U32, type Value } from './value.ts';
import { asNumber, stackOffset, truncated, type Visit } from './visit.ts';

/** A page of the guard below each stack. */
const GUARD_PAGE = 4096;

/** Bytes of the guard below the stack that the code of a compartment runs on. */
export function guardOf({ stackInHand = 0 }: Compartment): number {
  return GUARD_PAGE + stackInHand;
}

/** Judges an access to memory, and gives what is read there as a number of `width` bits. */
export function load(
  visit: Visit,
  state: State,
  instruction: Instruction,
  operand: MemoryOperand,
  width: number,
): Value {
  const place = placeOf(visit, state, instruction, operand);
  const { ids } = visit.analysis;
  const most = width >= 64 ? Infinity : 2 ** width - 1;
  if (place?.kind === 'program') return loadProgram(visit, instruction, place.at, operand.size);
  if (place?.kind === 'table') {
    const type = state.facts.get(typed(place.index.id, place.table));
    const isCode = place.field === 0 && operand.size === 8 && type !== undefined;
    return isCode ? { kind: 'code', type, entries: place.entries } : ids.number(most);
  }
  if (place?.kind === 'entry') {
    const isHalf = operand.size === 8 && place.field % 8 === 0;
    return isHalf ? { kind: 'half', id: place.id, field: place.field } : ids.number(most);
  }
  if (place?.kind !== 'stack') return ids.number(most);
  touchStack(visit, state, instruction, place.offset, operand.size);
  const slot = place.offset % 8 === 0 ? readSlot(visit, state, place.offset) : undefined;
  return slot ? truncated(visit, slot, width) : ids.number(most);
}

/** Judges an access that reads and perhaps writes memory outside of general registers. */
export function access(
  visit: Visit,
  state: State,
  instruction: Instruction,
  operand: MemoryOperand,
): void {
  load(visit, state, instruction, operand, Math.min(operand.size * 8, 64));
  if (instruction.operands[0] === operand && writesMemory(instruction)) {
    store(visit, state, instruction, operand, undefined);
  }
}

/** Judges a store of `value` (undefined: of whatever). */
export function store(
  visit: Visit,
  state: State,
  instruction: Instruction,
  operand: MemoryOperand,
  value: Value | undefined,
): void {
  const place = placeOf(visit, state, instruction, operand);
  if (!place || place.kind === 'memory' || place.kind === 'anywhere') return;
  if (place.kind !== 'stack') state.forgetTypes();
  if (place.kind === 'table' || (place.kind === 'program' && value?.kind === 'half')) {
    storeEntry(visit, state, instruction, place, operand.size, value);
  } else if (place.kind === 'stack') {
    storeStack(visit, state, instruction, place, operand.size, value);
  } else if (place.kind === 'program') {
    storeProgram(visit, state, instruction, place.at, operand.size, value);
    if (!isReference(value) || operand.size !== 8) {
      visit.analysis.overwrite(place.at, operand.size);
    }
    state.forgetFacts();
  } else {
    visit.violate(instruction, "a store to a function's record");
  }
}

/** A store to data: a zero, the halves of an entry of no function, or whatever. */
function storeProgram(
  { fn, analysis }: Visit,
  state: State,
  instruction: Instruction,
  at: number,
  size: number,
  value: Value | undefined,
): void {
  const isZero = value?.kind === 'number' && value.most === 0;
  const { lowHalf } = state;
  state.lowHalf = undefined;
  const follows = lowHalf?.at === at - 8 && lowHalf.instruction.next === instruction.address;
  if (isZero && size === 8 && follows) {
    analysis.forgetUse(fn, lowHalf.instruction, lowHalf.at, 'write');
    analysis.useData(fn, lowHalf.instruction, lowHalf.at, size, 'entry');
    analysis.useData(fn, instruction, at, size, 'entry');
    return;
  }
  if (size === 8 && at % ENTRY.size === 0) state.lowHalf = { at, instruction };
  analysis.useData(fn, instruction, at, size, isZero && size === 4 ? 'clear' : 'write');
}

/**
 * A store to an entry of a table or element segment: two halves, one right after the other, of one
 * record; or anything and then zero, which is an entry of no function.
 */
function storeEntry(
  visit: Visit,
  state: State,
  instruction: Instruction,
  place: Extract<Place, { kind: 'table' | 'program' }>,
  size: number,
  value: Value | undefined,
): void {
  const field = place.kind === 'table' ? place.field : place.at & 8;
  const entry =
    place.kind === 'table' ? `${place.table}[${place.index.id}]` : `${place.at - field}`;
  if (place.kind === 'program') {
    visit.analysis.useData(visit.fn, instruction, place.at, size, 'entry');
  }
  if (size === 8 && field === 0 && value) {
    if (state.halfWritten) visit.violate(instruction, 'a table is left with half an entry');
    state.halfWritten = { entry, low: value };
    return;
  }
  const first = state.halfWritten;
  const follows = size === 8 && field === 8 && first?.entry === entry;
  if (!follows || !isEntry(first.low, value)) {
    visit.violate(instruction, 'a store to a table of what is no entry');
  }
  state.halfWritten = undefined;
}

/** Whether two halves make an entry. */
export function isEntry(low: Value | undefined, high: Value | undefined): boolean {
  if (high?.kind === 'number') return high.most === 0;
  if (low?.kind !== 'half' || high?.kind !== 'half') return false;
  return low.id === high.id && low.field === 0 && high.field === 8;
}

function loadProgram(visit: Visit, instruction: Instruction, at: number, size: number): Value {
  const { analysis, fn } = visit;
  const { ids } = analysis;
  analysis.useData(fn, instruction, at, size, 'read');
  if (size === 8 && at === fn.code.compartment.record) return { kind: 'base' };
  const most = size >= 8 ? Infinity : 2 ** (8 * size) - 1;
  const value = ids.number(most, 0, { op: 'load', at, size });
  if (size !== 8 || !analysis.holdsReference(at, fn)) return value;
  analysis.useData(fn, instruction, at, size, 'reference');
  return { ...value, isReference: true };
}

function storeStack(
  visit: Visit,
  state: State,
  instruction: Instruction,
  { offset }: Extract<Place, { kind: 'stack' }>,
  size: number,
  value: Value | undefined,
): void {
  touchStack(visit, state, instruction, offset, size);
  const rsp = stackOffset(state) ?? 0;
  if (offset < rsp) visit.violate(instruction, 'a store below the stack pointer');
  const { slots } = state;
  const whole = slots.get(offset - 4);
  slots.forget(offset, offset + size);
  if (size === 8 && offset % 8 === 0 && value) slots.set(offset, value);
  if (size !== 4 || value?.kind !== 'number' || value.most > U32) return;
  // A constant that no immediate extends to is stored by halves.
  if (offset % 8 === 0) {
    slots.set(offset, visit.analysis.ids.number(Infinity, 0, { op: 'low', of: value }));
  } else if (value.most === 0 && whole?.kind === 'number' && whole.term?.op === 'low') {
    slots.set(offset - 4, whole.term.of);
  }
}

/** Notes an access to the stack, which may not reach below what the guard page covers. */
export function touchStack(
  visit: Visit,
  state: State,
  instruction: Instruction,
  offset: number,
  size: number,
): void {
  if (offset < state.touched - guardOf(visit.fn.code.compartment))
    visit.violate(instruction, 'a stack access beyond the guard page');
  state.touched = Math.min(state.touched, offset);
  const { fn } = visit;
  if (offset + size > 8) {
    fn.stackExtent = Math.max(fn.stackExtent, offset + size - 8);
  }
}

/** What 8 bytes of the stack hold. */
function readSlot(visit: Visit, state: State, offset: number): Value | undefined {
  const { fn } = visit;
  if (offset >= 8 && !fn.stackArguments.has(offset)) {
    // What callers pass there must be known from the start.
    fn.stackArguments.add(offset);
    visit.restart = true;
  }
  const value = state.slots.get(offset);
  return value && value.kind === 'number' ? asNumber(visit, value) : value;
}
