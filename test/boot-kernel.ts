import { enterStub } from '../boot/enter.ts';
import type { CpuLevel } from '../boot/features.ts';
import { KERNEL_MEMORY } from '../boot/memory-map.ts';
import { shim } from '../boot/shim.ts';
import { trapStubs } from '../boot/traps.ts';
import { BootRecord } from '../spec/abi/handoff.ts';
import { EXIT_PORT, PLATFORM_SEV_ES } from '../spec/abi/platform.ts';
import { TrapFrame } from '../spec/abi/trap-frame.ts';
import * as Uart from '../spec/uart.ts';
import { type LinkedImage, linkImage } from '../tools/compiler/link/image.ts';
import { emptyObject } from '../tools/compiler/link/test-objects.ts';
import type { WasmObject } from '../tools/compiler/object.ts';
import { Assembler } from '../tools/compiler/x86/assembler.ts';
import {
  type Label,
  mem,
  R8,
  R9,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  relative,
  symbol,
} from '../tools/compiler/x86/operand.ts';

/** Ports of the 16550's transmitter. */
const SERIAL = 0x3f8;
/** What the test kernel writes to the exit port: QEMU's exit code is then 2 * this + 1. */
export const EXIT_VALUE = 0x20;

/**
 * A kernel for tests of the boot code, with the real shim and stubs. It writes lines of hexadecimal
 * digits to the serial port, least significant byte first: the boot record; CR0, CR4, EFER, RFLAGS and
 * RSP; FCW and MXCSR; then for each exception that it raises the trap frame; then what came back from a
 * compartment entered through `boot!enter`. Under SEV-ES and SNP, where ports need a GHCB, it only
 * halts: the record can be read in memory.
 */
export function testImage(cpu: CpuLevel = 'x86-64'): LinkedImage {
  return linkImage({
    shim: shim({ cpu }),
    stubs: [trapStubs(), enterStub()],
    kernel: testKernel(),
    compartments: [],
    sourceMaps: new Map(),
    policy: { modes: 15, host: 0, featuresRequired: 0n, featuresAllowed: 0n },
  });
}

function testKernel(): WasmObject {
  const asm = new Assembler(64);
  const [hex, main, trap, inside] = [asm.label(), asm.label(), asm.label(), asm.label()];

  asm.bind(hex);
  assembleHex(asm);

  asm.align(16);
  asm.bind(main);
  assembleMain(asm, hex, inside);

  asm.align(16);
  asm.bind(inside);
  // A compartment's code: tells where it runs.
  asm.op('mov r64, r/m64', RAX, RSP);
  asm.op('mov r64, r/m64', RDX, 14);
  asm.op('mov r64, r/m64', R8, RBX);
  asm.op('ret');

  asm.align(16);
  asm.bind(trap);
  const { rip, vector } = TrapFrame.fields;
  asm.op('push r64', RDI);
  asm.op('mov r32, imm32', RSI, TrapFrame.size);
  asm.op('call rel32', hex);
  asm.op('pop r64', RDI);
  const trapAfter = asm.label();
  asm.op('cmp r/m64, simm8', mem(RDI, vector.offset), 3);
  asm.op('je rel8', trapAfter); // #BP points after its instruction
  asm.op('add r/m64, simm8', mem(RDI, rip.offset), 2); // the length of ud2 and of the load
  asm.bind(trapAfter);
  asm.op('ret');

  const bytes = asm.finish().slice();
  const exported = { main, trap };
  const symbolOf = (name: string) => `kernel!${name}`;
  return {
    ...emptyObject('kernel'),
    sections: { ...emptyObject('kernel').sections, text: { bytes, align: 16 } },
    symbols: Object.entries(exported).map(([name, label]) => ({
      name: symbolOf(name),
      section: 'text',
      offset: asm.offsetOf(label),
      size: 1,
      kind: 'function',
    })),
    relocations: asm.relocations.map((relocation) => ({ section: 'text', ...relocation })),
    exports: new Map(
      Object.keys(exported).map((name) => [
        name,
        { kind: 'function', type: { params: [], results: [] }, symbol: symbolOf(name) },
      ]),
    ),
    memory: {
      symbol: undefined,
      imported: false,
      shared: false,
      minPages: KERNEL_MEMORY / 0x1_0000 + 1,
      maxPages: 0x1_0000,
      segments: [{ offset: KERNEL_MEMORY, bytes: Uint8Array.of(1) }],
    },
  };
}

