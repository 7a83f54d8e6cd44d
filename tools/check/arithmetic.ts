import { E, NE } from './branch.ts';
import type { Instruction, MemoryOperand } from './instruction.ts';
import { operandValue } from './operands.ts';
import { placeOf } from './place.ts';
import type { State } from './state.ts';
import { ENTRY } from './types.ts';
import { constantOf, isReference, mostOf, type Numeric, U32, type Value } from './value.ts';
import { asNumber, readRegister, type Visit } from './visit.ts';

/** What the first operand of an instruction becomes. */
export function arithmetic(visit: Visit, state: State, instruction: Instruction): Value {
  const { row, operands } = instruction;
  const [first, second, third] = operands;
  const { name, width } = row.effect;
  const { ids } = visit.analysis;
  const mask = width >= 64 ? Infinity : 2 ** width - 1;
  const value = (operand: typeof first, bits = width) =>
    operandValue(visit, state, instruction, operand, bits);
  const number = (operand: typeof first, bits = width) => asNumber(visit, value(operand, bits));
  const atMost = (most: number) => ids.number(Math.min(most, mask));
  switch (name) {
    case 'mov':
      return value(second);
    case 'movsxd':
      if (isRecordOfEntry(visit, state, instruction)) return { ...ids.number(), isReference: true };
      return extend(visit, number(second, 32), name, 32, mask);
    case 'movzx':
    case 'movsx':
      return extend(visit, number(second, sourceWidth(second)), name, sourceWidth(second), mask);
    case 'lea':
      return address(visit, state, instruction, second as MemoryOperand, mask);
    case 'add':
      return add(visit, state, value(first), value(second), instruction, mask);
    case 'sub':
      return subtract(visit, state, value(first), value(second), instruction, mask);
    case 'and': {
      const [a, b] = [number(first), number(second)];
      return atMost(Math.min(a.most, b.most));
    }
    case 'or':
    case 'xor': {
      const [a, b] = [number(first), number(second)];
      if (name === 'xor' && isSameRegister(first, second)) return ids.constant(0);
      return atMost(allOnes(Math.max(a.most, b.most)));
    }
    case 'shl':
      return shiftLeft(visit, number(first), number(second, 8), mask);
    case 'shr':
      return shiftRight(visit, number(first), number(second, 8), width, mask);
    case 'shrx':
      number(third);
      return atMost(number(second).most);
    case 'imul2':
      return atMost(product(number(first).most, number(second).most, mask));
    case 'imul3':
      return atMost(product(number(second).most, number(third).most, mask));
    case 'cmovcc': {
      const { condition } = row.effect;
      const a = chosen(state, first, value(first), condition === E);
      const b = chosen(state, second, value(second), condition === NE);
      const isAddress = a.kind === 'address' && !a.plus && !a.isReference;
      if (isAddress && visit.analysis.types.isFixedEntry(a.at)) {
        visit.analysis.followReferences();
        if (isReference(b)) return { kind: 'entry', id: ids.next() };
      }
      if (isReference(a) && isReference(b)) {
        return { ...ids.number(mask), isReference: true };
      }
      if (a.kind !== 'number' || b.kind !== 'number') return ids.number(mask);
      const either = ids.number(Math.max(a.most, b.most), Math.min(a.least, b.least));
      return { ...either, isReference: a.isReference && b.isReference };
    }
    case 'setcc':
      return atMost(1);
    case 'popcnt':
    case 'lzcnt':
    case 'tzcnt':
    case 'bsf':
    case 'bsr':
      number(second);
      // bsf and bsr leave what was there if there is no bit; tzcnt and lzcnt are they on older CPUs.
      return name === 'popcnt' ? atMost(width) : atMost(Math.max(width, number(first).most));
    case 'andn':
      number(second);
      return atMost(number(third).most);
    default:
      for (const operand of operands) {
        if (operand.kind === 'register' && operand.file === 'gpr') number(operand, operand.width);
        else if (operand.kind === 'memory')
          operandValue(visit, state, instruction, operand, Math.min(8 * operand.size, 64));
      }
      return ids.number(mask);
  }
}

/** A value that is chosen if what was compared last was not equal, or for some other reason. */
function chosen(
  { comparison, registers }: State,
  operand: Instruction['operands'][number] | undefined,
  value: Value,
  isOfUnequal: boolean,
): Value {
  const known = comparison?.ifNotEqual;
  if (!known || !isOfUnequal) return value;
  // A register may hold more than the bits that are chosen, had it not been so.
  const isRegister = operand?.kind === 'register' && operand.file === 'gpr';
  const all = isRegister ? registers[operand.number] : value;
  return all?.kind === 'number' && all.id === known.id ? known : value;
}

/** Whether the instruction loads the address of the record from an entry, as 64 bits. */
function isRecordOfEntry(visit: Visit, state: State, instruction: Instruction): boolean {
  const [, from] = instruction.operands;
  if (from?.kind !== 'memory' || instruction.row.effect.width !== 64) return false;
  const place = placeOf(visit, state, instruction, from);
  return place?.kind === 'table' && place.field === ENTRY.record;
}

function isSameRegister(a: Instruction['operands'][number] | undefined, b: typeof a): boolean {
  return a?.kind === 'register' && b?.kind === 'register' && a.number === b.number;
}

