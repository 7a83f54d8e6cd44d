import { describe, expect, it } from 'vitest';
import { VECTOR_GP, VECTOR_PF, VECTOR_VC } from '../../spec/cpu.ts';
import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Fault from '../../spec/page-fault.ts';
import {
  bootGuest,
  exitFields,
  FREE_GPA,
  GHCB_GPA,
  type GuestCode,
  runUntil,
  SHARED_VIEW,
} from '../../test/guest.ts';
import { mem, R8, RAX, RBX, RCX, RDX } from '../compiler/x86/operand.ts';
import type { Machine } from './machine.ts';
import { encrypted, MODES, type Mode, protectedState } from './mode.ts';
import { exitCode } from './termination.ts';

const CANARY = 0x5eed_cafe_f00d_d00dn;
const LINE = 'hello\n';
/** A page below 2 MiB, so that SHARED_VIEW has it too; the launch does not touch it. */
const gpa = 0x9000;

const word = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).readBigUint64LE();

/** Prints LINE and ends with exit code 33, the way the mode has for that. */
function greet(guest: GuestCode, mode: Mode): void {
  if (!protectedState(mode)) {
    guest.set(RDX, 0x3f8);
    for (const byte of Buffer.from(LINE)) {
      guest.set(RAX, byte);
      guest.asm.op('out dx, al');
    }
    guest.set(RAX, 33);
    guest.set(RDX, 0xf4);
    guest.asm.op('out dx, eax');
    return;
  }
  if (mode === 'snp') guest.registerGhcb();
  const text = Buffer.alloc(8);
  text.write(LINE);
  guest.store(SHARED_VIEW + GHCB_GPA + Ghcb.SHARED_BUFFER, text.readBigUint64LE());
  // OUTSB with REP, 64-bit addresses, segment DS, port 3F8h.
  const outs = 0x03f8_0e1c;
  const scratch = { [Ghcb.VALID_SW_SCRATCH]: GHCB_GPA + Ghcb.SHARED_BUFFER };
  guest.event({ ...exitFields(Exit.IOIO, outs, LINE.length), ...scratch });
  // OUT of 32 bits to port F4h.
  guest.event({ ...exitFields(Exit.IOIO, 0x00f4_0240), [Ghcb.VALID_RAX]: 33 });
}

describe.each(MODES)('a guest in mode %s', (mode) => {
  it('prints a line and ends with its own exit code', () => {
    const machine = bootGuest({ mode }, (guest) => greet(guest, mode));
    const termination = machine.hypervisor.run(1_000_000);
    expect(termination).toEqual({ kind: 'exit', code: 33 });
    expect(machine.console.lines).toEqual(['hello']);
    expect(machine.statistics.lines).toHaveLength(1);
    expect(machine.statistics.lines[0]?.instructions).toBeGreaterThan(0);
  });

  it('is idle when it halts, and at its limit exactly when that is reached', () => {
    const machine = bootGuest({ mode }, () => {});
    expect(machine.hypervisor.run(1_000_000)).toEqual({ kind: 'idle' });
    const endless = bootGuest({ mode }, ({ asm }) => {
      const again = asm.label();
      asm.bind(again);
      asm.op('jmp rel32', again);
    });
    const termination = endless.hypervisor.run(12_345);
    expect(termination).toEqual({ kind: 'limit' });
    expect(exitCode(termination)).toBe(5);
    expect(endless.core.instructions).toBe(12_345);
  });

  it('has its memory read by the host as the mode says', () => {
    const machine = bootGuest({ mode, host: 'hv' }, (guest) => {
      if (mode === 'snp') guest.pvalidate(FREE_GPA);
      guest.store(FREE_GPA, CANARY);
    });
    machine.hypervisor.run(1_000_000);
    const seen = machine.memory.readGuest(BigInt(FREE_GPA), 8);
    const word = Buffer.from(seen ?? []).readBigUint64LE();
    if (encrypted(mode)) expect(word).not.toBe(CANARY);
    else expect(word).toBe(CANARY);
    const own = machine.core.read(FREE_GPA, 8, encrypted(mode) ? machine.asid : 0);
    expect(Buffer.from(own).readBigUint64LE()).toBe(CANARY);
  });

  it('runs the same way with the same seed', () => {
    const run = (seed: bigint) => {
      const machine = bootGuest({ mode, seed, host: 'hv' }, (guest) => {
        if (mode === 'snp') guest.pvalidate(FREE_GPA);
        guest.asm.op('rdrand r64', RBX);
        guest.set(RCX, FREE_GPA);
        guest.asm.op('mov r/m64, r64', mem(RCX), RBX);
      });
      machine.hypervisor.run(1_000_000);
      return Buffer.from(machine.memory.read(FREE_GPA, 4096)).toString('hex');
    };
    expect(run(1n)).toBe(run(1n));
    expect(run(1n)).not.toBe(run(2n));
  });
});

