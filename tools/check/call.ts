import { guardOf, isEntry } from './access.ts';
import { addAll, type FunctionState, type Passed } from './analysis.ts';
import { type Instruction, instructionAt } from './instruction.ts';
import { setRegister } from './operands.ts';
import { noteDescriptor, placeOf } from './place.ts';
import { contractOf, GROW_STUB } from './routines.ts';
import { fits, type State, typed } from './state.ts';
import { entryOf, staysInside } from './strings.ts';
import { DESCRIPTOR } from './types.ts';
import { constantOf, isReference, mostOf, RETURN_ADDRESS, U32, type Value } from './value.ts';
import {
  ARGUMENTS,
  asNumber,
  R14,
  RCX,
  RDI,
  RDX,
  RESULTS,
  RSI,
  RSP,
  readRegister,
  SAVED,
  stackOffset,
  type Visit,
} from './visit.ts';

/** The part of a compartment that asks the kernel for more memory, and what it calls there. */
const GROW = 'memory_grow';

/** Bytes of `sub rsp, imm32`. */
const SUB_RSP = 7;

/** A call: everything that must hold at it, and what is left afterwards. */
export function call(visit: Visit, state: State, instruction: Instruction): void {
  const rsp = stackOffset(state);
  if (rsp === undefined) return;
  const { compartment } = visit.fn.code;
  if (rsp - 8 < state.touched - guardOf(compartment)) {
    visit.violate(instruction, 'a call whose return address may lie beyond the guard page');
  }
  const lacks = rsp - state.touched < (compartment.stackInHand ?? Number.NEGATIVE_INFINITY);
  state.touched = Math.min(state.touched, rsp - 8);
  const targets = targetsOf(visit, state, instruction);
  for (const target of targets ?? []) {
    const { name } = target.code;
    // The one that answers at once, and needs no more than a return address.
    const isStub = name === `${compartment.name}!${GROW_STUB}`;
    if (lacks && !isStub) {
      visit.violate(instruction, 'a call without enough of the stack in hand');
    }
    enter(visit, state, instruction, target, rsp - 8);
    if (rsp + target.stackExtent > 0) {
      visit.violate(instruction, 'a call whose stack arguments do not lie in the frame');
    }
  }
  leave(visit, state, targets, rsp);
  popArguments(visit, state, instruction, targets ?? [], rsp);
}

/** The callee has popped its stack arguments: all that may be called must agree how many. */
function popArguments(
  visit: Visit,
  state: State,
  instruction: Instruction,
  targets: readonly FunctionState[],
  rsp: number,
): void {
  const sizes = new Set(targets.flatMap(({ popped }) => popped ?? []));
  if (sizes.size > 1) visit.violate(instruction, 'a call of functions that pop different sizes');
  const returns = targets.some(({ popped }) => popped !== undefined);
  const [size] = returns ? sizes : [putBack(visit, instruction)];
  if (size) setRegister(visit, state, RSP, 64, { kind: 'stack', offset: rsp + size });
}

/**
 * Bytes that RSP is moved down by behind a call. Behind one that does not return, as far as is known, nothing is
 * ever run; it is judged nevertheless, as if those had been popped.
 */
function putBack({ analysis }: Visit, { next }: Instruction): number {
  const bytes = analysis.program.memory.read(next, SUB_RSP);
  const following = bytes && instructionAt(bytes, next, 0);
  if (!following || typeof following === 'string') return 0;
  const [first, second] = following.operands;
  const isIt = following.row.effect.name === 'sub' && first?.kind === 'register';
  return isIt && first.number === RSP && second?.kind === 'immediate' ? Number(second.value) : 0;
}

/** A jump to another function, which returns in this one's stead. */
export function tailCall(visit: Visit, state: State, instruction: Instruction): void {
  const { fn, analysis } = visit;
  const rsp = stackOffset(state);
  if (rsp === undefined) return;
  checkReturnAddress(visit, state, instruction, rsp);
  const targets = targetsOf(visit, state, instruction) ?? [];
  checkSaved(visit, state, instruction);
  for (const target of targets) {
    enter(visit, state, instruction, target, rsp);
    fn.stackExtent = Math.max(fn.stackExtent, rsp + target.stackExtent);
    if (target.popped !== undefined) pop(visit, instruction, rsp + target.popped);
    if (target.leavesForeign && fn.code.compartment.kind === 'sandbox') analysis.leaveForeign(fn);
    takeResults(
      visit,
      { registers: target.wideResults, stack: [...target.wideStackResults] },
      { registers: target.plainResults, stack: [...target.plainStackResults] },
    );
  }
}

