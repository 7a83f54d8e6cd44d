import { beforeAll, describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import * as Fault from '../../../spec/page-fault.ts';
import { longModeProgram, PLACE, type Program } from '../../../test/core-program.ts';
import type { Assembler } from '../../compiler/x86/assembler.ts';
import { mem, R8, R9, RAX, RBX, RCX, RDX } from '../../compiler/x86/operand.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

/** The third 2 MiB are mapped by 4 KiB pages, through a table that each test fills. */
const TARGET = 0x40_0000;
const PF = 14;

/** A program whose #PF handler stores the error code in R8 and CR2 in R9, and halts. */
function withTable(entry: bigint, emit: (asm: Assembler) => void): Program {
  const program = longModeProgram(emit);
  program.write64(PLACE.directory + 16, BigInt(PLACE.table) | 7n);
  program.write64(PLACE.table, entry);
  program.gate(PF, PLACE.handlers);
  program.place(PLACE.handlers, (asm) => {
    asm.op('pop r64', R8);
    asm.op('mov r64, cr', R9, 2);
    asm.op('hlt');
  });
  return program;
}

const readTarget = (asm: Assembler) => {
  asm.op('mov r32, imm32', RBX, TARGET + 0x123);
  asm.op('mov r32, r/m32', RAX, mem(RBX));
  asm.op('hlt');
};
const writeTarget = (asm: Assembler) => {
  asm.op('mov r32, imm32', RBX, TARGET + 0x123);
  asm.op('mov r/m32, r32', mem(RBX), RAX);
  asm.op('hlt');
};
const fetchTarget = (asm: Assembler) => {
  asm.op('mov r32, imm32', RBX, TARGET + 0x123);
  asm.op('jmp r/m64', RBX);
};

const FRAME = 0x3_0000n;
const USER = Number(Fault.USER);

describe('a page fault', () => {
  it.each([
    ['not present, read', 0n, readTarget, 0],
    ['not present, write', 0n, writeTarget, Fault.WRITE],
    ['not present, fetch', 0n, fetchTarget, Fault.FETCH],
    [
      'read-only, written by the supervisor under CR0.WP',
      FRAME | 5n,
      writeTarget,
      Fault.PRESENT | Fault.WRITE,
    ],
    ['no-execute, fetched', FRAME | 7n | (1n << 63n), fetchTarget, Fault.PRESENT | Fault.FETCH],
    [
      'a reserved bit above the address width',
      FRAME | 7n | (1n << 50n),
      readTarget,
      Fault.PRESENT | Fault.RESERVED,
    ],
  ] as const)('tells %s', (_, entry, emit, code) => {
    const { core, run } = withTable(entry, emit);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rip).toBe(BigInt(PLACE.handlers) + 7n);
    expect(core.state.r8).toBe(BigInt(code));
    expect(core.state.r9).toBe(BigInt(TARGET + 0x123));
  });

  it('comes to a user who touches a supervisor page, through the stack of the TSS', () => {
    const program = withTable(FRAME | 3n, readTarget);
    const { core, run } = program;
    program.write64(PLACE.tss + 4, BigInt(PLACE.istStack));
    core.state.cpl = 3;
    Object.assign(core.state.cs, { selector: 0x2b, attributes: 0xafb });
    Object.assign(core.state.ss, { selector: 0x23, attributes: 0xcf3 });
    core.state.rsp = BigInt(PLACE.userStack);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.r8).toBe(BigInt(Number(Fault.PRESENT) | USER));
    expect(core.state.cpl).toBe(0);
    expect(core.state.ss.selector).toBe(0);
    expect(program.read64(PLACE.istStack - 16)).toBe(BigInt(PLACE.userStack));
    expect(program.read64(PLACE.istStack - 8)).toBe(0x23n);
  });

  it('is delivered at the instruction that crosses into a page that is not there', () => {
    const program = withTable(FRAME | 7n, (asm) => {
      asm.op('mov r32, imm32', RBX, TARGET + 0xffe);
      asm.op('mov r/m32, r32', mem(RBX), RBX);
      asm.op('hlt');
    });
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.r9).toBe(BigInt(TARGET + 0x1000));
    // Nothing of the store was done.
    expect(program.read64(Number(FRAME) + 0xff8)).toBe(0n);
  });
});

