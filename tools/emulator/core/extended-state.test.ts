import { beforeAll, describe, expect, it } from 'vitest';
import { CR4_OSXSAVE } from '../../../spec/cpu.ts';
import * as Exit from '../../../spec/exit.ts';
import { longModeProgram, PLACE, type Program } from '../../../test/core-program.ts';
import type { Assembler } from '../../compiler/x86/assembler.ts';
import { mem, RBX } from '../../compiler/x86/operand.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

const UD = 6;
const GP = 13;
const X87 = 1;
const SSE = 2;
const AVX = 4;
/** Of the area: MXCSR, XMM0, the header's XSTATE_BV and XCOMP_BV, the upper half of YMM0. */
const MXCSR = 0x18;
const XMM0 = 0xa0;
const STATE_BV = 0x200;
const COMP_BV = 0x208;
const YMM0 = 0x240;

/** Exit code of the intercept of exception 0. APM2 app. C. */
const EXCEPTION = 0x40;

type Prepare = (program: Program) => void;

/** Runs code with EDX:EAX = `mask`, RBX at the area and AVX enabled, up to HLT or an exception. */
function run(emit: (asm: Assembler) => void, mask: number, prepare?: Prepare) {
  const program = longModeProgram((asm) => {
    emit(asm);
    asm.op('hlt');
  });
  const { state, control } = program.core;
  control.intercept2 = 0xffff_ffff;
  Object.assign(state, { rax: BigInt(mask), rdx: 0n, rbx: BigInt(PLACE.data), xcr0: 7n });
  state.cr4 |= BigInt(CR4_OSXSAVE);
  state.xmm.fill(0x11);
  state.ymmHigh.fill(0x22);
  prepare?.(program);
  const exit = program.run();
  return { ...program, exception: exit === Exit.HLT ? undefined : exit - EXCEPTION };
}

const save = (asm: Assembler) => asm.op('xsave m', mem(RBX));
const restore = (asm: Assembler) => asm.op('xrstor m', mem(RBX));
/** The exception that ends the run; undefined for none. */
const exceptionOf = (emit: (asm: Assembler) => void, prepare?: Prepare) =>
  run(emit, X87 | SSE | AVX, prepare).exception;

describe('XSAVE', () => {
  it('writes what is asked for, and says so in the header', () => {
    const { read64 } = run(save, SSE | AVX, ({ write64 }) => write64(PLACE.data + STATE_BV, 1n));
    expect(read64(PLACE.data + XMM0)).toBe(0x1111_1111_1111_1111n);
    expect(read64(PLACE.data + YMM0)).toBe(0x2222_2222_2222_2222n);
    expect(read64(PLACE.data + STATE_BV)).toBe(BigInt(X87 | SSE | AVX));
  });

  it('leaves alone what is not asked for, or not enabled', () => {
    const { read64 } = run(save, X87 | AVX, ({ core }) => {
      core.state.xcr0 = 3n;
    });
    expect(read64(PLACE.data + XMM0)).toBe(0n);
    expect(read64(PLACE.data + YMM0)).toBe(0n);
    expect(read64(PLACE.data + STATE_BV)).toBe(BigInt(X87));
  });
});

describe('XRSTOR', () => {
  it('reads what the header says is there, and clears the rest of what is asked for', () => {
    const { core } = run(restore, SSE | AVX, ({ write64 }) => {
      write64(PLACE.data + XMM0, 0x33n);
      write64(PLACE.data + YMM0, 0x44n);
      write64(PLACE.data + MXCSR, 0x1f80n);
      write64(PLACE.data + STATE_BV, BigInt(SSE));
    });
    expect([core.state.xmm[0], core.state.xmm[16]]).toEqual([0x33, 0]);
    expect(core.state.ymmHigh.every((byte) => byte === 0)).toBe(true);
  });

  it.each<[string, number, bigint]>([
    ['a compacted area', COMP_BV, 1n << 63n],
    ['state that is not enabled', STATE_BV, 0x200n],
    ['bits of MXCSR that are not there', MXCSR, 0xffff_0000n],
  ])('refuses %s', (_, at, value) => {
    expect(exceptionOf(restore, ({ write64 }) => write64(PLACE.data + at, value))).toBe(GP);
    expect(exceptionOf(restore)).toBeUndefined();
  });
});

describe('extended state', () => {
  it.each([
    ['XSAVE', save],
    ['XRSTOR', restore],
  ])('%s needs an aligned area and CR4.OSXSAVE', (_, emit) => {
    const misaligned = ({ core: { state } }: Program) => {
      state.rbx += 16n;
    };
    const disabled = ({ core: { state } }: Program) => {
      state.cr4 = 0x620n;
    };
    expect(exceptionOf(emit, misaligned)).toBe(GP);
    expect(exceptionOf(emit, disabled)).toBe(UD);
  });

  it('must be enabled for AVX', () => {
    const add = (asm: Assembler) => asm.op('vpaddd xmm, xmm, xmm/m128', 1, 2, 3);
    const sseOnly = ({ core: { state } }: Program) => {
      state.xcr0 = 3n;
    };
    expect(exceptionOf(add)).toBeUndefined();
    expect(exceptionOf(add, sseOnly)).toBe(UD);
  });

  it('has zeros above what AVX writes, and stays above what SSE writes', () => {
    const both = (asm: Assembler) => {
      asm.op('vpaddd xmm, xmm, xmm/m128', 1, 2, 3);
      asm.op('paddd xmm, xmm/m128', 4, 5);
    };
    const { ymmHigh } = run(both, 0).core.state;
    expect(ymmHigh.subarray(16, 32).every((byte) => byte === 0)).toBe(true);
    expect(ymmHigh.subarray(64, 80).every((byte) => byte === 0x22)).toBe(true);
  });
});
