import { PLATFORM_NONE } from '../spec/abi/platform.ts';
import * as Termination from '../spec/abi/termination.ts';
import { VECTOR_UD } from '../spec/cpu.ts';
import * as Cpuid from '../spec/cpuid.ts';
import { EAX, EBP, EBX, ECX, ESI, ESP, mem } from '../tools/compiler/x86/operand.ts';
import { type Code32, record } from './code32.ts';

/** AMD's and Intel's guides say to give up after ten failures in a row. */
const TRIES = 10;
/** Readings of the time-stamp counter that make one number: at a bit of doubt each, two a bit. */
const READINGS = 64;
/** 2^32 divided by the golden ratio, made odd: spreads every bit upwards. */
const SPREAD = 0x9e37_79b1;

/**
 * `call random`: a number in EAX that nobody outside can know; changes EBX, ECX, EDX, keeps the rest.
 *
 * RDRAND, which no host can intercept, is tried whatever CPUID says of it. Where it does not exist
 * (QEMU's default CPU) and the platform is `none` by all signs, the low bits of the time-stamp counter
 * stand in, over a loop whose timing caches and interrupts disturb. Every CPU with SEV has RDRAND: under
 * SEV an answer that it is missing is a lie. AMD, Random Number Generator white paper (52136).
 */
export function assembleRandom(asm: Code32): void {
  const again = asm.label();
  const done = asm.label();
  const missing = asm.label();
  asm.bind(asm.random);
  asm.op('mov r32, imm32', EBP, asm.self(missing));
  asm.op('mov r32, imm32', ECX, TRIES);
  asm.bind(again);
  asm.op('rdrand r32', EAX);
  asm.op('jb rel8', done); // CF: the number is good
  asm.op('sub r/m32, simm8', ECX, 1);
  asm.op('jne rel8', again);
  asm.fail(Termination.NO_RANDOM);
  asm.bind(done);
  asm.op('xor r32, r/m32', EBP, EBP);
  asm.op('ret');

  asm.bind(missing);
  asm.op('xor r32, r/m32', EBP, EBP);
  asm.op('cmp r/m32, simm8', EAX, VECTOR_UD);
  asm.require('e', Termination.NO_RANDOM);
  asm.op('cmp r/m32, imm32', record('platform'), PLATFORM_NONE);
  asm.require('e', Termination.NO_RANDOM);
  asm.op('mov r32, imm32', EAX, Cpuid.LEAF_FEATURES);
  asm.op('call rel32', asm.cpuid);
  asm.op('test r/m32, imm32', ECX, Cpuid.ECX_RDRAND);
  asm.require('e', Termination.NO_RANDOM); // it is there, and yet it raised #UD
  mixTimeStamps(asm);
}

/** EAX becomes a mix of {@link READINGS} time stamps. */
function mixTimeStamps(asm: Code32): void {
  const again = asm.label();
  asm.op('push r32', ESI);
  asm.op('mov r32, imm32', ESI, READINGS);
  asm.op('push r32', EBX); // four bytes of memory
  asm.bind(again);
  asm.op('rdtsc');
  asm.op('xor r32, r/m32', EBX, EAX);
  asm.op('imul r32, r/m32, imm32', EBX, EBX, SPREAD);
  asm.op('ror r/m32, imm8', EBX, 15); // bring the high bits, which hold most, down again
  asm.op('mov r/m32, r32', mem(ESP), EBX); // memory, so that the loop's time varies
  asm.op('sub r/m32, simm8', ESI, 1);
  asm.op('jne rel8', again);
  asm.op('pop r32', EAX); // the last of what was written
  asm.op('pop r32', ESI);
  asm.op('ret');
}
