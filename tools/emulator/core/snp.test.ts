import { beforeAll, describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import * as Fault from '../../../spec/page-fault.ts';
import * as Rmp from '../../../spec/rmp.ts';
import {
  ASID,
  C_BIT,
  guestPage,
  longModeProgram,
  PLACE,
  type Program,
  type Protection,
} from '../../../test/core-program.ts';
import type { Assembler } from '../../compiler/x86/assembler.ts';
import { mem, R8, R9, RAX, RBX, RCX, RDX } from '../../compiler/x86/operand.ts';
import { EXIT_LIMIT, type RmpEntry } from '../core.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

/** Its 4 KiB page is mapped privately at TARGET, and shared at ALIAS. */
const FRAME = 0x3_0000;
const TARGET = 0x40_0000;
const ALIAS = 0x40_1000;
const VC = 29;

function program(emit: (asm: Assembler) => void, protection: Protection = 'snp'): Program {
  const made = longModeProgram(emit, {}, protection);
  made.write64(PLACE.directory + 16, BigInt(PLACE.table) | 7n | C_BIT);
  made.write64(PLACE.table, BigInt(FRAME) | 7n | C_BIT);
  made.write64(PLACE.table + 8, BigInt(FRAME) | 7n);
  // #VC: error code in R8, CR2 in R9.
  made.gate(VC, PLACE.handlers);
  made.place(PLACE.handlers, (asm) => {
    asm.op('pop r64', R8);
    asm.op('mov r64, cr', R9, 2);
    asm.op('hlt');
  });
  made.core.control.intercept3 = 1 << (Exit.MSR & 31);
  return made;
}

const load = (address: number) => (asm: Assembler) => {
  asm.op('mov r32, imm32', RBX, address);
  asm.op('mov r64, r/m64', RAX, mem(RBX));
  asm.op('hlt');
};
const store = (address: number) => (asm: Assembler) => {
  asm.op('mov r32, imm32', RBX, address);
  asm.op('mov r/m64, r64', mem(RBX), RBX);
  asm.op('hlt');
};

describe('the C-bit', () => {
  it.each(['sev', 'sev-es', 'snp'] as const)(
    'decides under %s which bytes the guest sees',
    (mode) => {
      const { core, run } = program((asm) => {
        asm.op('mov r32, imm32', RBX, TARGET);
        asm.op('mov r64, r/m64', RAX, mem(RBX));
        asm.op('mov r64, r/m64', RCX, mem(RBX, ALIAS - TARGET));
        asm.op('mov r64, r/m64', RDX, mem(RBX));
        asm.op('hlt');
      }, mode);
      const secret = new TextEncoder().encode('password');
      core.write(FRAME, secret, ASID);
      expect(run()).toBe(Exit.HLT);
      const plain = new DataView(secret.buffer).getBigUint64(0, true);
      const cipher = new DataView(core.read(FRAME, 8, 0).buffer).getBigUint64(0, true);
      expect(core.state.rax).toBe(plain);
      expect(core.state.rcx).toBe(cipher);
      expect(core.state.rcx).not.toBe(plain);
      expect(core.state.rdx).toBe(plain);
    },
  );

  it('shows a page of ciphertext decrypted, whether a few words of it are read or many', () => {
    const reads = 200;
    const { core, run } = program((asm) => {
      asm.op('mov r32, imm32', RBX, TARGET + 0x3c);
      asm.op('xor r/m32, r32', RAX, RAX);
      for (let i = 0; i < reads; i++) asm.op('xor r64, r/m64', RAX, mem(RBX, i * 7));
      asm.op('hlt');
    });
    const page = Uint8Array.from({ length: 4096 }, (_, i) => (i * 131) >> 3);
    // Put there by the host as ciphertext: the frame is held under no key.
    core.write(FRAME, page, 0);
    const plain = core.read(FRAME, 4096, ASID);
    const view = new DataView(plain.buffer);
    let expected = 0n;
    for (let i = 0; i < reads; i++) expected ^= view.getBigUint64(0x3c + i * 7, true);
    expect(core.frames.key(FRAME >> 12)).toBe(0);
    expect(run(3)).toBe(EXIT_LIMIT);
    expect(core.frames.key(FRAME >> 12)).toBe(0);
    expect(core.state.rax).toBe(view.getBigUint64(0x3c, true));
    expect(run()).toBe(Exit.HLT);
    expect(core.frames.key(FRAME >> 12)).toBe(ASID);
    expect(core.state.rax).toBe(expected);
  });

  it('holds for a page that REP STOS fills whole, without its old bytes', () => {
    const { core, run } = program((asm) => {
      asm.op('mov r32, imm32', 7, TARGET);
      asm.op('mov r32, imm32', RCX, 512);
      asm.op('mov r64, imm64', RAX, 0x0123_4567_89ab_cdefn);
      asm.bytes([0xf3]);
      asm.op('stosq');
      asm.op('hlt');
    });
    expect(run()).toBe(Exit.HLT);
    const bytes = core.read(FRAME, 4096, ASID);
    expect(new Set(bytes)).toEqual(new Set([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]));
    expect(new Set(core.read(FRAME, 4096, 0)).size).toBeGreaterThan(250);
  });

  it('does not count for fetches and tables, which are always private', () => {
    const { core, run } = program((asm) => {
      asm.op('mov r32, imm32', RBX, ALIAS);
      asm.op('jmp r/m64', RBX);
    });
    core.write(FRAME, Uint8Array.of(0xb8, 7, 0, 0, 0, 0xf4), ASID);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(7n);
  });

  it('is a reserved bit where memory is not encrypted', () => {
    const { core, run, write64 } = longModeProgram(load(TARGET));
    write64(PLACE.directory + 16, BigInt(TARGET) | 0x87n | C_BIT);
    core.control.intercept2 = 1 << 14;
    expect(run()).toBe(Exit.EXCP_BASE + 14);
    expect(core.control.exitInfo1).toBe(BigInt(Fault.PRESENT | Fault.RESERVED));
  });
});

describe('#VC', () => {
  it.each([
    ['CPUID', Exit.CPUID, (asm: Assembler) => asm.op('cpuid')],
    ['port output', Exit.IOIO, (asm: Assembler) => asm.op('out imm8, al', 0x80)],
    ['port input, string', Exit.IOIO, (asm: Assembler) => asm.op('insb')],
    [
      'an intercepted MSR',
      Exit.MSR,
      (asm: Assembler) => {
        asm.op('mov r32, imm32', RCX, 0x1b);
        asm.op('rdmsr');
      },
    ],
  ] as const)('comes for %s, with the exit code as its error code', (_, code, emit) => {
    const { core, run, read64 } = program(emit);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.r8).toBe(BigInt(code));
    // RIP of the frame is the instruction's own.
    const length = code === Exit.MSR ? 5 : 0;
    expect(read64(Number(core.state.rsp))).toBe(BigInt(PLACE.code + length));
  });

  it('comes for a device’s page as 0x400', () => {
    const { core, run } = program(load(ALIAS));
    core.npt.set(FRAME >> 12, { ...core.npt.get(FRAME >> 12), reserved: true });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.r8).toBe(BigInt(Exit.NPF));
  });

  it('does not come for SEV_STATUS and the GHCB MSR', () => {
    const { core, run } = program((asm) => {
      asm.op('mov r32, imm32', RCX, 0xc001_0131);
      asm.op('rdmsr');
      asm.op('mov r64, r/m64', RBX, RAX);
      asm.op('mov r32, imm32', RCX, 0xc001_0130);
      asm.op('mov r32, imm32', RAX, 0x5001);
      asm.op('xor r/m32, r32', RDX, RDX);
      asm.op('wrmsr');
      asm.op('hlt');
    });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rbx).toBe(7n);
    expect(core.state.ghcb).toBe(0x5001n);
  });

  it('is not there for automatic exits: VMGEXIT and HLT leave behind the instruction', () => {
    const { core, run } = program((asm) => {
      asm.op('vmgexit');
      asm.op('hlt');
    });
    expect(run()).toBe(Exit.VMGEXIT);
    expect(core.state.rip).toBe(BigInt(PLACE.code + 4));
    expect(run()).toBe(Exit.HLT);
    expect(core.instructions).toBe(2);
  });

  it('is VMMCALL’s exit for VMGEXIT without SEV-ES', () => {
    const { core, run } = program((asm) => asm.op('vmgexit'), 'sev');
    core.control.intercept4 = 1 << (Exit.VMMCALL & 31);
    expect(run()).toBe(Exit.VMMCALL);
    expect(core.state.rip).toBe(BigInt(PLACE.code));
  });
});

