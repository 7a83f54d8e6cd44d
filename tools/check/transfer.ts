import { access, guardOf, store, touchStack } from './access.ts';
import { arithmetic } from './arithmetic.ts';
import { behaviourOf } from './behaviour.ts';
import { implied } from './implied.ts';
import type { Instruction } from './instruction.ts';
import { moveStack, operandValue, setRegister } from './operands.ts';
import { placeOf } from './place.ts';
import { type Comparison, type State, typed } from './state.ts';
import { stringInstruction } from './strings.ts';
import { ENTRY } from './types.ts';
import { mostOf, U32, type Value } from './value.ts';
import { R14, RSP, readRegister, stackOffset, type Visit } from './visit.ts';

/** Conditional moves and arithmetic alone decide these flags; what else writes them ends a comparison. */
const CARRY_OR_ZERO = 0x41;

/** Tzcnt and lzcnt are bsf and bsr on older CPUs. */
const SCANS: ReadonlySet<string> = new Set(['bsf', 'bsr', 'tzcnt', 'lzcnt']);

const BITS: ReadonlySet<string> = new Set(['bt', 'bts', 'btr', 'btc']);

/** What an instruction that is no jump, call or return does to what is known. */
export function step(visit: Visit, state: State, instruction: Instruction): void {
  const { compartment } = visit.fn.code;
  const behaviour = behaviourOf(instruction);
  const { flags } = instruction.row;
  const before = state.registers[R14];
  if (behaviour === undefined) visit.violate(instruction, 'an instruction that is not allowed');
  else if (behaviour === 'kernel') kernelInstruction(visit, instruction);
  const [first, second] = instruction.operands;
  if (first?.kind === 'memory' && BITS.has(instruction.row.effect.name)) {
    // A bit's number in a register reaches any distance beyond the operand.
    if (second?.kind === 'register') visit.violate(instruction, 'a bit of memory by its number');
  }
  if (instruction.row.effect.name === 'cmp') {
    compare(visit, state, instruction);
    return;
  }
  switch (behaviour) {
    case 'reads':
      // Its operand is no access: it only makes the instruction longer.
      if (instruction.row.effect.name === 'nop') break;
      for (const operand of instruction.operands) {
        if (operand.kind === 'memory' && operand.size > 0) {
          access(visit, state, instruction, operand);
        }
      }
      break;
    case 'writes':
      writeFirst(visit, state, instruction);
      break;
    case 'stack':
      pushOrPop(visit, state, instruction);
      break;
    case 'string':
      stringInstruction(visit, state, instruction);
      break;
    case 'writes both':
    case 'implied':
    case 'kernel':
      implied(visit, state, instruction);
      break;
    default:
  }
  if (((flags.written | flags.undefined) & CARRY_OR_ZERO) !== 0) {
    state.comparison = comparisonWithZero(visit, state, instruction);
  }
  const after = state.registers[R14];
  if (compartment.kind === 'sandbox' && after !== before && after?.kind !== 'base') {
    visit.violate(instruction, 'r14 is written');
  }
  const rsp = state.registers[RSP];
  if (rsp?.kind === 'stack' && rsp.offset < state.touched - guardOf(compartment)) {
    visit.violate(instruction, 'the stack pointer is moved beyond the guard page');
  }
  if (rsp?.kind !== 'stack' || rsp.offset % 8 !== 0 || rsp.offset > visit.fn.stackExtent) {
    visit.violate(
      instruction,
      'the stack pointer is not at a known distance from where it was at entry',
    );
  }
}

function writeFirst(visit: Visit, state: State, instruction: Instruction): void {
  const [first] = instruction.operands;
  if (first?.kind === 'memory') {
    const value = arithmetic(visit, state, instruction);
    store(visit, state, instruction, first, value);
  } else if (first?.kind === 'register' && first.file === 'gpr') {
    const old = readRegister(state, first.number);
    const value = arithmetic(visit, state, instruction);
    setRegister(visit, state, first.number, first.width, value);
    // One that finds nothing leaves all 64 bits as they were.
    if (SCANS.has(instruction.row.effect.name) && mostOf(old) > U32) {
      state.registers[first.number] = visit.analysis.ids.number();
    }
  } else {
    // mov to a segment register and the like: the decoder left out what is no general register.
    visit.violate(instruction, 'an instruction that is not allowed');
  }
}

