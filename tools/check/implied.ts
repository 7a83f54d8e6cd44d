import { access } from './access.ts';
import type { Instruction } from './instruction.ts';
import { operandValue, setRegister } from './operands.ts';
import type { State } from './state.ts';
import { constantOf, U32 } from './value.ts';
import { asNumber, RAX, RCX, RDX, readRegister, type Visit } from './visit.ts';

/** Registers that instructions of the kernel write beside their operands. */
const WRITTEN: Readonly<Record<string, readonly number[]>> = {
  rdtsc: [RAX, RDX],
  rdtscp: [RAX, RCX, RDX],
  cpuid: [RAX, 3, RCX, RDX],
  rdmsr: [RAX, RDX],
  xgetbv: [RAX, RDX],
  vmgexit: [],
  vmmcall: [RAX],
  pvalidate: [RAX],
  rmpadjust: [RAX],
  in: [RAX],
};

/** Instructions with operands that the opcode implies, and those with two results. */
export function implied(visit: Visit, state: State, instruction: Instruction): void {
  const { row, operands } = instruction;
  const { name, width } = row.effect;
  const { ids } = visit.analysis;
  const mask = width >= 64 ? Infinity : 2 ** width - 1;
  for (const operand of operands) {
    if (operand.kind === 'memory' && operand.size > 0) access(visit, state, instruction, operand);
  }
  const set = (register: number, most: number, bits = width) =>
    setRegister(visit, state, register, bits, ids.number(most));
  switch (name) {
    case 'xchg':
      exchange(visit, state, instruction);
      break;
    case 'xadd':
    case 'mulx':
      for (const operand of operands.slice(0, 2)) {
        if (operand.kind === 'register') set(operand.number, mask, operand.width);
      }
      break;
    case 'mul':
    case 'imul1':
      setRegister(visit, state, RAX, Math.max(width, 16), ids.number(width < 16 ? 0xffff : mask));
      if (width > 8) set(RDX, mask);
      break;
    case 'div':
    case 'idiv':
      divide(visit, state, instruction);
      break;
    case 'cwde':
    case 'cdqe':
    case 'cbw':
      set(RAX, mask);
      break;
    case 'cwd':
    case 'cdq':
    case 'cqo':
      set(RDX, mask);
      break;
    case 'cmpxchg': {
      // RAX keeps what it has if that was what memory held.
      const old = asNumber(visit, readRegister(state, RAX));
      if (width < 32) set(RAX, mask);
      else state.registers[RAX] = ids.number(Math.max(old.most, mask));
      const [first] = operands;
      if (first?.kind === 'register') state.registers[first.number] = ids.number();
      break;
    }
    case 'cmpxchg8b':
    case 'cmpxchg16b':
      state.registers[RAX] = ids.number();
      state.registers[RDX] = ids.number();
      break;
    case 'ins':
    case 'outs':
      stringOfPort(visit, state, instruction);
      break;
    default:
      for (const register of WRITTEN[name] ?? []) state.registers[register] = ids.number();
      if (name === 'cpuid') for (const register of [RAX, 3, RCX, RDX]) set(register, U32, 32);
      for (const operand of operands.slice(0, 1)) {
        if (operand.kind === 'register' && operand.file === 'gpr' && name !== 'out') {
          set(
            operand.number,
            operand.width >= 64 ? Infinity : 2 ** operand.width - 1,
            operand.width,
          );
        }
      }
  }
}

function exchange(visit: Visit, state: State, instruction: Instruction): void {
  const [first, second] = instruction.operands;
  const { width } = instruction.row.effect;
  const [a, b] = [first, second].map((each) =>
    operandValue(visit, state, instruction, each, width),
  );
  if (second?.kind === 'register' && a) setRegister(visit, state, second.number, width, a);
  if (first?.kind === 'register' && b) setRegister(visit, state, first.number, width, b);
}

/** Quotient to RAX, remainder to RDX; of a dividend with zeros above they are as small as they look. */
function divide(visit: Visit, state: State, instruction: Instruction): void {
  const { name, width } = instruction.row.effect;
  const { ids } = visit.analysis;
  const mask = width >= 64 ? Infinity : 2 ** width - 1;
  const dividend = asNumber(visit, readRegister(state, RAX));
  const divisor = asNumber(
    visit,
    operandValue(visit, state, instruction, instruction.operands[0], width),
  );
  const high = constantOf(readRegister(state, RDX));
  if (width < 32) {
    state.registers[RAX] = ids.number();
    state.registers[RDX] = ids.number();
    return;
  }
  const isSmall = name === 'div' && high === 0 && dividend.most <= mask;
  const quotient = isSmall ? dividend.most : mask;
  const remainder = isSmall ? Math.min(dividend.most, Math.max(divisor.most - 1, 0)) : mask;
  state.registers[RAX] = ids.number(quotient);
  state.registers[RDX] = ids.number(remainder);
}

/** `rep outs`, `rep ins`: at a virtual address, which the report lists. */
function stringOfPort(visit: Visit, state: State, instruction: Instruction): void {
  visit.list(instruction);
  const { ids } = visit.analysis;
  for (const register of [RCX, 6, 7]) state.registers[register] = ids.number();
}