const private_ = Fault.PRESENT + Fault.USER + Fault.RMP + Fault.FINAL_ADDRESS + Fault.ENCRYPTED;

/** Rows of table 15-39: an access, what the RMP says, and what comes of it. */
const DENIED: readonly (readonly [string, (asm: Assembler) => void, Partial<RmpEntry>, number])[] =
  [
    ['a private read of the hypervisor’s page', load(TARGET), { assigned: false }, private_],
    [
      'a private write of the hypervisor’s page',
      store(TARGET),
      { assigned: false },
      private_ + Fault.WRITE,
    ],
    ['another guest’s page', load(TARGET), { asid: 2 }, private_],
    ['a page that is the guest’s at another address', load(TARGET), { gfn: 0x31 }, private_],
    ['an immutable page', load(TARGET), { immutable: true }, private_],
    ['a page of another size', load(TARGET), { huge: true }, private_],
    [
      'a page that VMPL0 may only read, written',
      store(TARGET),
      { permissions: [1, 0, 0, 0] },
      private_ + Fault.WRITE + Fault.VMPL,
    ],
    [
      'a private page, written as shared',
      store(ALIAS),
      {},
      private_ - Fault.ENCRYPTED + Fault.WRITE,
    ],
  ];

describe('the RMP', () => {
  it.each(DENIED)('stops %s by NPF', (_, emit, change, info) => {
    const { core, run } = program(emit);
    core.frames.setRmp(FRAME >> 12, { ...guestPage(FRAME >> 12), ...change });
    expect(run()).toBe(Exit.NPF);
    expect(core.control.exitInfo1).toBe(BigInt(info));
    expect(core.control.exitInfo2).toBe(BigInt(FRAME));
  });

  it('lets a shared read of a private page through: ciphertext', () => {
    expect(program(load(ALIAS)).run()).toBe(Exit.HLT);
  });

  it('lets a shared write to the hypervisor’s page through', () => {
    const { core, run } = program(store(ALIAS));
    core.frames.setRmp(FRAME >> 12, { ...guestPage(0), assigned: false, asid: 0 });
    expect(run()).toBe(Exit.HLT);
    expect(core.read(FRAME, 4, 0)[2]).toBe(0x40);
  });

  it('stops a shared write through 2 MiB of which any page is not the hypervisor’s', () => {
    const shared = (assigned: number | undefined) => {
      const { core, run, write64 } = program(store(ALIAS));
      write64(PLACE.table + 8, 0x60_0000n | 7n);
      core.npt.map(0x600, 0x600, 512, true);
      const free = { ...guestPage(0), assigned: false, asid: 0 };
      for (let frame = 0x600; frame < 0x800; frame++) core.frames.setRmp(frame, free);
      if (assigned !== undefined) core.frames.setRmp(assigned, guestPage(assigned));
      return run();
    };
    expect([undefined, 0x600, 0x601, 0x7ff].map(shared)).toEqual([
      Exit.HLT,
      Exit.NPF,
      Exit.NPF,
      Exit.NPF,
    ]);
  });

  it('raises #VC 0x404 with CR2 for a page that is not validated', () => {
    const { core, run } = program(load(TARGET + 0x10));
    core.frames.setRmp(FRAME >> 12, { ...guestPage(FRAME >> 12), validated: false });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.r8).toBe(BigInt(Exit.PAGE_NOT_VALIDATED));
    expect(core.state.r9).toBe(BigInt(TARGET + 0x10));
  });

  it('looks at ownership before validation, and at validation before VMPL', () => {
    const both = { validated: false, permissions: [0, 0, 0, 0] } as const;
    const first = program(load(TARGET));
    first.core.frames.setRmp(FRAME >> 12, {
      ...guestPage(FRAME >> 12),
      ...both,
      permissions: [0, 0, 0, 0],
      asid: 2,
    });
    expect(first.run()).toBe(Exit.NPF);
    const second = program(load(TARGET));
    second.core.frames.setRmp(FRAME >> 12, {
      ...guestPage(FRAME >> 12),
      ...both,
      permissions: [0, 0, 0, 0],
    });
    expect(second.run()).toBe(Exit.HLT);
    expect(second.core.state.r8).toBe(BigInt(Exit.PAGE_NOT_VALIDATED));
  });

  it('checks the guest’s page tables too', () => {
    const { core, run } = program(load(TARGET));
    core.frames.setRmp(PLACE.table >> 12, { ...guestPage(0x77) });
    expect(run()).toBe(Exit.NPF);
    expect(core.control.exitInfo1 & BigInt(Fault.TABLE_ADDRESS)).toBe(BigInt(Fault.TABLE_ADDRESS));
  });

  it('keeps a guest without SNP from writing what is assigned', () => {
    const { core, run } = program(store(TARGET), 'sev-es');
    core.frames.setRmp(FRAME >> 12, { ...guestPage(FRAME >> 12), asid: 2 });
    expect(run()).toBe(Exit.NPF);
  });

  it('separates user and supervisor execution', () => {
    const { core, run } = program((asm) => {
      asm.op('mov r32, imm32', RBX, TARGET);
      asm.op('jmp r/m64', RBX);
    });
    core.frames.setRmp(FRAME >> 12, { ...guestPage(FRAME >> 12), permissions: [7, 0, 0, 0] });
    expect(run()).toBe(Exit.NPF);
    expect(core.control.exitInfo1).toBe(BigInt(private_ + Fault.FETCH + Fault.VMPL));
  });
});

