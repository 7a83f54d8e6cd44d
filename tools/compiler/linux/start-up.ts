import { CALL_STACK, CallFrame } from '../../../spec/abi/executable.ts';
import type { Linkable } from '../link-sections.ts';
import type { ObjectSymbol } from '../object.ts';
import { Assembler } from '../x86/assembler.ts';
import {
  mem,
  R8,
  R9,
  R10,
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
} from '../x86/operand.ts';

/** System call rt_sigreturn. linux/arch/x86/entry/syscalls/syscall_64.tbl. */
const RT_SIGRETURN = 15;

const KEPT = [RBX, RBP, R12, R13, R14, R15];
const INTEGER_ARGUMENTS = [RDI, RSI, RDX, RCX, R8, R9];

/** Names of what the run-time's exports are linked under. */
export const runtimeSymbol = (name: string) => `runtime.${name}`;

/**
 * The machine code around the run-time: the entry point, system calls, calls into instances and out
 * of traps, signals, memory.grow for each of `memories`, the symbols of memory records, and table.grow for
 * each of `instances`, by name.
 */
export function startUp(memories: readonly string[], instances: readonly string[]): Linkable {
  const asm = new Assembler();
  const symbols: ObjectSymbol[] = [];
  const routine = (name: string, body: () => void) => {
    asm.align(16);
    const offset = asm.size;
    body();
    symbols.push({ name, section: 'text', offset, size: asm.size - offset, kind: 'function' });
  };
  routine('_start', () => entry(asm));
  routine('linux.syscall', () => systemCall(asm));
  routine('linux.call', () => {
    const landing = call(asm);
    symbols.push({
      name: 'linux.landing',
      section: 'text',
      offset: landing,
      size: 0,
      kind: 'object',
    });
  });
  routine('linux.signalReturn', () => {
    asm.op('mov r32, imm32', RAX, RT_SIGRETURN);
    asm.op('syscall');
  });
  // The three arguments are where a function has them.
  routine('linux.signalEntry', () => asm.jmpSymbol(runtimeSymbol('onSignal')));
  for (const memory of memories) {
    routine(`${memory}_grow`, () => {
      asm.op('mov r32, r/m32', RSI, RDI);
      asm.op('mov r32, imm32', RDI, symbol(memory));
      asm.jmpSymbol(runtimeSymbol('growMemory'));
    });
  }
  for (const instance of instances) {
    routine(`${instance}!table_grow`, () => asm.jmpSymbol(runtimeSymbol('growTable')));
  }
  const bytes = asm.finish();
  return {
    sections: { text: { bytes, align: 16 } },
    symbols,
    relocations: asm.relocations.map((relocation) => ({ section: 'text', ...relocation })),
  };
}

/** Linux leaves the arguments at RSP. psABI §3.4.1. */
function entry(asm: Assembler): void {
  asm.op('mov r64, r/m64', RDI, RSP);
  asm.op('xor r32, r/m32', RBP, RBP);
  asm.op('and r/m64, simm8', RSP, -16);
  asm.call(runtimeSymbol('main'));
  asm.op('ud2');
}

/** (number, six arguments) -> result. The kernel takes RDI RSI RDX R10 R8 R9. psABI §A.2.1. */
function systemCall(asm: Assembler): void {
  asm.op('mov r64, r/m64', RAX, RDI);
  asm.op('mov r64, r/m64', RDI, RSI);
  asm.op('mov r64, r/m64', RSI, RDX);
  asm.op('mov r64, r/m64', RDX, RCX);
  asm.op('mov r64, r/m64', R10, R8);
  asm.op('mov r64, r/m64', R8, R9);
  asm.op('mov r64, r/m64', R9, mem(RSP, 8));
  asm.op('syscall');
  asm.op('ret imm16', 16);
}

/** The call that a CallFrame (RDI) describes; gives the offset at which a trap goes on. */
function call(asm: Assembler): number {
  const { code, base, stackTop, stackSize, saved, integers, floats } = CallFrame.fields;
  for (const register of KEPT) asm.op('push r64', register);
  asm.op('mov r64, r/m64', RBX, RDI);
  asm.op('mov r/m64, r64', mem(RBX, saved.offset), RSP);
  asm.op('mov r64, r/m64', RSP, mem(RBX, stackTop.offset));
  asm.op('mov r64, r/m64', RCX, mem(RBX, stackSize.offset));
  asm.op('sub r64, r/m64', RSP, RCX);
  asm.op('lea r64, m', RSI, mem(RBX, CALL_STACK));
  asm.op('mov r64, r/m64', RDI, RSP);
  asm.prefix('rep');
  asm.op('movsb');
  asm.op('mov r64, r/m64', R14, mem(RBX, base.offset));
  for (const [i, register] of INTEGER_ARGUMENTS.entries()) {
    asm.op('mov r64, r/m64', register, mem(RBX, integers.offset + 8 * i));
  }
  for (let i = 0; i < 8; i++) {
    asm.op('movups xmm, xmm/m128', i, mem(RBX, floats.offset + 16 * i));
  }
  asm.op('call r/m64', mem(RBX, code.offset));
  asm.op('mov r/m64, r64', mem(RBX, integers.offset), RAX);
  asm.op('mov r/m64, r64', mem(RBX, integers.offset + 8), RDX);
  asm.op('movups xmm/m128, xmm', mem(RBX, floats.offset), 0);
  asm.op('movups xmm/m128, xmm', mem(RBX, floats.offset + 16), 1);
  // The callee has popped its arguments: what it leaves is found from the top.
  asm.op('mov r64, r/m64', RCX, mem(RBX, stackSize.offset));
  asm.op('lea r64, m', RDI, mem(RBX, CALL_STACK));
  asm.op('mov r64, r/m64', RSI, mem(RBX, stackTop.offset));
  asm.op('sub r64, r/m64', RSI, RCX);
  asm.prefix('rep');
  asm.op('movsb');
  asm.op('mov r64, r/m64', RSP, mem(RBX, saved.offset));
  asm.op('xor r32, r/m32', RAX, RAX);
  const landing = asm.size;
  for (const register of KEPT.toReversed()) asm.op('pop r64', register);
  asm.op('ret');
  return landing;
}