function sourceWidth(operand: Instruction['operands'][number] | undefined): number {
  if (operand?.kind === 'register') return operand.width;
  return operand?.kind === 'memory' ? 8 * operand.size : 64;
}

function extend(
  { analysis }: Visit,
  value: Numeric,
  name: string,
  from: number,
  mask: number,
): Value {
  const isPositive = value.most < 2 ** (from - 1);
  return name === 'movzx' || isPositive ? value : analysis.ids.number(mask);
}

/** The least number of ones that is not below `most`. */
function allOnes(most: number): number {
  return most <= U32 ? 2 ** (32 - Math.clz32(most)) - 1 : Infinity;
}

/** A bound that the width may wrap. */
function product(a: number, b: number, mask: number): number {
  const most = a * b;
  return most <= mask && most <= Number.MAX_SAFE_INTEGER ? most : mask;
}

function shiftLeft({ analysis }: Visit, value: Numeric, count: Numeric, mask: number): Value {
  const { ids } = analysis;
  const by = constantOf(count);
  if (by === undefined || by > 31) return ids.number(mask);
  const most = value.most * 2 ** by;
  if (most > mask || most > Number.MAX_SAFE_INTEGER) return ids.number(mask);
  return ids.number(most, value.least * 2 ** by, { op: 'shl', of: value, by });
}

function shiftRight(
  { analysis }: Visit,
  value: Numeric,
  count: Numeric,
  width: number,
  mask: number,
): Value {
  const { ids } = analysis;
  const by = constantOf(count);
  if (by === undefined) return ids.number(Math.min(value.most, mask));
  const shift = by % Math.max(width, 32);
  const term = { op: 'shr', of: value, by: shift } as const;
  const rest = shift > 11 ? 2 ** (64 - shift) - 1 : Infinity;
  const most = Number.isFinite(value.most) ? Math.floor(value.most / 2 ** shift) : rest;
  return ids.number(most, 0, term);
}

function add(
  visit: Visit,
  _state: State,
  a: Value,
  b: Value,
  instruction: Instruction,
  mask: number,
): Value {
  const [_first, second] = instruction.operands;
  if (a.kind === 'stack' && second?.kind === 'immediate') {
    return { kind: 'stack', offset: a.offset + Number(second.value) };
  }
  return sum(visit, a, b, mask);
}

function subtract(
  visit: Visit,
  _state: State,
  a: Value,
  b: Value,
  instruction: Instruction,
  mask: number,
): Value {
  const [_first, second] = instruction.operands;
  if (a.kind === 'stack' && second?.kind === 'immediate') {
    return { kind: 'stack', offset: a.offset - Number(second.value) };
  }
  const { ids } = visit.analysis;
  if (a.kind === 'number' && b.kind === 'number' && a.least >= b.most) {
    return ids.number(a.most - b.least, a.least - b.most);
  }
  return ids.number(mask);
}

/** The sum of two values: exact where it can not wrap. */
export function sum(visit: Visit, a: Value, b: Value, mask: number): Value {
  const { ids } = visit.analysis;
  if (mask === Infinity) {
    if (a.kind !== 'number' && b.kind !== 'number') return ids.number();
    if (a.kind !== 'number') return sum(visit, b, a, mask);
    if (b.kind === 'base') return { kind: 'inside', most: a.most };
    if (b.kind === 'inside') return { kind: 'inside', most: b.most + a.most };
    if (b.kind === 'address' && b.plus === undefined) return { ...b, plus: a, isReference: false };
    if (b.kind !== 'number') return ids.number();
  }
  if (a.kind !== 'number' || b.kind !== 'number') return ids.number(mask);
  const most = a.most + b.most;
  const term = { op: 'sum', a, b } as const;
  // A sum of addresses keeps its term: what it is good for is told by the facts about its parts.
  if (most > Number.MAX_SAFE_INTEGER)
    return ids.number(mask, 0, mask === Infinity ? term : undefined);
  return most > mask ? ids.number(mask) : ids.number(most, a.least + b.least, term);
}

/** What lea computes. */
function address(
  visit: Visit,
  state: State,
  { next }: Instruction,
  { at }: MemoryOperand,
  mask: number,
): Value {
  const { ids } = visit.analysis;
  const limit = at.address32 ? Math.min(mask, U32) : mask;
  if (at.relative) {
    if (at.address32) return ids.number(limit);
    const place = next + at.displacement;
    const isReference = visit.analysis.types.isRecord(place);
    return { kind: 'address', at: place, plus: undefined, isReference };
  }
  const base = at.base < 0 ? undefined : readRegister(state, at.base);
  const index = at.index < 0 ? undefined : readRegister(state, at.index);
  if (base?.kind === 'stack' && !index && limit === Infinity) {
    return { kind: 'stack', offset: base.offset + at.displacement };
  }
  if (at.displacement < 0) return ids.number(limit);
  const parts: Value[] = [];
  if (base) parts.push(base);
  if (index) {
    const scaledMost = mostOf(index) * at.scale;
    parts.push(at.scale === 1 ? index : ids.number(scaledMost));
  }
  if (at.displacement > 0 || parts.length === 0) parts.push(ids.constant(at.displacement));
  return parts.reduce((a, b) => sum(visit, a, b, limit));
}
