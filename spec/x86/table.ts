import { alu } from './alu.ts';
import { avx } from './avx.ts';
import { bit, bmi } from './bit.ts';
import { branch } from './branch.ts';
import type { Instruction } from './instruction.ts';
import { mov } from './mov.ts';
import { sev } from './sev.ts';
import { shift } from './shift.ts';
import { sse } from './sse.ts';
import { stack } from './stack.ts';
import { string } from './string.ts';
import { system, x87 } from './system.ts';

/**
 * Every instruction of the table. Where one encoding fits several rows, the most particular of them
 * holds: a fixed ModRM byte before a digit, a mandatory prefix before none, one opcode before `+r`,
 * and what is not an alias before what is. The opcode maps are in APM3 appendix A.
 */
export const INSTRUCTIONS: readonly Instruction[] = [
  alu,
  mov,
  stack,
  shift,
  bit,
  bmi,
  branch,
  string,
  system,
  x87,
  sev,
  sse,
  avx,
].flat();
