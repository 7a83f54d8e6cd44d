import { Assembler } from '../tools/compiler/x86/assembler.ts';
import {
  mem,
  R12,
  R13,
  R14,
  R15,
  RBP,
  RBX,
  RDI,
  RDX,
  RSI,
  RSP,
} from '../tools/compiler/x86/operand.ts';
import { type BootObject, bootObject } from './object.ts';

/** What a function keeps for its caller: tools/compiler/x86/abi.ts. */
const CALLEE_SAVED = [RBX, RBP, R12, R13, R14, R15];

/**
 * `boot!enter(entry: u64, base: u64, stack: u64)`: how the kernel calls into a compartment. Runs the
 * code at `entry` with r14 = `base`, the address of the compartment's memory, on the stack that ends at
 * `stack` (a multiple of 16); returns when it returns, or when a trap handler, which ends it, goes on at `left`.
 *
 * ```
 *           push ...
 *           mov  rbx, rsp
 *           mov  [rdx - 8], rsp    out of the compartment's reach: its frames are below
 *           lea  rsp, [rdx - 16]
 *           mov  r14, rsi
 *           call rdi
 *           mov  rsp, rbx
 *   left:   pop  ...               whoever goes on here takes RSP from where it was left
 *           ret
 * ```
 */
export function enterStub(): BootObject {
  const asm = new Assembler(64);
  const [enter, left] = [asm.label(), asm.label()];
  asm.bind(enter);
  for (const register of CALLEE_SAVED) asm.op('push r64', register);
  asm.op('mov r64, r/m64', RBX, RSP); // the kernel's stack; the callee keeps RBX
  asm.op('mov r/m64, r64', mem(RDX, -8), RSP); // and whoever ends it finds it here
  asm.op('lea r64, m', RSP, mem(RDX, -16)); // the compartment's
  asm.op('mov r64, r/m64', R14, RSI); // where its code expects its memory
  asm.op('call r/m64', RDI);
  asm.op('mov r64, r/m64', RSP, RBX); // back on the kernel's
  asm.bind(left);
  for (const register of CALLEE_SAVED.toReversed()) asm.op('pop r64', register);
  asm.op('ret');
  const symbols = [
    { name: 'boot!enter', label: enter, kind: 'function' },
    { name: 'boot!left', label: left, kind: 'function' },
  ] as const;
  return bootObject(asm, symbols, 16);
}