describe.each(['sev', 'sev-es', 'snp'] as const)('encrypted memory in %s', (mode) => {
  it('is plain to the host where the guest wrote it through C=0', () => {
    const machine = bootGuest({ mode }, (guest) => guest.store(SHARED_VIEW + gpa, CANARY));
    runUntil(machine, Exit.HLT);
    expect(word(machine.memory.readGuest(BigInt(gpa), 8))).toBe(CANARY);
  });

  it('is to the guest through C=0 what it is to the host', () => {
    const machine = bootGuest({ mode, host: 'hv' }, (guest) => {
      if (mode === 'snp') guest.pvalidate(gpa);
      guest.store(gpa, CANARY);
      guest.load(RBX, SHARED_VIEW + gpa);
      guest.load(R8, gpa);
    });
    runUntil(machine, Exit.HLT);
    const { rbx, r8 } = machine.core.state;
    expect(r8).toBe(CANARY);
    expect(rbx).not.toBe(CANARY);
    expect(word(machine.memory.readGuest(BigInt(gpa), 8))).toBe(rbx);
  });

  it('reads differently at another address, and under another key', () => {
    const cipher = (seed: bigint, at: number) => {
      const machine = bootGuest({ mode, seed, host: 'hv' }, (guest) => {
        if (mode === 'snp') guest.pvalidate(gpa);
        guest.store(gpa + at, CANARY);
      });
      runUntil(machine, Exit.HLT);
      return word(machine.memory.readGuest(BigInt(gpa + at), 8));
    };
    expect(new Set([cipher(1n, 0), cipher(1n, 16), cipher(2n, 0)]).size).toBe(3);
    expect(cipher(1n, 0)).toBe(cipher(1n, 0));
  });
});

it.each(['sev', 'sev-es'] as const)(
  'a page of a %s guest can be garbled by the host without a sign',
  (mode) => {
    const machine = bootGuest({ mode }, (guest) => {
      guest.store(gpa, CANARY);
      guest.halt();
      guest.load(RBX, gpa);
    });
    runUntil(machine, Exit.HLT);
    expect(machine.memory.writeGuest(BigInt(gpa), new Uint8Array(16))).toBeUndefined();
    runUntil(machine, Exit.HLT);
    expect(machine.core.state.rbx).not.toBe(CANARY);
    expect(machine.core.state.r15).toBe(0n);
  },
);

