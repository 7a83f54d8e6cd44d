import type { Assembler } from '../../compiler/x86/assembler.ts';
import {
  indexed,
  type Memory,
  mem,
  NONE,
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
} from '../../compiler/x86/operand.ts';

/** A program of the benchmark: a function that leaves a checksum in EAX and may use every register. */
export interface BenchProgram {
  readonly letter: string;
  readonly name: string;
  readonly emit: (asm: Assembler) => void;
}

/** Memory that the programs work in; the lowest is the second MiB. */
const FIRST = 0x10_0000;
const SECOND = 0x28_0000;
const CHASE = 0x40_0000;
const SIEVE = 0x80_0000;
const WORDS = 0x90_0000;

function repeat(asm: Assembler, register: number, count: number, body: () => void): void {
  asm.op('mov r32, imm32', register, count);
  const loop = asm.label();
  asm.bind(loop);
  body();
  asm.op('dec r/m64', register);
  asm.op('jne rel32', loop);
}

/** Ten instructions on registers, over and over. */
function alu(asm: Assembler): void {
  asm.op('mov r32, imm32', RAX, 1);
  asm.op('mov r32, imm32', RBX, 0x9e3779b9);
  asm.op('xor r/m32, r32', RDX, RDX);
  repeat(asm, RCX, 6_000_000, () => {
    asm.op('add r/m64, r64', RAX, RBX);
    asm.op('xor r/m64, r64', RDX, RAX);
    asm.op('shl r/m64, imm8', RBX, 1);
    asm.op('add r/m64, simm8', RBX, 7);
    asm.op('lea r64, m', RSI, indexed(RAX, RDX, 2, 3));
    asm.op('and r/m64, simm32', RSI, 0xffff);
    asm.op('or r/m64, r64', RBX, RSI);
    asm.op('sub r/m64, r64', RAX, RSI);
  });
  asm.op('xor r/m32, r32', RAX, RDX);
}

/** Copies a MiB, 32 bytes a turn. */
function copy(asm: Assembler): void {
  asm.op('mov r32, imm32', RDI, FIRST);
  asm.op('mov r32, imm32', RAX, 12345);
  repeat(asm, RCX, 0x2_0000, () => {
    asm.op('mov r/m64, r64', mem(RDI), RAX);
    asm.op('lea r64, m', RAX, indexed(RAX, RAX, 4, 1));
    asm.op('add r/m64, simm8', RDI, 8);
  });
  repeat(asm, RBP, 120, () => {
    asm.op('mov r32, imm32', RSI, FIRST);
    asm.op('mov r32, imm32', RDI, SECOND);
    repeat(asm, RCX, 0x8000, () => {
      for (let i = 0; i < 32; i += 8) {
        asm.op('mov r64, r/m64', RAX, mem(RSI, i));
        asm.op('mov r/m64, r64', mem(RDI, i), RAX);
      }
      asm.op('add r/m64, simm8', RSI, 32);
      asm.op('add r/m64, simm8', RDI, 32);
    });
  });
  asm.op('mov r32, imm32', RDI, SECOND);
  asm.op('mov r32, r/m32', RAX, mem(RDI, 0xf_fff8));
}

/** Follows pointers through 512 KiB in an order that no prefetcher foresees: what the second-level cache holds. */
function chase(asm: Assembler): void {
  asm.op('xor r/m32, r32', RAX, RAX);
  repeat(asm, RCX, 0x2000, () => {
    // Element i is followed by 5 i + 12345 modulo 8192: one cycle through all.
    asm.op('lea r64, m', RDX, indexed(RAX, RAX, 4, 12345));
    asm.op('and r/m64, simm32', RDX, 0x1fff);
    asm.op('mov r64, r/m64', RSI, RAX);
    asm.op('shl r/m64, imm8', RSI, 6);
    asm.op('mov r64, r/m64', RDI, RDX);
    asm.op('shl r/m64, imm8', RDI, 6);
    asm.op('add r/m64, simm32', RDI, CHASE);
    asm.op('mov r/m64, r64', mem(RSI, CHASE), RDI);
    asm.op('mov r64, r/m64', RAX, RDX);
  });
  asm.op('mov r32, imm32', RAX, CHASE);
  repeat(asm, RCX, 4_000_000, () => {
    for (let i = 0; i < 4; i++) asm.op('mov r64, r/m64', RAX, mem(RAX));
  });
}