describe('the walk', () => {
  it('marks what it uses accessed, and what is written dirty', () => {
    const program = withTable(FRAME | 7n, writeTarget);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.read64(PLACE.table)).toBe(FRAME | 7n | 0x60n);
    expect(program.read64(PLACE.directory + 16)).toBe(BigInt(PLACE.table) | 7n | 0x20n);
    expect(program.read64(PLACE.pml4)).toBe(BigInt(PLACE.pdpt) | 7n | 0x20n);
  });

  it('leaves a page that was only read clean', () => {
    const program = withTable(FRAME | 7n, readTarget);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.read64(PLACE.table)).toBe(FRAME | 7n | 0x20n);
  });

  it('lets the supervisor write a read-only page without CR0.WP', () => {
    const program = withTable(FRAME | 5n, writeTarget);
    program.core.state.cr0 = 0x8000_0031n;
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.r9).toBe(0n);
  });

  it('takes pages of 1 GiB', () => {
    const program = longModeProgram(readTarget);
    program.write64(PLACE.pdpt, 0x87n);
    program.write64(TARGET + 0x120, 0x1122_3344_0000_0000n);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(0x2233_4400n);
  });

  it('keeps a translation until INVLPG, whatever happens to the table', () => {
    const program = withTable(FRAME | 0x67n, (asm) => {
      asm.op('mov r32, imm32', RBX, TARGET);
      asm.op('mov r32, r/m32', RAX, mem(RBX));
      asm.op('mov r32, imm32', RCX, PLACE.table);
      asm.op('mov r/m32, imm32', mem(RCX), 0x3_1067);
      asm.op('mov r32, r/m32', RAX, mem(RBX));
      asm.op('invlpg m', mem(RBX));
      asm.op('mov r32, r/m32', RDX, mem(RBX));
      asm.op('hlt');
    });
    program.write64(Number(FRAME), 1n);
    program.write64(0x3_1000, 2n);
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(1n);
    expect(program.core.state.rdx).toBe(2n);
  });
});

describe('decoded code', () => {
  it('is decoded anew after a store to it, even in the block that runs', () => {
    const program = longModeProgram((asm) => {
      const patched = asm.label();
      asm.op('mov r32, imm32', RAX, 1);
      asm.op('lea r64, m', RBX, { ...mem(0), base: -1, relative: true, label: patched });
      asm.op('mov r/m8, imm8', mem(RBX, 1), 5);
      asm.bind(patched);
      asm.op('mov r32, imm32', RAX, 2);
      asm.op('hlt');
    });
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(5n);
    expect(program.core.instructions).toBe(5);
  });

  it('runs where an instruction begins in one page and ends in the next', () => {
    const program = longModeProgram((asm) => {
      asm.op('mov r32, imm32', RBX, 0x2_0ffd);
      asm.op('jmp r/m64', RBX);
    });
    program.place(0x2_0ffd, (asm) => {
      asm.op('mov r32, imm32', RAX, 0x1234_5678);
      asm.op('hlt');
    });
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(0x1234_5678n);
  });
});

