import type { Instruction } from './instruction.ts';

/** Every instruction of the table, in the order in which decoders try rows of the same opcode. */
export const INSTRUCTIONS: readonly Instruction[] = [];