function compare(visit: Visit, state: State, instruction: Instruction): void {
  const [first, second] = instruction.operands;
  const width = instruction.row.effect.width;
  const right = operandValue(visit, state, instruction, second, width);
  const left = operandValue(visit, state, instruction, first, width);
  let ifEqual: readonly [string, number] | undefined;
  if (first?.kind === 'memory' && second?.kind === 'immediate' && first.size === 4) {
    const place = placeOf(visit, state, instruction, first);
    const type = Number(BigInt.asUintN(32, second.value));
    // An entry of no function has type 0, and no code.
    if (place?.kind === 'table' && place.field === ENTRY.type && type !== 0) {
      ifEqual = [typed(place.index.id, place.table), type];
    }
  }
  state.comparison = { left, right, width, ifEqual };
}

/**
 * Flags that tell whether a number is zero: of `test` with itself, of what a shift leaves, and of what
 * a bit is looked for in.
 */
function comparisonWithZero(
  { analysis }: Visit,
  state: State,
  { row, operands }: Instruction,
): Comparison | undefined {
  const [first, second] = operands;
  const { name, width } = row.effect;
  if (first?.kind !== 'register' || first.file !== 'gpr') return undefined;
  const { ids } = analysis;
  const left = state.registers[first.number] as Value;
  if ((name === 'bsf' || name === 'bsr') && left.kind === 'number') {
    // What was scanned may be gone: only what was found is of interest.
    const ifNotEqual = { ...left, most: Math.min(left.most, width - 1) };
    return { left: ids.number(), right: ids.number(), width, ifNotEqual, isOfEquality: true };
  }
  const isSame = second?.kind === 'register' && second.number === first.number;
  // A count of nothing changes no flags.
  const countMask = width === 64 ? 63n : 31n;
  const isShift =
    name === 'shr' && second?.kind === 'immediate' && (second.value & countMask) !== 0n;
  if (!isShift && !(name === 'test' && isSame)) return undefined;
  return { left, right: ids.constant(0), width, isOfEquality: isShift };
}

function pushOrPop(visit: Visit, state: State, instruction: Instruction): void {
  const [operand] = instruction.operands;
  const rsp = stackOffset(state);
  if (rsp === undefined || instruction.row.effect.width !== 64) {
    visit.violate(instruction, 'a push or pop that is not of 64 bits');
    return;
  }
  if (instruction.row.effect.name === 'push') {
    const value = operandValue(visit, state, instruction, operand, 64);
    touchStack(visit, state, instruction, rsp - 8, 8);
    state.registers[RSP] = { kind: 'stack', offset: rsp - 8 };
    state.slots.set(rsp - 8, value);
    return;
  }
  touchStack(visit, state, instruction, rsp, 8);
  const value = state.slots.get(rsp) ?? visit.analysis.ids.number();
  moveStack(state, rsp + 8);
  if (operand?.kind === 'memory') store(visit, state, instruction, operand, value);
  else if (operand?.kind === 'register') setRegister(visit, state, operand.number, 64, value);
}

function kernelInstruction(visit: Visit, instruction: Instruction): void {
  const { fn, analysis } = visit;
  const { row, address } = instruction;
  if (fn.code.compartment.kind === 'sandbox') {
    visit.violate(instruction, 'a privileged or intercepted instruction in a compartment');
    return;
  }
  checkIntercept(visit, instruction);
  if (row.cpl0 || analysis.program.intercepts.has(address)) visit.list(instruction);
}

/** An instruction whose intercept raises #VC must be in the file's list, with its exit code. */
function checkIntercept(visit: Visit, instruction: Instruction): void {
  const { row, address, decoded } = instruction;
  const { program } = visit.analysis;
  if (row.intercept === undefined || program.kind === 'executable') return;
  const isNumbered = /^mov(To|From)(Control|Debug)$/.test(row.effect.name);
  const register = isNumbered ? row.operands.findIndex((o) => o.file !== 'gpr') : -1;
  const number = register >= 0 ? Number(decoded.values[register]) : 0;
  if (program.intercepts.get(address) !== row.intercept + number) {
    visit.violate(instruction, 'an intercepted instruction that is not in the list of sites');
  }
}
