import type { Instruction, Operand } from '../../../../spec/x86/instruction.ts';

/**
 * An operation of the interpreter: a case of its switch. The key says which rows of the instruction table it
 * carries out: effect (with the condition's code), width, operands, as {@link keyOf} makes it.
 *
 * The body is AssemblyScript. It ends with `continue` when the instruction is done, having moved
 * `p` to the next record, and with `break` when something is pending. It may use `p`, the flags `result`,
 * `first`, `second`, `kind` and `bits` (as/flags.ts), and `fuel`.
 */
export interface Operation {
  readonly key: string;
  readonly body: string;
  /** Holds in 64-bit mode alone: it uses the stack, 64 bits at a time. */
  readonly longMode?: true;
}

/** Key of the operation for a row, with its r/m operand in memory or in a register. */
export function keyOf(row: Instruction, memory: boolean): string {
  const { name, width, condition } = row.effect;
  const letters = row.operands.map((operand) => letter(operand, memory, width)).join('');
  return `${name}${condition < 0 ? '' : condition}.${width}.${letters}`;
}

/** r, x, s: a register; m: memory; i: immediate; j: displacement; f: far pointer. With its width if another. */
function letter(operand: Operand, memory: boolean, width: number): string {
  const inMemory = operand.kind === 'memory' || operand.kind === 'offset';
  if (inMemory || (operand.kind === 'rm' && memory)) {
    return operand.memory === width ? 'm' : `m${operand.memory}`;
  }
  switch (operand.kind) {
    case 'immediate':
    case 'one':
      return 'i';
    case 'relative':
      return 'j';
    case 'far':
      return 'f';
  }
  if (operand.file === 'xmm') return 'x';
  if (operand.file !== 'gpr') return 's';
  return operand.width === width ? 'r' : `r${operand.width}`;
}