/** A return: the stack as it was, and all that the caller relies on. */
export function returnFrom(visit: Visit, state: State, instruction: Instruction): void {
  const { fn } = visit;
  const [size] = instruction.operands;
  if (stackOffset(state) !== 0) {
    visit.violate(instruction, 'a return with the stack pointer not where it was at entry');
  }
  checkReturnAddress(visit, state, instruction, 0);
  pop(visit, instruction, size?.kind === 'immediate' ? Number(size.value) : 0);
  const isSandbox = fn.code.compartment.kind === 'sandbox';
  checkSaved(visit, state, instruction);
  if (isSandbox && fn.code.compartment.record !== undefined && !fn.leavesForeign) {
    if (state.registers[R14]?.kind !== 'base') {
      visit.violate(instruction, 'a return with another base in r14');
    }
  }
  const wide = RESULTS.reduce(
    (mask, register, i) => (isNarrow(state.registers[register]) ? mask : mask | (1 << i)),
    0,
  );
  const plain = plainOf(visit, state, RESULTS);
  const wideStack: number[] = [];
  const plainStack: number[] = [];
  for (let offset = 8; offset < 8 + fn.stackExtent; offset += 8) {
    const value = state.slots.get(offset);
    if (!isNarrow(value)) wideStack.push(offset);
    if (isPlain(visit, value)) plainStack.push(offset);
  }
  takeResults(
    visit,
    { registers: wide, stack: wideStack },
    { registers: plain, stack: plainStack },
  );
}

/** At `at` lies the address to which the caller wants control back. */
function checkReturnAddress(
  visit: Visit,
  state: State,
  instruction: Instruction,
  at: number,
): void {
  const value = state.slots.get(at);
  if (value?.kind === 'saved' && value.register === RETURN_ADDRESS) return;
  visit.violate(instruction, 'a return to what is not the return address');
}

/** Every return of a function pops the same. */
function pop(visit: Visit, instruction: Instruction, size: number): void {
  const { fn } = visit;
  fn.popped ??= size;
  if (fn.popped !== size) {
    visit.violate(instruction, 'a return that pops another size than the others do');
  }
  fn.stackExtent = Math.max(fn.stackExtent, size);
}

/** Of some registers, by position, those that hold no reference, if that matters. */
function plainOf(visit: Visit, state: State, registers: readonly number[]): number {
  if (!visit.analysis.followsReferences) return 0;
  return registers.reduce(
    (mask, register, i) => (isReference(state.registers[register]) ? mask : mask | (1 << i)),
    0,
  );
}

/** Whether a value is followed, and known to be no reference. */
function isPlain(visit: Visit, value: Value | undefined): boolean {
  return visit.analysis.followsReferences && !isReference(value);
}

function isNarrow(value: Value | undefined): boolean {
  return value !== undefined && mostOf(value) <= U32;
}

function takeResults({ fn, analysis }: Visit, wide: Passed, plain: Passed): void {
  const newlyWide = wide.registers & ~fn.wideResults;
  const newlyPlain = plain.registers & ~fn.plainResults;
  fn.wideResults |= wide.registers;
  fn.plainResults |= plain.registers;
  const isMoreWide = addAll(fn.wideStackResults, wide.stack) || newlyWide !== 0;
  const isMorePlain = addAll(fn.plainStackResults, plain.stack) || newlyPlain !== 0;
  if (isMoreWide || (isMorePlain && analysis.followsReferences))
    for (const caller of fn.callers) analysis.request(caller);
}

/** The registers that a function keeps for its caller. */
function checkSaved(visit: Visit, state: State, instruction: Instruction): void {
  const { kind } = visit.fn.code.compartment;
  for (const register of SAVED) {
    const value = state.registers[register];
    if (register === R14 && kind === 'sandbox') continue;
    if (value?.kind === 'saved' && value.register === register) continue;
    visit.violate(instruction, 'a register that the caller relies on is not restored');
    return;
  }
}