/** Sieve of Eratosthenes below a million, a byte a number. */
function sieve(asm: Assembler): void {
  const limit = 1_000_000;
  repeat(asm, RBP, 4, () => {
    asm.op('mov r32, imm32', RDI, SIEVE);
    asm.op('mov r32, imm32', RCX, limit / 8);
    asm.op('mov r64, imm64', RAX, 0x0101010101010101n);
    asm.bytes([0xf3]);
    asm.op('stosq');
    asm.op('mov r32, imm32', RDI, SIEVE);
    asm.op('xor r/m32, r32', RBX, RBX);
    asm.op('mov r32, imm32', RDX, 2);
    const next = asm.label();
    const composite = asm.label();
    const done = asm.label();
    const mark = asm.label();
    asm.bind(next);
    asm.op('cmp r/m8, imm8', indexed(RDI, RDX, 1), 0);
    asm.op('je rel32', composite);
    asm.op('inc r/m64', RBX);
    asm.op('mov r64, r/m64', RSI, RDX);
    asm.op('imul r64, r/m64', RSI, RDX);
    asm.op('cmp r/m64, simm32', RSI, limit);
    asm.op('jae rel32', composite);
    asm.bind(mark);
    asm.op('mov r/m8, imm8', indexed(RDI, RSI, 1), 0);
    asm.op('add r/m64, r64', RSI, RDX);
    asm.op('cmp r/m64, simm32', RSI, limit);
    asm.op('jb rel32', mark);
    asm.bind(composite);
    asm.op('inc r/m64', RDX);
    asm.op('cmp r/m64, simm32', RDX, limit);
    asm.op('jb rel32', next);
    asm.bind(done);
  });
  asm.op('mov r32, r/m32', RAX, RBX);
}

/** A stack machine that jumps through a table from one bytecode to the next. */
function bytecode(asm: Assembler): void {
  const code = asm.label();
  const table = asm.label();
  const over = asm.label();
  const handlers = Array.from({ length: 6 }, () => asm.label());
  const [push, add, exchange, decrement, branch, leave] = handlers;
  const at = (label: typeof code): Memory => ({ ...mem(NONE), base: NONE, relative: true, label });
  const dispatch = () => {
    asm.op('movzx r32, r/m8', RDX, mem(RSI));
    asm.op('inc r/m64', RSI);
    asm.op('mov r64, r/m64', RDX, indexed(RBX, RDX, 8));
    asm.op('jmp r/m64', RDX);
  };
  asm.op('lea r64, m', RSI, at(code));
  asm.op('mov r32, imm32', RBX, WORDS);
  asm.op('mov r32, imm32', RDI, WORDS + 0x1000);
  handlers.forEach((handler, i) => {
    asm.op('lea r64, m', RAX, at(handler));
    asm.op('mov r/m64, r64', mem(RBX, i * 8), RAX);
  });
  asm.op('xor r/m32, r32', RAX, RAX);
  asm.op('mov r32, imm32', RCX, 2_000_000);
  dispatch();
  const define = (label: typeof code | undefined, body: () => void) => {
    if (label === undefined) throw new RangeError('six handlers');
    asm.bind(label);
    body();
  };
  define(push, () => {
    asm.op('add r/m64, simm8', RDI, 8);
    asm.op('mov r/m64, r64', mem(RDI), RAX);
    asm.op('movzx r32, r/m8', RAX, mem(RSI));
    asm.op('inc r/m64', RSI);
    dispatch();
  });
  define(add, () => {
    asm.op('add r64, r/m64', RAX, mem(RDI));
    asm.op('sub r/m64, simm8', RDI, 8);
    dispatch();
  });
  define(exchange, () => {
    asm.op('xor r/m64, r64', RAX, RCX);
    dispatch();
  });
  define(decrement, () => {
    asm.op('dec r/m64', RCX);
    dispatch();
  });
  define(branch, () => {
    const through = asm.label();
    asm.op('movsx r64, r/m8', RDX, mem(RSI));
    asm.op('inc r/m64', RSI);
    asm.op('test r/m64, r64', RCX, RCX);
    asm.op('je rel32', through);
    asm.op('add r/m64, r64', RSI, RDX);
    asm.bind(through);
    dispatch();
  });
  define(leave, () => asm.op('jmp rel32', over));
  asm.bind(code);
  // push 7, add, exchange, push 3, add, decrement, branch back to the start, leave
  asm.bytes([0, 7, 1, 2, 0, 3, 1, 3, 4, -10 & 0xff, 5]);
  asm.bind(table);
  asm.bind(over);
}

const ROUND_CONSTANTS = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
];

/** SHA-256's message schedule and 64 rounds, eight of them unrolled. FIPS 180-4 §6.2; eight constants only. */
function sha256(asm: Assembler): void {
  const state = [R8, R9, R10, R11, R12, R13, R14, R15];
  state.forEach((register, i) => {
    asm.op('mov r32, imm32', register, 0x6a09e667 + i * 0x1234567);
  });
  asm.op('mov r32, imm32', RDI, WORDS);
  repeat(asm, RCX, 16, () => asm.op('mov r/m32, r32', indexed(RDI, RCX, 4, -4), RCX));
  repeat(asm, RBP, 12_000, () => {
    schedule(asm);
    asm.op('mov r32, imm32', RDI, WORDS);
    repeat(asm, RCX, 8, () => {
      for (let i = 0; i < 8; i++) round(asm, state, i);
      asm.op('add r/m64, simm8', RDI, 32);
    });
    asm.op('mov r32, imm32', RDI, WORDS);
    asm.op('add r/m32, r32', mem(RDI), R8);
    asm.op('xor r/m32, r32', mem(RDI, 20), R12);
  });
  asm.op('mov r32, r/m32', RAX, R8);
}