/** hex(RDI address, ESI bytes): a line on the serial port. */
function assembleHex(asm: Assembler): void {
  const [next, digit, decimal] = [asm.label(), asm.label(), asm.label()];
  const write = () => {
    const wait = asm.label();
    asm.op('mov r32, r/m32', R9, RAX);
    asm.op('mov r32, imm32', RDX, SERIAL + Uart.LSR);
    asm.bind(wait);
    asm.op('in al, dx');
    asm.op('test al, imm8', Uart.LSR_TX_EMPTY);
    asm.op('je rel8', wait);
    asm.op('mov r32, r/m32', RAX, R9);
    asm.op('mov r32, imm32', RDX, SERIAL);
    asm.op('out dx, al');
  };
  asm.bind(next);
  asm.op('mov r32, imm32', RCX, 2);
  asm.op('movzx r32, r/m8', R8, mem(RDI));
  asm.op('ror r/m8, imm8', R8, 4); // the high digit first
  asm.bind(digit);
  asm.op('mov r32, r/m32', RAX, R8);
  asm.op('and r/m32, simm8', RAX, 15);
  asm.op('cmp r/m32, simm8', RAX, 10);
  asm.op('jb rel8', decimal);
  asm.op('add r/m32, simm8', RAX, 'a'.charCodeAt(0) - 10 - '0'.charCodeAt(0));
  asm.bind(decimal);
  asm.op('add r/m32, simm8', RAX, '0'.charCodeAt(0));
  write();
  asm.op('ror r/m8, imm8', R8, 4);
  asm.op('sub r/m32, simm8', RCX, 1);
  asm.op('jne rel8', digit);
  asm.op('add r/m64, simm8', RDI, 1);
  asm.op('sub r/m32, simm8', RSI, 1);
  asm.op('jne rel8', next);
  asm.op('mov r32, imm32', RAX, 0x0a);
  write();
  asm.op('ret');
}

function assembleMain(asm: Assembler, hex: Label, inside: Label): void {
  const talk = asm.label();
  const halt = asm.label();
  asm.op('mov r64, imm64', RDI, symbol('image.record'));
  asm.op('cmp r/m32, simm8', mem(RDI, BootRecord.fields.platform.offset), PLATFORM_SEV_ES);
  asm.op('jb rel8', talk);
  asm.bind(halt);
  asm.op('hlt');
  asm.op('jmp rel8', halt);

  asm.bind(talk);
  asm.op('mov r32, imm32', RSI, BootRecord.size);
  asm.op('call rel32', hex);

  // 40 bytes of control state, the last pushed first.
  asm.op('push r64', RSP);
  asm.op('pushf');
  asm.op('mov r32, imm32', RCX, 0xc000_0080);
  asm.op('rdmsr');
  asm.op('push r64', RAX);
  asm.op('mov r64, cr', RAX, 4);
  asm.op('push r64', RAX);
  asm.op('mov r64, cr', RAX, 0);
  asm.op('push r64', RAX);
  line(asm, hex, 40);

  asm.op('push simm8', 0);
  asm.op('fnstcw m16', mem(RSP));
  asm.op('stmxcsr m32', mem(RSP, 4));
  line(asm, hex, 8);

  // One exception without an error code, one with, one on a stack of its own, one software interrupt.
  asm.op('int3');
  asm.op('ud2');
  asm.op('mov r32, imm32', RAX, 0x7777);
  asm.op('mov sreg, r32/m16', 3, RAX); // #GP: the selector is beyond the table
  asm.op('xor r32, r/m32', RBX, RBX);
  asm.op('mov r32, r/m32', RAX, mem(RBX)); // #PF: page 0 is not mapped

  asm.op('mov r32, imm32', RBX, 0x1234);
  asm.op('lea r64, m', RDI, relative(inside));
  asm.op('mov r32, imm32', RSI, 0x5678);
  asm.op('mov r64, imm64', RDX, symbol('image.stack', -0x1000));
  asm.op('call rel32', symbol('boot!enter'));
  asm.op('push r64', RSP);
  asm.op('push r64', RBX);
  asm.op('push r64', R8);
  asm.op('push r64', RDX);
  asm.op('push r64', RAX);
  line(asm, hex, 40);

  asm.op('mov r32, imm32', RAX, EXIT_VALUE);
  asm.op('mov r32, imm32', RDX, EXIT_PORT);
  asm.op('out dx, eax');
  asm.op('jmp rel32', halt);
}

/** Writes the top `bytes` of the stack, and takes them off it. */
function line(asm: Assembler, hex: Label, bytes: number): void {
  asm.op('mov r64, r/m64', RDI, RSP);
  asm.op('mov r32, imm32', RSI, bytes);
  asm.op('call rel32', hex);
  asm.op('add r/m64, simm8', RSP, bytes);
}