function pvalidate(validate: number, size: number = Rmp.PAGE_4K, address = TARGET) {
  return (asm: Assembler) => {
    asm.op('mov r32, imm32', RAX, address);
    asm.op('mov r32, imm32', RCX, size);
    asm.op('mov r32, imm32', RDX, validate);
    asm.op('pvalidate');
    asm.op('setb r/m8', RBX);
    asm.op('hlt');
  };
}

describe('PVALIDATE', () => {
  const fresh = { ...guestPage(FRAME >> 12), validated: false };

  it('validates a page, and says so with CF clear; a second time CF is set', () => {
    const { core, run } = program((asm) => {
      pvalidate(1)(asm);
    });
    core.frames.setRmp(FRAME >> 12, fresh);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(0n);
    expect(core.state.rbx).toBe(0n);
    expect(core.frames.rmp(FRAME >> 12).validated).toBe(true);
    core.state.rip = BigInt(PLACE.code);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(0n);
    expect(core.state.rbx).toBe(1n);
  });

  it('rescinds: the next access raises #VC 0x404', () => {
    const { core, run } = program((asm) => {
      load(TARGET)(asm);
    });
    const before = program(pvalidate(0));
    expect(before.run()).toBe(Exit.HLT);
    expect(before.core.frames.rmp(FRAME >> 12).validated).toBe(false);
    core.frames.setRmp(FRAME >> 12, fresh);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.r8).toBe(BigInt(Exit.PAGE_NOT_VALIDATED));
  });

  it.each([
    ['a size that is none', pvalidate(1, 2), Rmp.FAIL_INPUT],
    ['a page address that is not aligned', pvalidate(1, Rmp.PAGE_4K, TARGET + 8), Rmp.FAIL_INPUT],
    [
      '2 MiB from a guest address that is not aligned so',
      pvalidate(1, Rmp.PAGE_2M),
      Rmp.FAIL_INPUT,
    ],
    ['2 MiB in 4 KiB entries', pvalidate(1, Rmp.PAGE_2M, 0x60_0000), Rmp.FAIL_SIZEMISMATCH],
  ])('answers in EAX for %s', (_, emit, code) => {
    const { core, run } = program(emit);
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(BigInt(code));
  });

  it('validates 2 MiB in one entry', () => {
    const { core, run } = program(pvalidate(1, Rmp.PAGE_2M, 0x60_0000));
    core.npt.map(0x600, 0x600, 512, true);
    core.frames.setRmp(0x600, { ...guestPage(0x600), huge: true, validated: false });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(0n);
    expect(core.state.rbx).toBe(0n);
    expect(core.frames.rmp(0x600).validated).toBe(true);
  });

  // OpenHCL maps no more than the first page: the processor does what it does for a read of one byte.
  it('validates 2 MiB of which the guest maps 4 KiB', () => {
    const { core, run, write64 } = program(pvalidate(1, Rmp.PAGE_2M));
    write64(PLACE.table, 0x60_0000n | 7n | C_BIT);
    core.npt.map(0x600, 0x600, 512, true);
    core.frames.setRmp(0x600, { ...guestPage(0x600), huge: true, validated: false });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(0n);
    expect(core.frames.rmp(0x600).validated).toBe(true);
  });

  it('answers with a size mismatch for 2 MiB that the nested table maps by 4 KiB', () => {
    const { core, run } = program(pvalidate(1, Rmp.PAGE_2M, 0x60_0000));
    core.frames.setRmp(0x600, { ...guestPage(0x600), huge: true, validated: false });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(BigInt(Rmp.FAIL_SIZEMISMATCH));
    expect(core.frames.rmp(0x600).validated).toBe(false);
  });

  it('leaves by NPF for 4 KiB that the nested table maps by 2 MiB', () => {
    const { core, run } = program(pvalidate(1, Rmp.PAGE_4K, 0x60_1000));
    core.npt.map(0x600, 0x600, 512, true);
    core.frames.setRmp(0x601, { ...guestPage(0x601), validated: false });
    expect(run()).toBe(Exit.NPF);
    expect(core.control.exitInfo1).toBe(BigInt(private_));
    expect(core.frames.rmp(0x601).validated).toBe(false);
  });

  it('is a read where the page is not mapped, and raises #VC 0x400 where it is a device’s', () => {
    const absent = program(pvalidate(1));
    const gfn = FRAME >> 12;
    absent.core.npt.set(gfn, { ...absent.core.npt.get(gfn), present: false });
    expect(absent.run()).toBe(Exit.NPF);
    const read = Fault.USER + Fault.FINAL_ADDRESS + Fault.ENCRYPTED;
    expect(absent.core.control.exitInfo1).toBe(BigInt(read));
    const device = program(pvalidate(1));
    device.core.npt.set(gfn, { ...device.core.npt.get(gfn), present: false, reserved: true });
    expect(device.run()).toBe(Exit.HLT);
    expect(device.core.state.r8).toBe(BigInt(Exit.NPF));
  });

  it('leaves with SIZEM for 4 KiB within an entry of 2 MiB', () => {
    const { core, run } = program(pvalidate(1, Rmp.PAGE_4K, 0x60_1000));
    core.frames.setRmp(0x600, { ...guestPage(0x600), huge: true, validated: false });
    expect(run()).toBe(Exit.NPF);
    expect(core.control.exitInfo1 & BigInt(Fault.SIZE_MISMATCH)).toBe(BigInt(Fault.SIZE_MISMATCH));
    expect(core.control.exitInfo2).toBe(0x60_1000n);
  });

  it('leaves by NPF for a page that is not the guest’s', () => {
    const { core, run } = program(pvalidate(1));
    core.frames.setRmp(FRAME >> 12, { ...fresh, assigned: false });
    expect(run()).toBe(Exit.NPF);
  });
});

