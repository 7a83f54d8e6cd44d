import * as Termination from '../spec/abi/termination.ts';
import * as Cpu from '../spec/cpu.ts';
import * as Msr from '../spec/msr.ts';
import * as Paging from '../spec/paging.ts';
import { absolute, EAX, EBX, ECX, EDI, EDX, ESI, mem } from '../tools/compiler/x86/operand.ts';
import { type Code32, place, record } from './code32.ts';

/** Offset in an entry of its high half, and the number of its lowest bit. */
const HIGH_HALF = 4;
const HIGH_HALF_BIT = 32;

/** Protected mode with write protection and native x87 errors; paging is added when all is ready. */
const CR0 = Cpu.CR0_PE | Cpu.CR0_MP | Cpu.CR0_ET | Cpu.CR0_NE | Cpu.CR0_WP;
const CR4 = Cpu.CR4_PAE | Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT;

/** Sets the C-bit, if there is one, in every present entry of the tables that the linker made. */
export function assembleCBits(asm: Code32): void {
  const done = asm.label();
  const next = asm.label();
  const skip = asm.label();
  asm.op('mov r32, r/m32', ECX, record('cBit'));
  asm.op('sub r/m32, simm8', ECX, HIGH_HALF_BIT);
  asm.op('jb rel8', done); // no C-bit
  asm.op('mov r32, imm32', EAX, 1);
  asm.op('shl r/m32, cl', EAX);
  asm.op('mov r32, imm32', EDI, place('image.tables'));
  asm.bind(next);
  asm.op('test r/m32, imm32', mem(EDI), Paging.PRESENT);
  asm.op('je rel8', skip);
  asm.op('or r/m32, r32', mem(EDI, HIGH_HALF), EAX);
  asm.bind(skip);
  asm.op('add r/m32, simm8', EDI, 8);
  asm.op('cmp r/m32, imm32', EDI, place('image.tables.end'));
  asm.op('jb rel8', next);
  asm.bind(done);
}

/**
 * Long mode, with a proof of what the shim believes about encryption. Without paging every access is
 * private (APM2 §15.34.4). So 128 random bits written before paging is on must read back after it:
 *
 *   - through C=1, if the C-bit is where we set it: else the host reads and answers in its place;
 *   - through C=0 on a platform without one: in a guest that is encrypted after all they read as
 *     ciphertext, and nobody outside knows the number to put there.
 *
 * Turning paging on empties the TLB, so no older translation answers. Leaves 32-bit code running, in
 * compatibility mode; an exception from here to the 64-bit IDT shuts the machine down.
 */
export function assemblePagingOn(asm: Code32): void {
  const proved = asm.label();
  const wrong = asm.label();

  asm.op('mov r32, imm32', EAX, CR4); // no PGE: a mapping must not outlive a flush
  asm.op('mov cr, r32', 4, EAX);
  asm.op('mov r32, imm32', EAX, place('image.root')); // walks are private whatever CR3's C-bit
  asm.op('mov cr, r32', 3, EAX);
  asm.op('mov r32, imm32', ECX, Msr.EFER);
  asm.op('rdmsr'); // SVME has to stay as it is
  asm.op('or r/m32, imm32', EAX, Msr.EFER_LME | Msr.EFER_NXE);
  asm.op('wrmsr');

  for (let n = 0; n < 4; n++) {
    asm.op('call rel32', asm.random);
    asm.op('mov r/m32, r32', scratch(asm, n), EAX);
  }
  for (const [n, register] of [EAX, EBX, ECX, EDX].entries()) {
    asm.op('mov r32, r/m32', register, scratch(asm, n));
  }
  // A generator that is stuck gives numbers that anyone can guess.
  const moves = asm.label();
  for (const [one, other] of [
    [EAX, EBX],
    [EBX, ECX],
    [ECX, EDX],
  ] as const) {
    asm.op('cmp r32, r/m32', one, other);
    asm.op('jne rel8', moves);
  }
  asm.fail(Termination.NO_RANDOM);
  asm.bind(moves);
  asm.op('mov r32, imm32', ESI, CR0 | Cpu.CR0_PG);
  asm.op('mov cr, r32', 0, ESI);
  for (const [n, register] of [EAX, EBX, ECX, EDX].entries()) {
    asm.op('cmp r32, r/m32', register, scratch(asm, n));
    asm.op('jne rel8', wrong);
  }
  asm.op('jmp rel8', proved);

  asm.bind(wrong);
  asm.op('mov r32, imm32', ESI, CR0); // memory, the stack and the IDT are back
  asm.op('mov cr, r32', 0, ESI);
  asm.op('cmp r/m32, simm8', record('cBit'), 0);
  asm.require('ne', Termination.PLATFORM_CONTRADICTION); // encrypted, though nobody said so
  asm.fail(Termination.C_BIT_WRONG);
  asm.bind(proved);
}

/** The n-th four of the scratch bytes. */
function scratch(asm: Code32, n: number) {
  return absolute({ ...asm.scratch, addend: 4 * n });
}
