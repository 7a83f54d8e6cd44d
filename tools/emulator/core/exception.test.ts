import { beforeAll, describe, expect, it } from 'vitest';
import * as Event from '../../../spec/event-injection.ts';
import * as Exit from '../../../spec/exit.ts';
import {
  longModeProgram,
  PLACE,
  type Program,
  protectedModeProgram,
  SELECTOR,
} from '../../../test/core-program.ts';
import type { Assembler } from '../../compiler/x86/assembler.ts';
import { mem, RAX, RBX, RCX, RDX, RSP } from '../../compiler/x86/operand.ts';
import { EXIT_LIMIT, EXIT_UNIMPLEMENTED } from '../core.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

/** A handler at its own place that halts with a number in RAX. */
function handler(program: Program, vector: number, ist = 0): void {
  const at = PLACE.handlers + vector * 16;
  program.gate(vector, at, ist);
  program.place(at, (asm) => {
    asm.op('mov r32, imm32', RAX, vector);
    asm.op('hlt');
  });
}

/** The frame that an exception leaves on the stack, from the lowest address. */
function frame(program: Program, words: number): bigint[] {
  const rsp = Number(program.core.state.rsp);
  return Array.from({ length: words }, (_, i) => program.read64(rsp + 8 * i));
}

describe('an exception', () => {
  it.each([
    ['#DE', 0, (asm: Assembler) => asm.op('div r/m64', RCX)],
    ['#UD', 6, (asm: Assembler) => asm.op('ud2')],
    ['#UD, LOCK where it may not be', 6, (asm: Assembler) => asm.bytes([0xf0, 0x01, 0xc8])],
    ['#UD, VMRUN in a guest', 6, (asm: Assembler) => asm.op('vmrun')],
    ['#UD, PVALIDATE where SNP is off', 6, (asm: Assembler) => asm.op('pvalidate')],
  ])('%s pushes SS, RSP, RFLAGS with RF, CS and the faulting RIP', (_, vector, emit) => {
    const program = longModeProgram(emit);
    handler(program, vector);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(BigInt(vector));
    expect(frame(program, 5)).toEqual([
      BigInt(PLACE.code),
      BigInt(SELECTOR.code64),
      0x1_0002n,
      BigInt(PLACE.stack),
      BigInt(SELECTOR.data),
    ]);
    expect(program.core.instructions).toBe(2);
  });

  it.each([
    [
      'an instruction of sixteen bytes',
      (asm: Assembler) => asm.bytes([...Array(15).fill(0x66), 0x90]),
    ],
    [
      'a non-canonical address',
      (asm: Assembler) => {
        asm.op('mov r64, imm64', RBX, 0x8000_0000_0000_0000n);
        asm.op('mov r32, r/m32', RAX, mem(RBX));
      },
    ],
    [
      'a bit of CR4 that is not there',
      (asm: Assembler) => {
        asm.op('mov r64, imm64', RAX, 0x1_0000_0000n);
        asm.op('mov cr, r64', 4, RAX);
      },
    ],
    [
      'CR0.PG without PE',
      (asm: Assembler) => {
        asm.op('mov r32, imm32', RAX, 0x8000_0000);
        asm.op('mov cr, r64', 0, RAX);
      },
    ],
    [
      'EFER.LME changed while paging is on',
      (asm: Assembler) => {
        asm.op('mov r32, imm32', RCX, 0xc000_0080);
        asm.op('rdmsr');
        asm.op('and r/m32, imm32', RAX, 0xffff_feff);
        asm.op('wrmsr');
      },
    ],
    [
      'a bit of EFER that the processor does not have',
      (asm: Assembler) => {
        asm.op('mov r32, imm32', RCX, 0xc000_0080);
        asm.op('rdmsr');
        asm.op('or r/m32, imm32', RAX, 0x8000);
        asm.op('wrmsr');
      },
    ],
    [
      'PAE cleared in long mode',
      (asm: Assembler) => {
        asm.op('mov r32, imm32', RAX, 0x600);
        asm.op('mov cr, r64', 4, RAX);
      },
    ],
    [
      'an unknown MSR',
      (asm: Assembler) => {
        asm.op('mov r32, imm32', RCX, 0x1234);
        asm.op('rdmsr');
      },
    ],
  ] as const)('#GP(0) for %s', (_, emit) => {
    const program = longModeProgram(emit);
    handler(program, 13);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(13n);
    expect(frame(program, 1)).toEqual([0n]);
  });

  it('is #SS(0) for a non-canonical address through RSP', () => {
    const program = longModeProgram((asm) => {
      asm.op('mov r64, imm64', RBX, 0x8000_0000_0000_0000n);
      asm.op('xchg r/m64, r64', RSP, RBX);
      asm.op('push r64', RAX);
    });
    handler(program, 12, 1);
    program.write64(PLACE.tss + 0x24, BigInt(PLACE.istStack));
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(12n);
  });

  it('switches to the stack of the IST that its gate names', () => {
    const program = longModeProgram((asm) => asm.op('ud2'));
    handler(program, 6, 3);
    program.write64(PLACE.tss + 0x24 + 16, BigInt(PLACE.istStack));
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rsp).toBe(BigInt(PLACE.istStack - 40));
    expect(frame(program, 5)[3]).toBe(BigInt(PLACE.stack));
  });

  it('during the delivery of another becomes a double fault', () => {
    const program = longModeProgram((asm) => asm.op('div r/m64', RCX));
    // The gate of #DE is not present, which is #NP: two contributory exceptions.
    program.gate(0, PLACE.handlers, 0, 0x0e);
    handler(program, 8);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(8n);
    expect(frame(program, 2)).toEqual([0n, BigInt(PLACE.code)]);
  });

  it('is served one after the other where the first is benign', () => {
    const program = longModeProgram((asm) => asm.op('ud2'));
    program.gate(6, PLACE.handlers, 0, 0x0e);
    handler(program, 11);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(11n);
    // The gate, in the IDT, in the course of delivering an event: index 6, IDT, EXT.
    expect(frame(program, 1)).toEqual([BigInt(6 * 8 + 3)]);
  });

  it('that finds no #DF handler either shuts the processor down', () => {
    const program = longModeProgram((asm) => asm.op('ud2'));
    program.core.state.idtr.limit = 0;
    expect(program.run()).toBe(Exit.SHUTDOWN);
    expect(program.core.state.rip).toBe(BigInt(PLACE.code));
  });

  it('goes through a 32-bit gate in protected mode, and IRET comes back', () => {
    const program = protectedModeProgram((asm) => {
      asm.op('ud2');
      asm.op('hlt');
    });
    program.gate32(6, PLACE.handlers);
    program.place(
      PLACE.handlers,
      (asm) => {
        asm.op('add r/m32, simm8', mem(RSP), 2);
        asm.op('mov r32, r/m32', RBX, RSP);
        asm.op('iretd');
      },
      32,
    );
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rip).toBe(BigInt(PLACE.code + 3));
    expect(program.core.state.rbx).toBe(BigInt(PLACE.stack - 12));
    expect(program.core.state.rsp).toBe(BigInt(PLACE.stack));
  });
});

