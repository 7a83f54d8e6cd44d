import type { Cpu } from '../compile.ts';
import { XMM } from './machine.ts';
import { R8, R9, R10, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI } from './operand.ts';

/** What code generation depends on besides the module. */
export interface Target {
  /** Whether r14 holds the linear memory's base; else the memory is at address 0. */
  readonly baseRegister: boolean;
  /** x86-64-v2: popcnt, SSE4.1. */
  readonly v2: boolean;
  /** x86-64-v3: BMI1, BMI2, LZCNT. */
  readonly v3: boolean;
  /** x86-64-v3: AVX and AVX2, whose operations on vectors have a result of their own. */
  readonly avx: boolean;
  /** Bytes of stack to make sure of below each frame that calls anything. */
  readonly stackInHand: number;
  /** Allocatable registers by class, in order of preference. */
  readonly registers: readonly [readonly number[], readonly number[]];
}

const CALLER_SAVED = [RAX, RCX, RDX, RSI, RDI, R8, R9, R10];
const CALLEE_SAVED = [RBX, RBP, R12, R13, R15];
const XMM_REGISTERS = Array.from({ length: 15 }, (_, i) => XMM + i);

/** Registers that a called function restores, in the order in which prologues push them. */
export const SAVED_BY_CALLEE: readonly number[] = [RBX, RBP, R12, R13, R14, R15];

/** Bits of all registers that a call destroys, the scratch registers among them. */
export const CALL_CLOBBERS =
  (0xffff_0000 | [...CALLER_SAVED, 11].reduce((mask, register) => mask | (1 << register), 0)) >>> 0;

/** The target for a memory mode and processor level; `stackInHand` as CompileOptions has it. */
export function makeTarget(mode: 'base0' | 'basereg', cpu: Cpu, stackInHand = 0): Target {
  const baseRegister = mode === 'basereg';
  return {
    baseRegister,
    v2: cpu !== 'x86-64',
    v3: cpu === 'x86-64-v3',
    avx: cpu === 'x86-64-v3',
    stackInHand,
    registers: [[...CALLER_SAVED, ...CALLEE_SAVED, ...(baseRegister ? [] : [R14])], XMM_REGISTERS],
  };
}
