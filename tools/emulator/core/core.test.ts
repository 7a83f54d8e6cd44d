import { beforeAll, describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import { longModeProgram, PLACE, protectedModeProgram } from '../../../test/core-program.ts';
import { mem, RAX, RBX, RCX, RDI, RDX, RSI } from '../../compiler/x86/operand.ts';
import { EXIT_LIMIT } from '../core.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

describe('the core', () => {
  it('comes to its limit in a guest whose handler faults at once, for ever', () => {
    const program = longModeProgram((asm) => asm.op('ud2'));
    program.gate(6, PLACE.handlers, 1);
    program.write64(PLACE.tss + 0x24, BigInt(PLACE.istStack));
    program.place(PLACE.handlers, (asm) => asm.op('ud2'));
    expect(program.core.run(1000)).toBe(EXIT_LIMIT);
    expect(program.core.state.rip).toBe(BigInt(PLACE.handlers));
  });

  it('adds up a loop and stops at HLT', () => {
    const { core, run } = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RCX, 100);
      asm.op('xor r/m32, r32', RAX, RAX);
      const loop = asm.label();
      asm.bind(loop);
      asm.op('add r/m64, r64', RAX, RCX);
      asm.op('dec r/m64', RCX);
      asm.op('jne rel32', loop);
      asm.op('hlt');
    });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(5050n);
    expect(core.instructions).toBe(2 + 300 + 1);
  });

  it('stops at exactly the instruction asked for, wherever that is', () => {
    for (let limit = 0; limit < 200; limit++) {
      const { core, run } = longModeProgram((asm) => {
        const loop = asm.label();
        asm.bind(loop);
        asm.op('inc r/m64', RAX);
        asm.op('push r64', RAX);
        asm.op('pop r64', RBX);
        asm.op('jmp rel32', loop);
      });
      expect(run(limit)).toBe(EXIT_LIMIT);
      expect(core.instructions).toBe(limit);
      expect(core.state.rax).toBe(BigInt(Math.ceil(limit / 4)));
    }
  });

  it('counts each iteration of REP as an instruction, and stops between two', () => {
    const { core, run } = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RDI, PLACE.data + 5);
      asm.op('mov r32, imm32', RCX, 10_000);
      asm.op('mov r32, imm32', RAX, 0x5a);
      asm.bytes([0xf3]);
      asm.op('stosb');
      asm.op('hlt');
    });
    expect(run(3 + 6000)).toBe(EXIT_LIMIT);
    expect(core.state.rcx).toBe(4000n);
    expect(core.state.rdi).toBe(BigInt(PLACE.data + 5 + 6000));
    expect(run()).toBe(Exit.HLT);
    expect(core.instructions).toBe(3 + 10_000 + 1);
    expect([...core.read(PLACE.data + 4, 2, 0)]).toEqual([0, 0x5a]);
    expect([...core.read(PLACE.data + 5 + 9999, 2, 0)]).toEqual([0x5a, 0]);
  });

  it('goes from protected mode to long mode as a shim does', () => {
    const { core, run, write64 } = protectedModeProgram((asm) => {
      asm.op('mov r32, cr', RAX, 4);
      asm.op('or r/m32, simm8', RAX, 0x20);
      asm.op('mov cr, r32', 4, RAX);
      asm.op('mov r32, imm32', RAX, PLACE.pml4);
      asm.op('mov cr, r32', 3, RAX);
      asm.op('mov r32, imm32', RCX, 0xc000_0080);
      asm.op('rdmsr');
      asm.op('or r/m32, imm32', RAX, 0x900);
      asm.op('wrmsr');
      asm.op('mov r32, cr', RAX, 0);
      asm.op('or r/m32, imm32', RAX, 0x8000_0000);
      asm.op('mov cr, r32', 0, RAX);
      asm.op('jmp ptr16:32', PLACE.handlers, 0x08);
    });
    write64(PLACE.pml4, BigInt(PLACE.pdpt) | 3n);
    write64(PLACE.pdpt, BigInt(PLACE.directory) | 3n);
    write64(PLACE.directory, 0x83n);
    const program = { core, run };
    core.write(PLACE.handlers, Uint8Array.of(0x48, 0xb8, 8, 7, 6, 5, 4, 3, 2, 1, 0xf4), 0);
    expect(program.run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(0x0102_0304_0506_0708n);
    expect(core.state.efer & 0x500n).toBe(0x500n);
  });

  it('reads and writes memory across a page', () => {
    const { core, run, read64 } = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RSI, PLACE.data + 0xffc);
      asm.op('mov r64, imm64', RAX, 0x1122_3344_5566_7788n);
      asm.op('mov r/m64, r64', mem(RSI), RAX);
      asm.op('add r/m64, simm8', mem(RSI), 1);
      asm.op('mov r64, r/m64', RDX, mem(RSI));
      asm.op('hlt');
    });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rdx).toBe(0x1122_3344_5566_7789n);
    expect(read64(PLACE.data + 0xffc)).toBe(0x1122_3344_5566_7789n);
  });

  it('approximates reciprocals as closely as the manual asks', () => {
    const { core, run } = longModeProgram((asm) => {
      asm.op('rcpps xmm, xmm/m128', 1, 0);
      asm.op('rsqrtps xmm, xmm/m128', 2, 0);
      asm.op('hlt');
    });
    const inputs = [3, 0.37, 1e30, 0];
    new Float32Array(core.state.xmm.buffer, core.state.xmm.byteOffset, 4).set(inputs);
    expect(run()).toBe(Exit.HLT);
    const results = new Float32Array(core.state.xmm.buffer, core.state.xmm.byteOffset + 16, 8);
    for (const [i, x] of inputs.slice(0, 3).entries()) {
      expect(Math.abs((results[i] as number) * x - 1)).toBeLessThan(1.5 * 2 ** -12);
      const root = results[4 + i] as number;
      expect(Math.abs(root * Math.sqrt(x) - 1)).toBeLessThan(1.5 * 2 ** -12);
    }
    expect([results[3], results[7]]).toEqual([Infinity, Infinity]);
  });
});
