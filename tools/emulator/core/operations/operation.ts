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
  /** What it has to do with the flags, where it touches registers only and so cannot fault. */
  readonly flags?: FlagUse;
}

/**
 * - sets: gives all six flags a value, and may be put in place by its form without (`KEY.quiet`)
 * - replaces: gives all six flags a value
 * - changes: gives some of them a value, and may be put in place by its form without
 * - ignores: neither reads nor writes them
 */
export type FlagUse = 'sets' | 'replaces' | 'changes' | 'ignores';

/** Number of the operation that carries out a row, in its register and its memory form. */
export interface Operations {
  readonly register: number;
  readonly memory: number;
  /** The operation holds in 64-bit mode alone. */
  readonly longModeOnly: boolean;
}

/**
 * What the decoder needs to know to put one operation in the place of another: for each operation its
 * {@link Traits}.
 */
export interface Traits {
  /** 0, or 1 + the index of a {@link FlagUse}. */
  readonly flags: number;
  /** Number of the operation that does the same without setting flags; 0 for none. */
  readonly quiet: number;
  /** Condition code + 1 of a conditional branch; 0 for other operations. */
  readonly condition: number;
  /** By condition code: number of the operation that is this one and the branch; 0 for none. */
  readonly fused: readonly number[];
}

/** Key of the operation for a row, with its r/m operand in memory or in a register. */
export function keyOf(row: Instruction, memory: boolean): string {
  const { name, width, condition } = row.effect;
  const letters = row.operands.map((operand) => letter(operand, memory, width)).join('');
  return `${isAvx(row) ? 'v' : ''}${name}${condition < 0 ? '' : condition}.${width}.${letters}`;
}

/** Whether it is one of AVX's: on XMM registers, and encoded with VEX. */
export function isAvx({ encoding, operands }: Instruction): boolean {
  return encoding.vex !== undefined && operands.some(({ file }) => file === 'xmm');
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