/** The functions that a call or jump may lead to; undefined if that can not be told. */
function targetsOf(
  visit: Visit,
  state: State,
  instruction: Instruction,
): readonly FunctionState[] | undefined {
  const { analysis } = visit;
  const [operand] = instruction.operands;
  const { compartment } = visit.fn.code;
  if (operand?.kind === 'target') {
    const target = analysis.functions.get(operand.address);
    if (target) return [target];
    visit.violate(instruction, 'a call or jump to what is not the start of a function');
    return undefined;
  }
  if (operand?.kind === 'register') {
    const code = readRegister(state, operand.number);
    if (code.kind === 'code') {
      const { type, entries } = code;
      if (entries) analysis.useTable(visit.fn, instruction, 'entries', entries.start, entries.end);
      return analysis.types.targets(type, compartment);
    }
  }
  if (operand?.kind !== 'memory') {
    visit.violate(instruction, 'an indirect call through a register');
    return undefined;
  }
  const place = placeOf(visit, state, instruction, operand);
  if (!place) return undefined;
  if (place.kind !== 'table' || place.field !== 0) {
    visit.violate(instruction, 'an indirect call that does not go through a checked table');
    return undefined;
  }
  const type = state.facts.get(typed(place.index.id, place.table));
  if (type === undefined) {
    visit.violate(instruction, 'an indirect call without a check of the type');
    return undefined;
  }
  return analysis.types.targets(type, compartment);
}

/** Judges one target of a call; `entry` is its RSP at entry. */
function enter(
  visit: Visit,
  state: State,
  instruction: Instruction,
  target: FunctionState,
  entry: number,
): void {
  const { fn, analysis } = visit;
  target.callers.add(fn);
  analysis.reach(target);
  checkBorder(visit, state, instruction, target);
  const wide = ARGUMENTS.reduce(
    (mask, register, i) => (isNarrow(state.registers[register]) ? mask : mask | (1 << i)),
    0,
  );
  const plain = plainOf(visit, state, ARGUMENTS);
  const onStack = target.stackArguments.size === 0 ? [] : [...target.stackArguments];
  const slot = (offset: number) => state.slots.get(entry + offset);
  analysis.pass(
    target,
    { registers: wide, stack: onStack.filter((offset) => !isNarrow(slot(offset))) },
    { registers: plain, stack: onStack.filter((offset) => isPlain(visit, slot(offset))) },
  );
  const { kind, record } = target.code.compartment;
  const isOwnBase = state.registers[R14]?.kind === 'base';
  if (kind === 'sandbox' && record !== undefined && !isOwnBase) analysis.makeForeign(target);
  const contract = contractOf(analysis, target);
  if (contract === 'copy') checkCopy(visit, state, instruction);
  else if (contract === 'set') checkSet(visit, state, instruction);
  else if (contract) checkTableRoutine(visit, state, instruction, contract);
}

/** Who may call whom. */
function checkBorder(visit: Visit, state: State, instruction: Instruction, target: FunctionState) {
  const { fn, analysis } = visit;
  const [from, to] = [fn.code.compartment, target.code.compartment];
  if (from === to && target.code.name === `${to.name}!${GROW_STUB}`) {
    visit.violate(instruction, 'a call to what only the routine for growing tables calls');
  }
  if (from === to || from.kind === 'stubs') return;
  if (from.kind === 'kernel') {
    if (to.kind !== 'stubs')
      visit.violate(instruction, 'a call from the kernel into a compartment');
    return;
  }
  if (to.kind === 'sandbox') {
    analysis.makeForeign(target);
    const isExport = analysis.program.roots.some(({ address }) => address === target.code.start);
    const isDirect = instruction.operands[0]?.kind === 'target';
    if (isDirect && !isExport)
      visit.violate(instruction, 'a call to what another compartment does not export');
    return;
  }
  const number = constantOf(state.registers[RDI] as Value);
  // The one that hands on what the routine for growing tables gives it: see routines.ts. In an image it fails.
  if (fn.code.name === `${from.name}!${GROW_STUB}` && from.grants === undefined) return;
  const isOwn = number === from.number || (from.record !== undefined && number === from.record);
  if (!isOwn) visit.violate(instruction, 'a call to the kernel under another number than its own');
  if (to.kind === 'stubs') visit.violate(instruction, 'a call to hand-written code');
  const grows = fn.code.name === `${from.name}!${GROW}` && target.code.name.endsWith(`/${GROW}`);
  if (from.grants && !grows && !from.grants.has(target.code.start)) {
    visit.violate(instruction, 'a call of the kernel that the manifest does not grant');
  }
  const names = analysis.capabilities.get(from.name) ?? new Set();
  analysis.capabilities.set(from.name, names.add(target.code.name));
}

