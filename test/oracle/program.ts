import { Assembler } from '../../tools/compiler/x86/assembler.ts';
import {
  type Label,
  mem,
  R8,
  R9,
  R10,
  R12,
  R13,
  R14,
  R15,
  RAX,
  RCX,
  RDI,
  RDX,
  RSI,
} from '../../tools/compiler/x86/operand.ts';
import {
  CODE,
  CODE_SIZE,
  DATA,
  DATA_SIZE,
  IN,
  OUT_SIZE,
  REGISTERS,
  WINDOW,
  XMM,
} from './record.ts';

/** Where the program itself lies: far from what it runs. */
const TEXT = 0x1000_0000;
const DATA_SEGMENT = 0x1100_0000;
/** In the data segment: an input record, an output record, the signal stack. */
const INPUT = DATA_SEGMENT;
const OUTPUT = DATA_SEGMENT + 0x1000;
const ACTION = DATA_SEGMENT + 0x2000;
/** Set by the first signal, which the program itself raises. */
const STARTED = DATA_SEGMENT + 0x3000;
const STACK = DATA_SEGMENT + 0x1_0000;
const STACK_SIZE = 0x1_0000;
const DATA_SEGMENT_SIZE = 0x2_0000;

const SYS_READ = 0;
const SYS_WRITE = 1;
const SYS_MMAP = 9;
const SYS_RT_SIGACTION = 13;
const SYS_RT_SIGRETURN = 15;
const SYS_EXIT = 60;
const SYS_SIGALTSTACK = 131;

/** SA_SIGINFO, SA_NODEFER, SA_ONSTACK, SA_RESTORER. */
const ACTION_FLAGS = 0x4 | 0x4000_0000 | 0x0800_0000 | 0x0400_0000;
const SIGNALS = [4, 5, 7, 8, 11];

/** In ucontext: the registers; the pointer to the FXSAVE image, and MXCSR and XMM in that. */
const GREGS = 40;
const FPSTATE = GREGS + 23 * 8;
const FX_MXCSR = 24;
const FX_XMM = 160;

/**
 * A static Linux program that executes one instruction at a time: it reads a state, enters it by
 * returning from a signal with TF set, and writes the state in which the next signal finds it.
 */
export function oracleProgram(): Uint8Array {
  const asm = new Assembler(64);
  const handler = asm.label();
  const restorer = asm.label();
  start(asm, handler, restorer);
  asm.bind(restorer);
  system(asm, SYS_RT_SIGRETURN);
  emitHandler(asm, handler);
  return elf(asm.finish());
}

function system(asm: Assembler, number: number): void {
  asm.op('mov r32, imm32', RAX, number);
  asm.op('syscall');
}

function start(asm: Assembler, handler: Label, restorer: Label): void {
  map(asm, CODE, 0x1000);
  map(asm, DATA, 0x3000);
  // Compatibility mode needs data segments, which 64-bit mode starts without.
  asm.op('mov r32, imm32', RAX, 0x2b);
  asm.op('mov sreg, r32/m16', 3, RAX);
  asm.op('mov sreg, r32/m16', 0, RAX);
  // stack_t: pointer, flags, size.
  asm.op('mov r32, imm32', RDI, ACTION);
  asm.op('mov r32, imm32', RAX, STACK);
  asm.op('mov r/m64, r64', mem(RDI), RAX);
  asm.op('mov r32, imm32', RAX, STACK_SIZE);
  asm.op('mov r/m64, r64', mem(RDI, 16), RAX);
  asm.op('mov r/m64, simm32', mem(RDI, 8), 0);
  asm.op('xor r/m32, r32', RSI, RSI);
  system(asm, SYS_SIGALTSTACK);
  for (const signal of SIGNALS) {
    asm.op('mov r32, imm32', RSI, ACTION);
    asm.op('lea r64, m', RAX, { ...mem(0), base: -1, relative: true, label: handler });
    asm.op('mov r/m64, r64', mem(RSI), RAX);
    asm.op('mov r32, imm32', RAX, ACTION_FLAGS);
    asm.op('mov r/m64, r64', mem(RSI, 8), RAX);
    asm.op('lea r64, m', RAX, { ...mem(0), base: -1, relative: true, label: restorer });
    asm.op('mov r/m64, r64', mem(RSI, 16), RAX);
    asm.op('mov r/m64, simm32', mem(RSI, 24), 0);
    asm.op('mov r32, imm32', RDI, signal);
    asm.op('xor r/m32, r32', RDX, RDX);
    asm.op('mov r32, imm32', R10, 8);
    system(asm, SYS_RT_SIGACTION);
  }
  asm.op('ud2');
}

