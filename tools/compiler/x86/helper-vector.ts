import type { Assembler } from './assembler.ts';
import { type Form, form, MOVUPS_LOAD, MOVUPS_STORE } from './forms.ts';
import { writeChoice, writeShortCopy } from './helpers.ts';
import { indexed, mem, R10, RAX, RCX, RDI, RDX, RSI } from './operand.ts';

/** Name of the routine that {@link writeVectorFill} writes. */
export const FILL_HELPER = 'memory.fill';

/** From this length on `rep movsb` and `rep stosb` pay for their start-up. */
const REP_LENGTH = 1024;
/** `rep movsb` goes byte by byte where the source is at most a line after the destination. */
const LINE = 64;
const VECTOR = 16;
const NO_REGISTER = -1;
const MOVQ = form('movq xmm, r/m64');
const PUNPCKLQDQ = form('punpcklqdq xmm, xmm/m128');

/**
 * What writeCopy of helpers.ts does, with vector registers: uses XMM0 to XMM3, and RAX, RCX, R8 to R10 and
 * its arguments.
 */
export function writeVectorCopy(asm: Assembler): void {
  const [many, large] = [asm.label(), asm.label()];
  const [backward, repeat, forward] = [asm.label(), asm.label(), asm.label()];
  const [loop, back] = [asm.label(), asm.label()];
  writeShortCopy(asm, many);
  asm.bind(many);
  asm.op('cmp r/m64, simm8', RDX, 2 * VECTOR);
  asm.jcc(7, large);
  // Up to two vectors: the first and the last one, both read before either is written.
  asm.rm(MOVUPS_LOAD, 0, RSI, NO_REGISTER, 1, 0);
  asm.rm(MOVUPS_LOAD, 1, RSI, RDX, 1, -VECTOR);
  asm.rm(MOVUPS_STORE, 0, RDI, NO_REGISTER, 1, 0);
  asm.rm(MOVUPS_STORE, 1, RDI, RDX, 1, -VECTOR);
  asm.op('ret');

  asm.bind(large);
  writeChoice(asm, backward, repeat, REP_LENGTH);
  asm.bind(forward);
  // The last vectors are read before the loop may overwrite them.
  pair(asm, MOVUPS_LOAD, 2, RSI, RDX, -2 * VECTOR);
  asm.op('lea r64, m', R10, indexed(RDI, RDX, 1, -2 * VECTOR));
  asm.align(16);
  asm.bind(loop);
  pair(asm, MOVUPS_LOAD, 0, RSI, NO_REGISTER, 0);
  pair(asm, MOVUPS_STORE, 0, RDI, NO_REGISTER, 0);
  asm.op('add r/m64, simm8', RSI, 2 * VECTOR);
  asm.op('add r/m64, simm8', RDI, 2 * VECTOR);
  asm.op('cmp r64, r/m64', RDI, R10);
  asm.jcc(2, loop);
  pair(asm, MOVUPS_STORE, 2, R10, NO_REGISTER, 0);
  asm.op('ret');
  asm.bind(repeat);
  asm.op('add r/m64, simm8', RAX, LINE);
  asm.jcc(2, forward);
  asm.op('mov r64, r/m64', RCX, RDX);
  asm.prefix('rep');
  asm.op('movsb');
  asm.op('ret');

  asm.bind(backward);
  pair(asm, MOVUPS_LOAD, 2, RSI, NO_REGISTER, 0);
  asm.align(16);
  asm.bind(back);
  pair(asm, MOVUPS_LOAD, 0, RSI, RDX, -2 * VECTOR);
  pair(asm, MOVUPS_STORE, 0, RDI, RDX, -2 * VECTOR);
  asm.op('sub r/m64, simm8', RDX, 2 * VECTOR);
  asm.op('cmp r/m64, simm8', RDX, 2 * VECTOR);
  asm.jcc(7, back);
  pair(asm, MOVUPS_STORE, 2, RDI, NO_REGISTER, 0);
  asm.op('ret');
}

/** Fills RDX bytes from [RDI] on with the low one of RSI. Uses RAX, RCX, R10, XMM0 and its arguments. */
export function writeVectorFill(asm: Assembler): void {
  const [bytes, many, repeat, loop] = [asm.label(), asm.label(), asm.label(), asm.label()];
  const none = asm.label();
  asm.op('movzx r32, r/m8', RAX, RSI);
  asm.op('mov r64, imm64', RCX, 0x0101_0101_0101_0101n);
  asm.op('imul r64, r/m64', RAX, RCX);
  asm.op('cmp r/m64, simm8', RDX, 8);
  asm.jcc(2, bytes);
  asm.op('cmp r/m64, simm8', RDX, VECTOR);
  asm.jcc(7, many);
  asm.op('mov r/m64, r64', mem(RDI), RAX);
  asm.op('mov r/m64, r64', indexed(RDI, RDX, 1, -8), RAX);
  asm.op('ret');
  asm.bind(bytes);
  asm.op('sub r/m64, simm8', RDX, 1);
  asm.jcc(2, none);
  asm.op('mov r/m8, r8', indexed(RDI, RDX, 1), RAX);
  asm.jmp(bytes);
  asm.bind(none);
  asm.op('ret');

  asm.bind(many);
  asm.op('cmp r/m64, simm32', RDX, REP_LENGTH);
  asm.jcc(3, repeat);
  asm.op('lea r64, m', R10, indexed(RDI, RDX, 1, -VECTOR));
  asm.rr(MOVQ, 0, RAX);
  asm.rr(PUNPCKLQDQ, 0, 0);
  asm.align(16);
  asm.bind(loop);
  asm.rm(MOVUPS_STORE, 0, RDI, NO_REGISTER, 1, 0);
  asm.op('add r/m64, simm8', RDI, VECTOR);
  asm.op('cmp r64, r/m64', RDI, R10);
  asm.jcc(2, loop);
  asm.rm(MOVUPS_STORE, 0, R10, NO_REGISTER, 1, 0);
  asm.op('ret');
  asm.bind(repeat);
  asm.op('mov r64, r/m64', RCX, RDX);
  asm.prefix('rep');
  asm.op('stosb');
  asm.op('ret');
}

/** XMM`first` and the next one from or to [base + index + displacement]. */
function pair(
  asm: Assembler,
  form: Form,
  first: number,
  base: number,
  index: number,
  displacement: number,
): void {
  asm.rm(form, first, base, index, 1, displacement);
  asm.rm(form, first + 1, base, index, 1, displacement + VECTOR);
}