describe('a page of an SNP guest', () => {
  const halted = (machine: Machine) => runUntil(machine, Exit.HLT);

  it('is validated once: a second PVALIDATE changes nothing and says so in CF', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.pvalidate(FREE_GPA);
      guest.asm.op('setb r/m8', RBX);
      guest.asm.op('mov r64, r/m64', R8, RAX);
      guest.pvalidate(FREE_GPA);
      guest.asm.op('setb r/m8', RDX);
    });
    halted(machine);
    const { rax, rbx, rdx, r8 } = machine.core.state;
    expect([r8, rbx & 0xffn]).toEqual([0n, 0n]);
    expect([rax, rdx & 0xffn]).toEqual([0n, 1n]);
    expect(machine.statistics.pvalidates).toEqual({ validate4k: 2, validate2m: 0, rescind: 0 });
  });

  it('cannot be touched before it is validated', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => guest.store(FREE_GPA, 1));
    halted(machine);
    const { r15, r14, cr2 } = machine.core.state;
    expect([r15, r14, cr2]).toEqual([
      BigInt(VECTOR_VC),
      BigInt(Exit.PAGE_NOT_VALIDATED),
      BigInt(FREE_GPA),
    ]);
    expect(machine.statistics.vcs).toBe(1);
  });

  it('cannot be written by the host, which takes a #PF and changes nothing', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.pvalidate(FREE_GPA);
      guest.store(FREE_GPA, CANARY);
      guest.halt();
      guest.load(RBX, FREE_GPA);
    });
    halted(machine);
    const before = machine.memory.read(FREE_GPA, 4096);
    expect(machine.memory.writeGuest(BigInt(FREE_GPA), new Uint8Array(16))).toEqual({
      kind: 'fault',
      vector: VECTOR_PF,
      errorCode: Fault.PRESENT + Fault.WRITE + Fault.RMP,
      spa: FREE_GPA,
    });
    expect(machine.memory.read(FREE_GPA, 4096)).toEqual(before);
    halted(machine);
    expect(machine.core.state.rbx).toBe(CANARY);
  });

  it('is lost to the guest when the host takes it away: NPF with the RMP bit, and no way on', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.pvalidate(FREE_GPA);
      guest.store(FREE_GPA, CANARY);
      guest.halt();
      guest.load(RBX, FREE_GPA);
    });
    halted(machine);
    expect(machine.pages.makeShared(FREE_GPA / 4096, 1)).toBe(true);
    const exit = machine.vcpu.run(1000);
    expect(exit.code).toBe(Exit.NPF);
    expect(exit.info1 & BigInt(Fault.RMP)).toBe(BigInt(Fault.RMP));
    expect(exit.info1 & BigInt(Fault.ENCRYPTED)).toBe(BigInt(Fault.ENCRYPTED));
    expect(exit.info2).toBe(BigInt(FREE_GPA));
    machine.hypervisor.answer(exit);
    expect(machine.hypervisor.ended).toEqual({
      kind: 'shutdown',
      cause: "RMP fault: private read of guest address 0x400000, a page of the hypervisor's",
    });
  });

  it('has to be validated again when it was taken away and given back', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.pvalidate(FREE_GPA);
      guest.halt();
      guest.load(RBX, FREE_GPA);
    });
    halted(machine);
    machine.pages.makeShared(FREE_GPA / 4096, 1);
    machine.pages.makePrivate(FREE_GPA / 4096, 1);
    halted(machine);
    expect(machine.core.state.r14).toBe(BigInt(Exit.PAGE_NOT_VALIDATED));
  });

  it('cannot be written through C=0', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) =>
      guest.store(SHARED_VIEW + GHCB_GPA, 1),
    );
    expect(machine.hypervisor.run(1000)).toMatchObject({
      kind: 'shutdown',
      cause: expect.stringContaining('shared write of guest address 0x8000'),
    });
  });

  it('belongs to one guest address: two that share a frame are told apart', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.pvalidate(FREE_GPA);
      guest.halt();
      guest.load(RBX, FREE_GPA + 4096);
    });
    halted(machine);
    const gfn = FREE_GPA / 4096;
    machine.core.npt.set(gfn + 1, { ...machine.core.npt.get(gfn + 1), frame: gfn });
    expect(machine.hypervisor.run(1_000_000).kind).toBe('shutdown');
  });

  it('can be validated as one of 2 MiB where it is one, and not where it is not', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.pvalidate(2 * FREE_GPA, 1, 1);
      guest.asm.op('mov r64, r/m64', RBX, RAX);
      guest.pvalidate(FREE_GPA);
      guest.pvalidate(FREE_GPA, 1, 1);
    });
    halted(machine);
    expect([machine.core.state.rbx, machine.core.state.rax]).toEqual([0n, 6n]);
    expect(machine.statistics.pvalidates).toEqual({ validate4k: 1, validate2m: 1, rescind: 0 });
  });
});

describe('a GHCB', () => {
  const answerTo = (build: (guest: GuestCode) => void) => {
    const machine = bootGuest({ mode: 'snp' }, (guest) => {
      build(guest);
      guest.event(exitFields(Event.HV_FEATURES));
      guest.load(RBX, SHARED_VIEW + GHCB_GPA + Ghcb.VALID_SW_EXITINFO1 * 8);
      guest.load(RDX, SHARED_VIEW + GHCB_GPA + Ghcb.VALID_SW_EXITINFO2 * 8);
    });
    runUntil(machine, Exit.HLT);
    return [machine.core.state.rbx, machine.core.state.rdx];
  };

  it('serves an SNP guest that has registered it, and no other', () => {
    expect(answerTo(() => {})).toEqual([
      BigInt(Ghcb.RESULT_MALFORMED),
      BigInt(Ghcb.ERROR_NOT_REGISTERED),
    ]);
    expect(answerTo((guest) => guest.registerGhcb())).toEqual([BigInt(Ghcb.RESULT_OK), 3n]);
  });

  it('is shared first where memory starts as the guest’s', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.registerGhcb(true);
      guest.event(exitFields(Event.HV_FEATURES));
      guest.load(RDX, SHARED_VIEW + GHCB_GPA + Ghcb.VALID_SW_EXITINFO2 * 8);
    });
    runUntil(machine, Exit.HLT);
    expect(machine.core.state.rdx).toBe(0x17n);
    expect(machine.statistics.exits.get('VMGEXIT:MSR:PAGE_STATE_CHANGE_REQUEST')).toBe(1);
  });
});