/** The copy routine's arguments: two ranges that may be accessed. */
function checkCopy(visit: Visit, state: State, instruction: Instruction): void {
  if (visit.fn.code.compartment.kind === 'kernel') return;
  const [to, from, size] = [RDI, RSI, RDX].map((register) => readRegister(state, register));
  if (!to || !from || !size) return;
  if (staysInside(to, size, 1) && staysInside(from, size, 1)) return;
  const count = size.kind === 'number' && size.term?.op === 'shl' ? size.term : undefined;
  const ends = [to, from].map((value) => entryOf(visit, instruction, value));
  const isTable = ends.every(
    (end) =>
      end &&
      count &&
      state.facts.has(fits(end.index.id, count.of.id, end.table + DESCRIPTOR.count)),
  );
  if (isTable && count?.by === 4) return;
  visit.violate(instruction, 'a copy that is not shown to stay within the sandbox or a table');
}

/** The filling routine's arguments: a range that may be written. */
function checkSet(visit: Visit, state: State, instruction: Instruction): void {
  if (visit.fn.code.compartment.kind === 'kernel') return;
  const [to, size] = [RDI, RDX].map((register) => readRegister(state, register));
  if (to && size && staysInside(to, size, 1)) return;
  visit.violate(instruction, 'bytes are set that are not shown to lie within the sandbox');
}

/** The arguments of the routines that put one entry into many places. */
function checkTableRoutine(
  visit: Visit,
  state: State,
  instruction: Instruction,
  contract: 'grow' | 'fill',
): void {
  if (visit.fn.code.compartment.kind === 'kernel') return;
  const value = (register: number) => readRegister(state, register);
  const to = value(RDI);
  if (contract === 'grow') {
    if (to.kind === 'address' && !to.plus) noteDescriptor(visit, instruction, to.at);
    else visit.violate(instruction, 'a table that is not known grows');
    if (isEntry(value(RDX), value(RCX))) return;
  } else {
    const end = entryOf(visit, instruction, to);
    const count = asNumber(visit, value(RDX));
    const isWithin =
      end && state.facts.has(fits(end.index.id, count.id, end.table + DESCRIPTOR.count));
    if (!isWithin) visit.violate(instruction, 'a range of a table that is not checked');
    if (isEntry(value(8), value(9))) return;
  }
  visit.violate(instruction, 'a table is given what is no entry');
}

/** What is known after a call. */
function leave(
  visit: Visit,
  state: State,
  targets: readonly FunctionState[] | undefined,
  rsp: number,
): void {
  const { analysis, fn } = visit;
  const { ids } = analysis;
  const all = targets ?? [];
  for (let register = 0; register < 16; register++) {
    if (register === RSP || SAVED.includes(register)) continue;
    state.registers[register] = ids.number();
  }
  const known = targets !== undefined && all.every(({ code }) => code.compartment.kind !== 'stubs');
  RESULTS.forEach((register, i) => {
    const isWide = !known || all.some(({ wideResults }) => wideResults & (1 << i));
    const isUnknown = !known || all.some(({ plainResults }) => plainResults & (1 << i));
    const result = ids.number(isWide ? Infinity : U32);
    state.registers[register] = {
      ...result,
      isReference: analysis.followsReferences && !isUnknown,
    };
  });
  if (fn.code.compartment.kind === 'sandbox' && all.some((target) => target.leavesForeign)) {
    state.registers[R14] = asNumber(visit, { kind: 'saved', register: R14 });
  }
  const extent = Math.max(0, ...all.map(({ stackExtent }) => stackExtent));
  state.slots.forget(rsp, rsp + extent);
  for (let offset = 8; known && offset < 8 + extent; offset += 8) {
    const isNarrowInAll = all.every(
      (each) => offset < 8 + each.stackExtent && !each.wideStackResults.has(offset),
    );
    const isReferenceInAll =
      analysis.followsReferences &&
      all.every((each) => offset < 8 + each.stackExtent && !each.plainStackResults.has(offset));
    const result = ids.number(isNarrowInAll ? U32 : Infinity);
    state.slots.set(rsp - 8 + offset, { ...result, isReference: isReferenceInAll });
  }
  state.forgetFacts();
  state.comparison = undefined;
}