describe('an instruction in two pages', () => {
  /** At the end of one page that is mapped here, going on into the next: mov eax, imm32; hlt. */
  const AT = TARGET + 0xffd;

  function twoPages(emit: (asm: Assembler) => void): Program {
    const program = longModeProgram(emit);
    program.write64(PLACE.directory + 16, BigInt(PLACE.table) | 7n);
    program.write64(PLACE.table, 0x3_0007n);
    program.write64(PLACE.table + 8, 0x3_1007n);
    program.core.write(0x3_0ffd, Uint8Array.of(0xb8, 0x11, 0x22), 0);
    program.core.write(0x3_1000, Uint8Array.of(0x33, 0x44, 0xc3), 0);
    program.core.write(0x3_2000, Uint8Array.of(0x55, 0x66, 0xc3), 0);
    return program;
  }

  const callTwice = (between: (asm: Assembler) => void) => (asm: Assembler) => {
    for (const then of [between, () => {}]) {
      asm.op('mov r32, imm32', RBX, AT);
      asm.op('call r/m64', RBX);
      asm.op('mov r64, r/m64', RCX, RAX);
      then(asm);
      if (then === between) asm.op('mov r64, r/m64', RDX, RAX);
    }
    asm.op('hlt');
  };

  it('changes with a store to its second page', () => {
    const { core, run } = twoPages(
      callTwice((asm) => {
        asm.op('mov r32, imm32', RBX, TARGET + 0x1000);
        asm.op('mov r/m8, imm8', mem(RBX), 0x77);
      }),
    );
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rdx).toBe(0x4433_2211n);
    expect(core.state.rcx).toBe(0x4477_2211n);
  });

  it('changes with the mapping of its second page', () => {
    const { core, run } = twoPages(
      callTwice((asm) => {
        asm.op('mov r32, imm32', RBX, PLACE.table);
        asm.op('mov r/m32, imm32', mem(RBX, 8), 0x3_2007);
        asm.op('mov r32, imm32', RBX, TARGET + 0x1000);
        asm.op('invlpg m', mem(RBX));
      }),
    );
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rdx).toBe(0x4433_2211n);
    expect(core.state.rcx).toBe(0x6655_2211n);
  });

  it('faults with the address of its second page once that is gone', () => {
    const { core, run } = twoPages(
      callTwice((asm) => {
        asm.op('mov r32, imm32', RBX, PLACE.table);
        asm.op('mov r/m32, imm32', mem(RBX, 8), 0);
        asm.op('mov r32, imm32', RBX, TARGET + 0x1000);
        asm.op('invlpg m', mem(RBX));
      }),
    );
    core.control.intercept2 = 1 << 14;
    expect(run()).toBe(Exit.EXCP_BASE + 14);
    expect(core.state.rip).toBe(BigInt(AT));
    expect(core.control.exitInfo2).toBe(BigInt(TARGET + 0x1000));
  });
});

describe('the nested page table', () => {
  it.each([
    ['absent', { present: false }, readTarget, 0n],
    ['read-only and written', { writable: false }, writeTarget, Fault.PRESENT | Fault.WRITE],
    ['not executable and fetched', { executable: false }, fetchTarget, Fault.PRESENT | Fault.FETCH],
  ] as const)('exits with NPF for a page that is %s', (_, change, emit, code) => {
    const program = withTable(FRAME | 7n, emit);
    const gfn = Number(FRAME) >> 12;
    const { core } = program;
    core.npt.set(gfn, { ...core.npt.get(gfn), ...change });
    const before = core.instructions;
    expect(program.run()).toBe(Exit.NPF);
    const info = BigInt(code) | BigInt(Fault.USER) | BigInt(Fault.FINAL_ADDRESS);
    expect(core.control.exitInfo1).toBe(info);
    expect(core.control.exitInfo2).toBe(FRAME + 0x123n);
    expect(core.instructions).toBeGreaterThan(before);
    // Mended, the same instruction goes on.
    core.npt.set(gfn, { ...core.npt.get(gfn), present: true, writable: true, executable: true });
    core.write(Number(FRAME) + 0x123, Uint8Array.of(0xf4), 0);
    expect(program.run()).toBe(Exit.HLT);
  });

  it('exits with the table bit where the guest’s own tables are not mapped', () => {
    const program = withTable(FRAME | 7n, readTarget);
    const gfn = PLACE.table >> 12;
    program.core.npt.set(gfn, { ...program.core.npt.get(gfn), present: false });
    expect(program.run()).toBe(Exit.NPF);
    expect(program.core.control.exitInfo1).toBe(BigInt(Fault.USER) | BigInt(Fault.TABLE_ADDRESS));
    expect(program.core.control.exitInfo2).toBe(BigInt(PLACE.table));
  });

  it('hands accesses to a device’s page to the bus', () => {
    const seen: string[] = [];
    const mmio = {
      read: (gpa: bigint, size: number) => {
        seen.push(`read ${gpa.toString(16)} ${size}`);
        return 0x77n;
      },
      write: (gpa: bigint, size: number, value: bigint) => {
        seen.push(`write ${gpa.toString(16)} ${size} ${value.toString(16)}`);
      },
    };
    const program = longModeProgram(
      (asm) => {
        asm.op('mov r32, imm32', RBX, 0x7_f010);
        asm.op('mov r32, r/m32', RAX, mem(RBX));
        asm.op('mov r/m16, r16', mem(RBX, 2), RAX);
        asm.op('hlt');
      },
      { mmio },
    );
    program.core.npt.set(0x7f, { ...program.core.npt.get(0x7f), reserved: true });
    expect(program.run()).toBe(Exit.HLT);
    expect(program.core.state.rax).toBe(0x77n);
    expect(seen).toEqual(['read 7f010 4', 'write 7f012 2 77']);
  });
});
