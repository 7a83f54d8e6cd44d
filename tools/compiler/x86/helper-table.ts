import { TABLE_DESCRIPTOR } from '../object.ts';
import type { Assembler } from './assembler.ts';
import { mem, R8, R9, R10, RAX, RCX, RDI, RDX, RSI } from './operand.ts';

/** Name of the routine that {@link writeFillTable} writes. */
export const FILL_TABLE_HELPER = 'table.fill';

/** Makes RDX entries from RDI on of R8 and R9. */
export function writeFillTable(asm: Assembler): void {
  const [loop, done] = [asm.label(), asm.label()];
  asm.bind(loop);
  asm.op('sub r/m64, simm8', RDX, 1);
  asm.jcc(2, done);
  asm.op('mov r/m64, r64', mem(RDI), R8);
  asm.op('mov r/m64, r64', mem(RDI, 8), R9);
  asm.op('add r/m64, simm8', RDI, 16);
  asm.jmp(loop);
  asm.bind(done);
  asm.op('ret');
}

/** Name of the routine that {@link writeGrowTable} writes. */
export const GROW_TABLE_HELPER = 'table.grow';

/**
 * Grows the table whose descriptor is at RDI by ESI entries, each made of RDX and RCX: its size before in
 * EAX, or -1. Where the capacity does not do, `enlarge` is called, see object.ts's `I!table_grow`.
 */
export function writeGrowTable(asm: Assembler, enlarge: string): void {
  const { size, capacity, max } = TABLE_DESCRIPTOR;
  const [fits, fail, loop, done] = [asm.label(), asm.label(), asm.label(), asm.label()];
  asm.op('mov r32, r/m32', RAX, mem(RDI, size));
  asm.op('mov r32, r/m32', R9, RSI);
  asm.op('add r64, r/m64', R9, RAX);
  asm.op('mov r32, r/m32', R8, mem(RDI, max));
  asm.op('cmp r64, r/m64', R9, R8);
  asm.jcc(7, fail);
  asm.op('mov r32, r/m32', R8, mem(RDI, capacity));
  asm.op('cmp r64, r/m64', R9, R8);
  asm.jcc(6, fits);
  const kept = [RAX, RDI, R9, RDX, RCX];
  for (const register of kept) asm.op('push r64', register);
  asm.op('mov r32, r/m32', RSI, R9);
  asm.call(enlarge);
  asm.op('mov r32, r/m32', R10, RAX);
  for (const register of kept.toReversed()) asm.op('pop r64', register);
  asm.op('test r/m32, r32', R10, R10);
  asm.jcc(5, fail);
  asm.bind(fits);
  asm.op('mov r/m32, r32', mem(RDI, size), R9);
  asm.op('mov r64, r/m64', R8, mem(RDI));
  asm.op('mov r32, r/m32', RSI, RAX);
  asm.bind(loop);
  asm.op('cmp r64, r/m64', RSI, R9);
  asm.jcc(3, done);
  asm.op('mov r64, r/m64', R10, RSI);
  asm.op('shl r/m64, imm8', R10, 4);
  asm.op('add r64, r/m64', R10, R8);
  asm.op('mov r/m64, r64', mem(R10), RDX);
  asm.op('mov r/m64, r64', mem(R10, 8), RCX);
  asm.op('add r/m64, simm8', RSI, 1);
  asm.jmp(loop);
  asm.bind(fail);
  asm.op('mov r32, imm32', RAX, -1);
  asm.bind(done);
  asm.op('ret');
}