function map(asm: Assembler, address: number, size: number): void {
  asm.op('mov r32, imm32', RDI, address);
  asm.op('mov r32, imm32', RSI, size);
  asm.op('mov r32, imm32', RDX, 7); // PROT_READ | PROT_WRITE | PROT_EXEC
  asm.op('mov r32, imm32', R10, 0x32); // MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
  asm.op('mov r/m64, simm32', R8, -1);
  asm.op('xor r/m32, r32', R9, R9);
  system(asm, SYS_MMAP);
}

/** The handler: the first signal comes from the program itself, each later one ends an instruction. */
function emitHandler(asm: Assembler, handler: Label): void {
  asm.bind(handler);
  const next = asm.label();
  asm.op('cld');
  asm.op('mov r64, r/m64', R14, RDX); // ucontext
  asm.op('mov r64, r/m64', R15, mem(RDX, FPSTATE));
  asm.op('mov r32, imm32', RAX, STARTED);
  asm.op('mov r32, r/m32', RCX, mem(RAX));
  asm.op('mov r/m32, imm32', mem(RAX), 1);
  asm.op('test r/m32, r32', RCX, RCX);
  asm.op('je rel32', next);
  copy(asm, [RDI, OUTPUT], [RSI, R14, GREGS], REGISTERS);
  copy(asm, [RDI, OUTPUT + IN.xmm], [RSI, R15, FX_XMM], XMM);
  copy(asm, [RDI, OUTPUT + IN.mxcsr], [RSI, R15, FX_MXCSR], 4);
  copy(asm, [RDI, OUTPUT + IN.data], WINDOW, DATA_SIZE);
  transfer(asm, SYS_WRITE, 1, OUTPUT, OUT_SIZE);
  asm.bind(next);
  transfer(asm, SYS_READ, 0, INPUT, IN.size);
  // Segments, error and trap number come last in the frame: all but CS … SS stay as they are.
  copy(asm, [RDI, R14, GREGS], INPUT, 19 * 8);
  copy(asm, [RDI, R15, FX_XMM], INPUT + IN.xmm, XMM);
  copy(asm, [RDI, R15, FX_MXCSR], INPUT + IN.mxcsr, 4);
  copy(asm, [RDI, WINDOW], INPUT + IN.data, DATA_SIZE);
  copy(asm, [RDI, CODE], INPUT + IN.code, CODE_SIZE);
  asm.op('ret');
}

type Target = readonly [number, number] | readonly [number, number, number];

/** Copies `size` bytes; a place is an address, or a base register and an offset. */
function copy(asm: Assembler, to: Target, from: Target | number, size: number): void {
  const load = (register: number, place: Target | number) => {
    if (typeof place === 'number') asm.op('mov r32, imm32', register, place);
    else if (place.length === 2) asm.op('mov r32, imm32', register, place[1]);
    else asm.op('lea r64, m', register, mem(place[1], place[2]));
  };
  load(RDI, to);
  load(RSI, from);
  asm.op('mov r32, imm32', RCX, size);
  asm.bytes([0xf3]);
  asm.op('movsb');
}

/** Reads or writes `size` bytes, however many calls it takes; ends the program where there are no more. */
function transfer(asm: Assembler, call: number, file: number, buffer: number, size: number): void {
  const again = asm.label();
  const going = asm.label();
  asm.op('mov r32, imm32', R12, buffer);
  asm.op('mov r32, imm32', R13, size);
  asm.bind(again);
  asm.op('mov r32, imm32', RDI, file);
  asm.op('mov r64, r/m64', RSI, R12);
  asm.op('mov r64, r/m64', RDX, R13);
  system(asm, call);
  asm.op('test r/m64, r64', RAX, RAX);
  asm.op('jg rel32', going);
  asm.op('xor r/m32, r32', RDI, RDI);
  system(asm, SYS_EXIT);
  asm.bind(going);
  asm.op('add r/m64, r64', R12, RAX);
  asm.op('sub r/m64, r64', R13, RAX);
  asm.op('jne rel32', again);
}

/** An executable with two segments: the code, and zeroed data. */
function elf(text: Uint8Array): Uint8Array {
  const file = new Uint8Array(0x1000 + text.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(TEXT + 0x1000), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  const segment = (
    n: number,
    flags: number,
    offset: number,
    at: number,
    sizes: [number, number],
  ) => {
    const header = 64 + n * 56;
    view.setUint32(header, 1, true); // PT_LOAD
    view.setUint32(header + 4, flags, true);
    view.setBigUint64(header + 8, BigInt(offset), true);
    view.setBigUint64(header + 16, BigInt(at), true);
    view.setBigUint64(header + 24, BigInt(at), true);
    view.setBigUint64(header + 32, BigInt(sizes[0]), true);
    view.setBigUint64(header + 40, BigInt(sizes[1]), true);
    view.setBigUint64(header + 48, 0x1000n, true);
  };
  segment(0, 5, 0x1000, TEXT + 0x1000, [text.length, text.length]);
  segment(1, 6, 0, DATA_SEGMENT, [0, DATA_SEGMENT_SIZE]);
  file.set(text, 0x1000);
  return file;
}