describe('the state of a vCPU', () => {
  it.each(['sev-es', 'snp'] as const)('is ciphertext to the host in %s', (mode) => {
    const machine = bootGuest({ mode }, (guest) => guest.set(RBX, CANARY));
    runUntil(machine, Exit.HLT);
    const frame = machine.vcpu.vmsaFrame ?? 0;
    const vmsa = machine.memory.read(frame * 4096, 4096);
    const secret = Buffer.alloc(8);
    secret.writeBigUint64LE(CANARY);
    expect(Buffer.from(vmsa).includes(secret)).toBe(false);
    const own = machine.core.read(frame * 4096, 4096, machine.asid);
    expect(Buffer.from(own).readBigUint64LE(0x318)).toBe(CANARY);
    expect(() => machine.vcpu.registers).toThrow(TypeError);
  });

  it('is refused by VMRUN after the host changed it in sev-es', () => {
    const machine = bootGuest({ mode: 'sev-es' }, () => {});
    runUntil(machine, Exit.HLT);
    const vmsa = machine.memory.gfnOf(16384) === undefined ? 16384 : 0;
    machine.memory.write(vmsa * 4096 + 0x1f0, new Uint8Array(16));
    expect(machine.hypervisor.run(1_000_000)).toEqual({
      kind: 'shutdown',
      cause: 'VMRUN refused: the VMSA was changed',
    });
  });

  it('cannot be written by the host in snp', () => {
    const machine = bootGuest({ mode: 'snp' }, () => {});
    runUntil(machine, Exit.HLT);
    const vmsa = machine.vcpu.vmsaFrame ?? 0;
    expect(machine.memory.write(vmsa * 4096, new Uint8Array(16))).toMatchObject({ kind: 'fault' });
  });

  it('takes no event but #HV where injection is restricted', () => {
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, () => {});
    machine.vcpu.injectException(VECTOR_GP, 0);
    expect(machine.hypervisor.run(1000)).toMatchObject({
      kind: 'shutdown',
      cause: expect.stringContaining('#HV alone'),
    });
  });
});

describe('an exit that the guest cannot survive', () => {
  it('is a shutdown after a triple fault', () => {
    for (const mode of MODES) {
      const machine = bootGuest({ mode }, (guest) => {
        // An IDT of no entries: any exception becomes a triple fault.
        guest.store(0x1_0000 - 16, 0);
        guest.set(RCX, 0x1_0000 - 16);
        guest.asm.op('lidt m16&64', mem(RCX));
        guest.asm.op('ud2');
      });
      expect(machine.hypervisor.run(1000)).toEqual({ kind: 'shutdown', cause: 'triple fault' });
    }
  });

  it('is a panic with set and reason after a termination request', () => {
    const machine = bootGuest({ mode: 'snp' }, (guest) => guest.request(0x0014_7100n));
    const termination = machine.hypervisor.run(1000);
    expect(termination).toEqual({ kind: 'panic', set: 7, reason: 0x14, name: 'PAGE_FAULT' });
    expect(exitCode(termination)).toBe(3);
  });

  it('is named where the machine does not have what was asked for', () => {
    const init = 0x4_4500;
    const machine = bootGuest({ mode: 'snp', host: 'hv' }, (guest) => {
      guest.registerGhcb(true);
      guest.event(exitFields(Event.HV_IPI, init));
    });
    const termination = machine.hypervisor.run(1000);
    expect(termination).toEqual({ kind: 'unimplemented', what: 'INIT of the boot processor' });
    expect(exitCode(termination)).toBe(4);
  });
});