describe('a software interrupt', () => {
  it('returns behind itself by IRETQ', () => {
    const program = longModeProgram((asm) => {
      asm.op('int imm8', 0x40);
      asm.op('hlt');
    });
    program.gate(0x40, PLACE.handlers);
    program.place(PLACE.handlers, (asm) => {
      asm.op('inc r/m64', RBX);
      asm.op('iretq');
    });
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rbx).toBe(1n);
    expect(program.core.instructions).toBe(4);
  });

  it('needs a gate that its level may use', () => {
    const program = longModeProgram((asm) => asm.op('int imm8', 0x40));
    const { state } = program.core;
    program.gate(0x40, PLACE.handlers);
    handler(program, 13);
    program.write64(PLACE.tss + 4, BigInt(PLACE.istStack));
    state.cpl = 3;
    Object.assign(state.cs, { selector: SELECTOR.userCode64, attributes: 0xafb });
    Object.assign(state.ss, { selector: SELECTOR.userData, attributes: 0xcf3 });
    expect(program.run()).toBe(Exit.HLT);
    expect(frame(program, 2)).toEqual([BigInt(0x40 * 8 + 2), BigInt(PLACE.code)]);
  });
});

describe('RFLAGS.TF', () => {
  it('traps after each instruction, and RF of the frame stays clear', () => {
    const program = longModeProgram((asm) => {
      asm.op('inc r/m64', RBX);
      asm.op('inc r/m64', RBX);
      asm.op('hlt');
    });
    program.core.state.rflags = 0x102n;
    handler(program, 1);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rbx).toBe(1n);
    expect(program.core.state.dr6 & 0x4000n).toBe(0x4000n);
    expect(frame(program, 3)).toEqual([BigInt(PLACE.code + 3), BigInt(SELECTOR.code64), 0x102n]);
  });
});