describe('RMPADJUST', () => {
  const adjust = (attributes: number, size: number = Rmp.PAGE_4K, address = TARGET) => {
    return (asm: Assembler) => {
      asm.op('mov r32, imm32', RAX, address);
      asm.op('mov r32, imm32', RCX, size);
      asm.op('mov r32, imm32', RDX, attributes);
      asm.op('rmpadjust');
      asm.op('hlt');
    };
  };

  it.each([
    ['2 MiB in 4 KiB entries', 'rmp', Rmp.PAGE_2M, Exit.HLT, Rmp.FAIL_SIZEMISMATCH],
    ['2 MiB that are mapped by 4 KiB', 'nested', Rmp.PAGE_2M, Exit.HLT, Rmp.FAIL_SIZEMISMATCH],
    ['4 KiB that are mapped by 2 MiB', 'rmp', Rmp.PAGE_4K, Exit.NPF, undefined],
    ['2 MiB in one entry', 'neither', Rmp.PAGE_2M, Exit.HLT, Rmp.OK],
  ] as const)('holds sizes against each other: %s', (_, small, size, exit, code) => {
    const { core, run } = program(adjust(1 | (3 << 8), size, 0x60_0000));
    if (small !== 'nested') core.npt.map(0x600, 0x600, 512, true);
    core.frames.setRmp(0x600, { ...guestPage(0x600), huge: small !== 'rmp' });
    expect(run()).toBe(exit);
    const given = core.frames.rmp(0x600).permissions[1] === 3;
    expect(given).toBe(code === Rmp.OK);
    if (code === undefined) expect(core.control.exitInfo1).toBe(BigInt(private_));
    else expect(core.state.rax).toBe(BigInt(code));
  });

  it('gives a lower level its rights, and makes a VMSA', () => {
    const { core, run } = program(adjust(1 | (3 << 8) | Rmp.ATTRIBUTE_VMSA));
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(0n);
    expect(core.frames.rmp(FRAME >> 12).permissions).toEqual([15, 3, 0, 0]);
    expect(core.frames.rmp(FRAME >> 12).vmsa).toBe(true);
  });

  it('does not change the VMSA that the guest runs from', () => {
    const { core, run } = program(adjust(1 | (3 << 8)));
    const own = { ...guestPage(FRAME >> 12), vmsa: true };
    core.frames.setRmp(FRAME >> 12, own);
    core.control.vmsaFrame = FRAME >> 12;
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(BigInt(Rmp.FAIL_INUSE));
    expect(core.frames.rmp(FRAME >> 12)).toEqual(own);
  });

  it.each([
    ['its own level', 0, 0, Rmp.FAIL_PERMISSION],
    ['a higher level', 0, 1, Rmp.FAIL_PERMISSION],
    ['a level that is not there', 4, 0, Rmp.FAIL_INPUT],
    ['rights that it does not have itself', 2 | (15 << 8), 1, Rmp.FAIL_PERMISSION],
  ])('refuses %s', (_, attributes, vmpl, code) => {
    const { core, run } = program(adjust(attributes));
    core.control.vmpl = vmpl;
    // VMPL1 may do everything with all pages but the one in question, which it may read and run.
    for (let frame = 0; frame < core.frames.count; frame++) {
      core.frames.setRmp(frame, { ...guestPage(frame), permissions: [15, 15, 0, 0] });
    }
    core.frames.setRmp(FRAME >> 12, { ...guestPage(FRAME >> 12), permissions: [15, 13, 0, 0] });
    expect(run()).toBe(Exit.HLT);
    expect(core.state.rax).toBe(BigInt(code));
  });
});
