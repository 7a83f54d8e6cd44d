import type { Assembler } from './assembler.ts';
import type { Label } from './operand.ts';
import { indexed, mem, R8, R9, R10, RAX, RCX, RDI, RDX, RSI } from './operand.ts';

/** Name of the routine that copies. */
export const COPY_HELPER = 'memory.copy';

/** From this length on `rep movsb` pays for its start-up. */
const REP_LENGTH = 512;

/**
 * Copies RDX bytes from [RSI] to [RDI], which may overlap. Uses RAX, RCX, R8 to R10 and its
 * arguments, and no vector registers, so that the kernel may call it.
 */
export function writeCopy(asm: Assembler): void {
  const many = asm.label();
  const [backward, repeat, loop, back] = [asm.label(), asm.label(), asm.label(), asm.label()];
  writeShortCopy(asm, many);
  asm.bind(many);
  writeChoice(asm, backward, repeat, REP_LENGTH);
  // The last 16 bytes are read before the loop may overwrite them.
  asm.op('mov r64, r/m64', R8, indexed(RSI, RDX, 1, -16));
  asm.op('mov r64, r/m64', R9, indexed(RSI, RDX, 1, -8));
  asm.op('lea r64, m', R10, indexed(RDI, RDX, 1, -16));
  asm.align(16);
  asm.bind(loop);
  asm.op('mov r64, r/m64', RAX, mem(RSI));
  asm.op('mov r64, r/m64', RCX, mem(RSI, 8));
  asm.op('mov r/m64, r64', mem(RDI), RAX);
  asm.op('mov r/m64, r64', mem(RDI, 8), RCX);
  asm.op('add r/m64, simm8', RSI, 16);
  asm.op('add r/m64, simm8', RDI, 16);
  asm.op('cmp r64, r/m64', RDI, R10);
  asm.jcc(2, loop);
  asm.op('mov r/m64, r64', mem(R10), R8);
  asm.op('mov r/m64, r64', mem(R10, 8), R9);
  asm.op('ret');
  asm.bind(repeat);
  asm.op('mov r64, r/m64', RCX, RDX);
  asm.prefix('rep');
  asm.op('movsb');
  asm.op('ret');

  asm.bind(backward);
  asm.op('mov r64, r/m64', R8, mem(RSI));
  asm.op('mov r64, r/m64', R9, mem(RSI, 8));
  asm.align(16);
  asm.bind(back);
  asm.op('mov r64, r/m64', RAX, indexed(RSI, RDX, 1, -8));
  asm.op('mov r64, r/m64', RCX, indexed(RSI, RDX, 1, -16));
  asm.op('mov r/m64, r64', indexed(RDI, RDX, 1, -8), RAX);
  asm.op('mov r/m64, r64', indexed(RDI, RDX, 1, -16), RCX);
  asm.op('sub r/m64, simm8', RDX, 16);
  asm.op('cmp r/m64, simm8', RDX, 16);
  asm.jcc(7, back);
  asm.op('mov r/m64, r64', mem(RDI), R8);
  asm.op('mov r/m64, r64', mem(RDI, 8), R9);
  asm.op('ret');
}

/**
 * Goes to `backward` if the destination begins within the source, else to `repeat` for `most` bytes or more.
 * Leaves in RAX how far the destination lies after the source.
 */
export function writeChoice(asm: Assembler, backward: Label, repeat: Label, most: number): void {
  asm.op('mov r64, r/m64', RAX, RDI);
  asm.op('sub r64, r/m64', RAX, RSI);
  asm.op('cmp r64, r/m64', RAX, RDX);
  asm.jcc(2, backward);
  asm.op('cmp r/m64, simm32', RDX, most);
  asm.jcc(3, repeat);
}

/** Copies `bytes` to 2 * `bytes`: the first and the last ones, all read before any is written. */
function bothEnds(asm: Assembler, width: 32 | 64, bytes: number): void {
  const load = `mov r${width}, r/m${width}`;
  const store = `mov r/m${width}, r${width}`;
  asm.op(load, RAX, mem(RSI));
  asm.op(load, RCX, indexed(RSI, RDX, 1, -bytes));
  asm.op(store, mem(RDI), RAX);
  asm.op(store, indexed(RDI, RDX, 1, -bytes), RCX);
  asm.op('ret');
}

/** Copies up to 16 bytes and returns; goes to `many` for more. */
export function writeShortCopy(asm: Assembler, many: Label): void {
  const [bytes4, bytes1, none] = [asm.label(), asm.label(), asm.label()];
  asm.op('cmp r/m64, simm8', RDX, 16);
  asm.jcc(7, many);
  asm.op('cmp r/m64, simm8', RDX, 8);
  asm.jcc(2, bytes4);
  bothEnds(asm, 64, 8);
  asm.bind(bytes4);
  asm.op('cmp r/m64, simm8', RDX, 4);
  asm.jcc(2, bytes1);
  bothEnds(asm, 32, 4);
  asm.bind(bytes1);
  asm.op('test r/m64, r64', RDX, RDX);
  asm.jcc(4, none);
  // Up to three bytes: the first, the middle and the last one.
  asm.op('mov r64, r/m64', R8, RDX);
  asm.op('shr r/m64, 1', R8);
  asm.op('movzx r32, r/m8', RAX, mem(RSI));
  asm.op('movzx r32, r/m8', RCX, indexed(RSI, RDX, 1, -1));
  asm.op('movzx r32, r/m8', R9, indexed(RSI, R8, 1));
  asm.op('mov r/m8, r8', mem(RDI), RAX);
  asm.op('mov r/m8, r8', indexed(RDI, R8, 1), R9);
  asm.op('mov r/m8, r8', indexed(RDI, RDX, 1, -1), RCX);
  asm.bind(none);
  asm.op('ret');
}
