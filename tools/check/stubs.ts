import type { Analysis, FunctionState } from './analysis.ts';
import { FunctionCode } from './function-code.ts';
import { type Instruction, textOf } from './instruction.ts';
import type { Violation } from './program.ts';

/** Privileged instructions and those that leave the usual flow, by the stub that is there for them. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'boot!trap': ['iret'],
  'boot!trapLeave': ['iret'],
  'boot!waitOpen': ['hlt'],
  'linux.syscall': ['syscall'],
  'linux.signalReturn': ['syscall'],
};

/** Stubs that call what they are given. */
const CALLERS = new Set(['boot!enter', 'linux.call']);

/** Arguments of which nothing is known. */
const ANYTHING = { registers: 0b11_1111, stack: [] };

/**
 * The hand-written code that enters and leaves compartments. It is known by name and looked at
 * instruction by instruction: what it is made of, and where it jumps; its registers are not followed.
 */
export function checkStubs(analysis: Analysis): Violation[] {
  const violations: Violation[] = [];
  for (const fn of analysis.functions.values()) {
    if (fn.code.compartment.kind !== 'stubs') continue;
    const complain = (rule: string, at: number, text?: string) =>
      violations.push({ rule, address: at, name: fn.code.name, ...(text ? { text } : {}) });
    const allowed = ALLOWED[fn.code.name] ?? [];
    const found = instructionsOf(analysis, fn, complain);
    const starts = new Set(found.map(({ address }) => address));
    for (const instruction of found) {
      const rule = judge(analysis, fn, instruction, allowed, starts);
      if (rule) complain(rule, instruction.address, textOf(instruction));
    }
  }
  return violations;
}

/** From the start to the end, one after the other; padding is among them. */
function instructionsOf(
  { program }: Analysis,
  fn: FunctionState,
  complain: (rule: string, at: number) => void,
): Instruction[] {
  const code = new FunctionCode(fn.code, program.memory);
  for (let at = code.start; at < code.end; ) {
    const instruction = code.at(at);
    if (typeof instruction === 'string') {
      complain(instruction, at);
      break;
    }
    at = instruction.next;
  }
  const found = code.found();
  fn.instructions = found.length;
  return found;
}

function judge(
  analysis: Analysis,
  fn: FunctionState,
  instruction: Instruction,
  allowed: readonly string[],
  starts: ReadonlySet<number>,
): string | undefined {
  const { row, operands, address } = instruction;
  const { name } = row.effect;
  const [operand] = operands;
  if (name === 'ret') fn.popped = operand?.kind === 'immediate' ? Number(operand.value) : 0;
  const isUnusual = row.cpl0 || row.intercept !== undefined || name === 'syscall';
  if (isUnusual && !allowed.includes(name)) return 'a privileged instruction in hand-written code';
  if (isUnusual) fn.listed.set(address, { address, text: textOf(instruction), name: fn.code.name });
  if (name !== 'call' && name !== 'jmp' && name !== 'jcc') return undefined;
  if (operand?.kind !== 'target') {
    return CALLERS.has(fn.code.name) ? undefined : 'an indirect jump in hand-written code';
  }
  const target = analysis.functions.get(operand.address);
  if (target) {
    analysis.pass(target, ANYTHING, ANYTHING);
    analysis.provide(target, 0);
    return undefined;
  }
  return starts.has(operand.address) ? undefined : 'a jump to what is not a function';
}
