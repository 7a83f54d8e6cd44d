import { Assembler } from '../tools/compiler/x86/assembler.ts';
import {
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  symbol,
} from '../tools/compiler/x86/operand.ts';
import { type BootObject, type BootSymbol, bootObject } from './object.ts';

/** Exceptions with which the CPU pushes an error code. APM2 §8.2; #VC: §15.35.5. */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);

/** In the order in which they are pushed: TrapFrame (spec/abi/trap-frame.ts) from its end to its start. */
const SAVED = [RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15];

const STUB_ALIGN = 8;

/**
 * What the 256 gates of the IDT lead to: `boot!vector.0` … `boot!vector.255`. Each completes the frame
 * that the CPU pushed to a TrapFrame, calls the kernel's `trap(frame)` with interrupts off, and goes on
 * with what is in the frame then. XMM registers are left alone: the kernel has no code that uses them.
 */
export function trapStubs(): BootObject {
  const asm = new Assembler(64);
  const common = asm.label();
  const symbols: BootSymbol[] = [];
  for (let vector = 0; vector < 256; vector++) {
    asm.align(STUB_ALIGN);
    const label = asm.label();
    asm.bind(label);
    symbols.push({ name: `boot!vector.${vector}`, label, kind: 'function' });
    // All frames look alike: where the CPU pushes no error code, a zero stands for it.
    if (!WITH_ERROR_CODE.has(vector)) asm.op('push simm8', 0);
    if (vector < 0x80) asm.op('push simm8', vector);
    else asm.op('push simm32', vector);
    asm.op('jmp rel32', common);
  }
  asm.align(STUB_ALIGN);
  asm.bind(common);
  symbols.push({ name: 'boot!trap', label: common, kind: 'function' });
  for (const register of SAVED) asm.op('push r64', register);
  asm.op('mov r64, r/m64', RDI, RSP); // the frame is the argument
  asm.op('cld'); // the calling convention's, whatever was interrupted
  // The CPU aligned RSP before it pushed, and a TrapFrame is a multiple of 16 bytes.
  asm.op('call rel32', symbol('kernel.trap'));
  // Interrupts stay off until IRET has put RFLAGS back: an #HV from here on finds them off, and leaves
  // what it tells of in the page, where boot!wait looks before it halts.
  const leave = asm.label();
  asm.bind(leave);
  symbols.push({ name: 'boot!trapLeave', label: leave, kind: 'function' });
  for (const register of SAVED.toReversed()) asm.op('pop r64', register);
  asm.op('add r/m64, simm8', RSP, 16); // vector and error code
  asm.op('iretq');
  return bootObject(asm, symbols, 16);
}