function rotated(asm: Assembler, to: number, from: number, by: number): void {
  asm.op('mov r32, r/m32', to, from);
  asm.op('ror r/m32, imm8', to, by);
}

function schedule(asm: Assembler): void {
  asm.op('mov r32, imm32', RDI, WORDS + 64);
  repeat(asm, RCX, 48, () => {
    const sigma = (offset: number, a: number, b: number, shift: number, to: number) => {
      asm.op('mov r32, r/m32', RAX, mem(RDI, offset));
      rotated(asm, to, RAX, a);
      rotated(asm, RSI, RAX, b);
      asm.op('xor r/m32, r32', to, RSI);
      asm.op('shr r/m32, imm8', RAX, shift);
      asm.op('xor r/m32, r32', to, RAX);
    };
    sigma(-60, 7, 18, 3, RDX);
    sigma(-8, 17, 19, 10, RBX);
    asm.op('add r/m32, r32', RDX, RBX);
    asm.op('add r32, r/m32', RDX, mem(RDI, -64));
    asm.op('add r32, r/m32', RDX, mem(RDI, -28));
    asm.op('mov r/m32, r32', mem(RDI), RDX);
    asm.op('add r/m64, simm8', RDI, 4);
  });
}

/** One round; instead of moving the eight variables, each round takes them one further on. */
function round(asm: Assembler, state: readonly number[], i: number): void {
  const variable = (n: number) => state[(n - i + 8) & 7] as number;
  const [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(variable) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  rotated(asm, RAX, e, 6);
  rotated(asm, RDX, e, 11);
  asm.op('xor r/m32, r32', RAX, RDX);
  rotated(asm, RDX, e, 25);
  asm.op('xor r/m32, r32', RAX, RDX);
  asm.op('mov r32, r/m32', RDX, f);
  asm.op('xor r/m32, r32', RDX, g);
  asm.op('and r/m32, r32', RDX, e);
  asm.op('xor r/m32, r32', RDX, g);
  asm.op('add r/m32, r32', RAX, RDX);
  asm.op('add r32, r/m32', h, mem(RDI, i * 4));
  asm.op('add r/m32, imm32', h, ROUND_CONSTANTS[i] as number);
  asm.op('add r/m32, r32', h, RAX);
  asm.op('add r/m32, r32', d, h);
  rotated(asm, RAX, a, 2);
  rotated(asm, RDX, a, 13);
  asm.op('xor r/m32, r32', RAX, RDX);
  rotated(asm, RDX, a, 22);
  asm.op('xor r/m32, r32', RAX, RDX);
  asm.op('mov r32, r/m32', RDX, a);
  asm.op('mov r32, r/m32', RSI, a);
  asm.op('or r/m32, r32', RDX, b);
  asm.op('and r/m32, r32', RSI, b);
  asm.op('and r/m32, r32', RDX, c);
  asm.op('or r/m32, r32', RDX, RSI);
  asm.op('add r/m32, r32', h, RAX);
  asm.op('add r/m32, r32', h, RDX);
}

/** Fibonacci's numbers by two calls each. */
function recursion(asm: Assembler): void {
  const fib = asm.label();
  const base = asm.label();
  const over = asm.label();
  asm.op('mov r32, imm32', RDI, 31);
  asm.callLabel(fib);
  asm.op('jmp rel32', over);
  asm.bind(fib);
  asm.op('cmp r/m64, simm8', RDI, 2);
  asm.op('jb rel32', base);
  asm.op('push r64', RBX);
  asm.op('push r64', RDI);
  asm.op('dec r/m64', RDI);
  asm.callLabel(fib);
  asm.op('mov r64, r/m64', RBX, RAX);
  asm.op('pop r64', RDI);
  asm.op('sub r/m64, simm8', RDI, 2);
  asm.callLabel(fib);
  asm.op('add r/m64, r64', RAX, RBX);
  asm.op('pop r64', RBX);
  asm.op('ret');
  asm.bind(base);
  asm.op('mov r64, r/m64', RAX, RDI);
  asm.op('ret');
  asm.bind(over);
}

/** The programs that emulators are timed on, in the order in which they run. */
export const PROGRAMS: readonly BenchProgram[] = [
  { letter: 'A', name: 'ALU loop', emit: alu },
  { letter: 'C', name: 'copy', emit: copy },
  { letter: 'P', name: 'pointer chase', emit: chase },
  { letter: 'S', name: 'sieve', emit: sieve },
  { letter: 'V', name: 'bytecode interpreter', emit: bytecode },
  { letter: 'H', name: 'SHA-256', emit: sha256 },
  { letter: 'F', name: 'recursion', emit: recursion },
];
