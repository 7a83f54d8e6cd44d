import * as Platform from '../spec/abi/platform.ts';
import * as GhcbMsr from '../spec/ghcb-msr.ts';
import * as Msr from '../spec/msr.ts';
import { EAX, EBP, ECX, EDX, ESI } from '../tools/compiler/x86/operand.ts';
import type { Code32 } from './code32.ts';

/**
 * The way down, before there is a kernel: the reason in ESI (set in bits 15:8, number in 7:0) is told to
 * the host by a GHCB termination request, and where there is no GHCB through the debug-exit port.
 * Which of the two there is may be just what is in doubt, so both are tried: an exception at the first
 * leads to the second, and at the second to the end. GHCB §4.1.12.
 */
export function assembleDie(asm: Code32): void {
  const port = asm.label();
  const halt = asm.label();

  asm.bind(asm.die);
  asm.op('mov r32, imm32', EBP, asm.self(port)); // no such MSR, or no VMGEXIT: try the port
  asm.op('mov r32, r/m32', EAX, ESI); // the request: set in 15:12, reason in 23:16
  asm.op('and r/m32, imm32', EAX, 0xf00);
  asm.op('shl r/m32, imm8', EAX, 4);
  asm.op('mov r32, r/m32', EDX, ESI);
  asm.op('and r/m32, imm32', EDX, 0xff);
  asm.op('shl r/m32, imm8', EDX, 16);
  asm.op('or r32, r/m32', EAX, EDX);
  asm.op('or r/m32, imm32', EAX, GhcbMsr.TERMINATE_REQUEST);
  asm.op('xor r32, r/m32', EDX, EDX);
  asm.op('mov r32, imm32', ECX, Msr.GHCB);
  asm.op('wrmsr');
  asm.op('vmgexit'); // a host that honours the request does not come back

  asm.bind(port);
  asm.op('mov r32, imm32', EBP, asm.self(halt)); // #VC: no port either
  asm.op('mov r32, r/m32', EAX, ESI);
  asm.op('or r/m32, imm32', EAX, Platform.EXIT_PANIC);
  asm.op('mov r32, imm32', EDX, Platform.EXIT_PORT);
  asm.op('out dx, eax');

  asm.bind(halt);
  asm.op('cli');
  asm.op('hlt'); // nobody listens: stay here, even after an NMI
  asm.op('jmp rel8', halt);
}