describe('injected events', () => {
  const spin = (asm: Assembler) => {
    const loop = asm.label();
    asm.bind(loop);
    asm.op('inc r/m64', RBX);
    asm.op('jmp rel32', loop);
  };

  it.each([
    ['an interrupt', Event.TYPE_INTERRUPT, 0x80, 0],
    ['an exception with its code', Event.TYPE_EXCEPTION, 13, Event.ERROR_VALID],
    ['an NMI', Event.TYPE_NMI, 2, 0],
  ])('deliver %s before the next instruction', (_, type, vector, flags) => {
    const program = longModeProgram(spin);
    handler(program, vector);
    expect(program.run(5)).toBe(EXIT_LIMIT);
    const { rip } = program.core.state;
    const event = Event.VALID | (type << Event.TYPE_SHIFT) | flags | vector;
    program.core.control.eventInj = BigInt(event >>> 0) | (0x1234n << 32n);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(BigInt(vector));
    expect(frame(program, 2)[flags ? 1 : 0]).toBe(rip);
    if (flags) expect(frame(program, 1)).toEqual([0x1234n]);
    expect(program.core.control.eventInj).toBe(0n);
  });

  it('take a virtual interrupt as soon as RFLAGS.IF lets it in, one instruction after STI', () => {
    const program = longModeProgram((asm) => {
      asm.op('inc r/m64', RBX);
      asm.op('sti');
      asm.op('inc r/m64', RBX);
      asm.op('inc r/m64', RBX);
      asm.op('hlt');
    });
    handler(program, 0x50);
    const { control } = program.core;
    control.vIrq = 1n;
    control.vIntrPriority = 5n;
    control.vIntrVector = 0x50n;
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(0x50n);
    expect(program.core.state.rbx).toBe(2n);
    expect(control.vIrq).toBe(0n);
  });

  it('show the interrupt shadow to a hypervisor that stops in it', () => {
    const program = longModeProgram((asm) => {
      asm.op('sti');
      asm.op('nop');
      asm.op('hlt');
    });
    expect(program.run(1)).toBe(EXIT_LIMIT);
    expect(program.core.control.interruptShadow).toBe(1n);
    expect(program.run(1)).toBe(EXIT_LIMIT);
    expect(program.core.control.interruptShadow).toBe(0n);
  });

  it('are told in EXITINTINFO when their delivery leaves by NPF', () => {
    const program = longModeProgram(spin);
    handler(program, 0x80);
    const { core } = program;
    const gfn = (PLACE.stack - 8) >> 12;
    core.npt.set(gfn, { ...core.npt.get(gfn), present: false });
    core.control.eventInj = BigInt((Event.VALID | 0x80) >>> 0);
    expect(program.run()).toBe(Exit.NPF);
    expect(core.control.exitIntInfo).toBe(BigInt((Event.VALID | 0x80) >>> 0));
    expect(core.state.rsp).toBe(BigInt(PLACE.stack));
  });
});

describe('intercepts', () => {
  it('leave before the instruction, with the address of the next', () => {
    const program = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RCX, 0x10);
      asm.op('rdmsr');
      asm.op('hlt');
    });
    program.core.control.intercept3 = 1 << (Exit.MSR & 31);
    expect(program.run()).toBe(Exit.MSR);
    expect(program.core.state.rip).toBe(BigInt(PLACE.code + 5));
    expect(program.core.control.nRip).toBe(BigInt(PLACE.code + 7));
    expect(program.core.control.exitInfo1).toBe(0n);
  });

  it('follow the MSR permission map', () => {
    const program = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RCX, 0xc000_0102);
      asm.op('mov r32, imm32', RAX, 0x1234);
      asm.op('xor r/m32, r32', RDX, RDX);
      asm.op('wrmsr');
      asm.op('hlt');
    });
    program.core.control.intercept3 = 1 << (Exit.MSR & 31);
    program.core.msrpm[0x800 + (0x102 >> 2)] = 0;
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.kernelGsBase).toBe(0x1234n);
  });

  it('tell port, size and direction of port I/O', () => {
    const program = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RDX, 0x3f8);
      asm.op('out dx, al');
      asm.op('hlt');
    });
    expect(program.run()).toBe(Exit.IOIO);
    expect(program.core.control.exitInfo1).toBe(0x03f8_0210n);
    expect(program.core.control.exitInfo2).toBe(BigInt(PLACE.code + 6));
  });
});

describe('what the core does not have', () => {
  it('ends the run with the row’s name', () => {
    const program = longModeProgram((asm) => asm.op('xsaveopt m', mem(RBX)));
    expect(program.run()).toBe(EXIT_UNIMPLEMENTED);
    expect(program.core.unimplemented()).toBe(
      `instruction xsaveopt m at rip ${PLACE.code.toString(16)}`,
    );
  });
});
