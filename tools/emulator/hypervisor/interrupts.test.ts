import { describe, expect, it } from 'vitest';
import { VECTOR_HV } from '../../../spec/cpu.ts';
import * as Injection from '../../../spec/event-injection.ts';
import * as Exit from '../../../spec/exit.ts';
import * as Ghcb from '../../../spec/ghcb.ts';
import * as Event from '../../../spec/ghcb-event.ts';
import * as Msr from '../../../spec/msr.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import {
  bootGuest,
  exitFields,
  GHCB_GPA,
  type GuestCode,
  SHARED_VIEW,
} from '../../../test/guest.ts';
import { mem, R8, R9, R12, R13, RAX, RBX, RCX, RDX } from '../../compiler/x86/operand.ts';
import { MODES, type Mode, protectedState } from '../mode.ts';

const SPURIOUS = 0x80f;
const END = 0x80b;
const TIMER = 0x832;
const INITIAL = 0x838;
const CURRENT = 0x839;
const DIVIDE = 0x83e;
const VECTOR = 0x40;
const PERIODIC = 0x2_0000;
const DIVIDE_BY_1 = 0xb;
const DOORBELL = 0x9000;

/** WRMSR in the way that the mode has for an MSR that is the hypervisor's. */
function wrmsr(guest: GuestCode, mode: Mode, msr: number, value: number): void {
  if (protectedState(mode)) {
    const registers = { [Ghcb.VALID_RCX]: msr, [Ghcb.VALID_RAX]: value, [Ghcb.VALID_RDX]: 0 };
    guest.event({ ...exitFields(Exit.MSR, 1), ...registers });
    return;
  }
  guest.set(RCX, msr);
  guest.set(RAX, value);
  guest.set(RDX, 0);
  guest.asm.op('wrmsr');
}

/** An APIC in x2APIC mode that delivers, and its timer set. */
function startTimer(guest: GuestCode, mode: Mode, initial: number, entry = VECTOR): void {
  if (mode === 'snp') guest.registerGhcb();
  wrmsr(guest, mode, Msr.APIC_BASE, 0xfee0_0d00);
  wrmsr(guest, mode, SPURIOUS, 0x1ff);
  wrmsr(guest, mode, DIVIDE, DIVIDE_BY_1);
  wrmsr(guest, mode, TIMER, entry);
  wrmsr(guest, mode, INITIAL, initial);
}

/** Counts up in `register` for good. */
function countIn(guest: GuestCode, register: number): void {
  const again = guest.asm.label();
  guest.asm.bind(again);
  guest.asm.op('inc r/m64', register);
  guest.asm.op('jmp rel32', again);
}

describe.each(MODES)('a timer in mode %s, by vector', (mode) => {
  it('interrupts the guest after as many instructions as it was set to', () => {
    const machine = bootGuest({ mode }, (guest) => {
      guest.handle(VECTOR, () => guest.halt());
      startTimer(guest, mode, 5000);
      guest.set(R8, 0);
      guest.asm.op('sti');
      countIn(guest, R8);
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    const { r8, rip } = machine.core.state;
    expect(rip).toBeGreaterThan(0x10_0000n);
    expect(Number(r8) * 2).toBeGreaterThan(4900);
    expect(Number(r8) * 2).toBeLessThan(5000);
    expect(machine.statistics.exits.get('INTR')).toBe(1);
  });

  it('waits until the guest takes interrupts, and for the instruction after STI', () => {
    const machine = bootGuest({ mode }, (guest) => {
      guest.handle(VECTOR, () => guest.halt());
      startTimer(guest, mode, 10);
      for (let i = 0; i < 50; i++) guest.asm.op('inc r/m64', R8);
      guest.asm.op('sti');
      guest.asm.op('inc r/m64', R9);
      guest.asm.op('inc r/m64', R9);
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    expect(machine.core.state).toMatchObject({ r8: 50n, r9: 1n });
    expect(machine.statistics.exits.get('VINTR')).toBe(1);
  });

  it('wakes a halted guest as far away as it is, with nothing executed meanwhile', () => {
    const far = 0xffff_ffff;
    const machine = bootGuest({ mode }, (guest) => {
      guest.handle(VECTOR, () => guest.asm.op('inc r/m64', R9));
      startTimer(guest, mode, far);
      guest.asm.op('sti');
      guest.halt();
      guest.asm.op('inc r/m64', R12);
      guest.asm.op('cli');
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    expect(machine.core.state).toMatchObject({ r9: 1n, r12: 1n });
    expect(machine.core.instructions).toBeLessThan(1000);
    expect(machine.hypervisor.timeStamp()).toBeGreaterThan(BigInt(far));
  });

  it('comes again and again where it is periodic, once its interrupt is ended', () => {
    const machine = bootGuest({ mode }, (guest) => {
      guest.handle(VECTOR, () => {
        guest.asm.op('inc r/m64', R9);
        wrmsr(guest, mode, END, 0);
      });
      startTimer(guest, mode, 1000, VECTOR | PERIODIC);
      guest.asm.op('sti');
      countIn(guest, R8);
    });
    machine.hypervisor.run(10_500);
    expect(machine.core.state.r9).toBe(10n);
  });

  it('is held back by a task priority as high as its own, and comes when CR8 falls', () => {
    const machine = bootGuest({ mode }, (guest) => {
      const setPriority = (value: number) => {
        guest.set(RAX, value);
        guest.asm.op('mov cr, r64', 8, RAX);
      };
      guest.handle(VECTOR, () => guest.halt());
      setPriority(VECTOR >> 4);
      startTimer(guest, mode, 10);
      guest.asm.op('sti');
      for (let i = 0; i < 50; i++) guest.asm.op('inc r/m64', R8);
      setPriority((VECTOR >> 4) - 1);
      for (let i = 0; i < 50; i++) guest.asm.op('inc r/m64', R9);
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    expect(machine.core.state).toMatchObject({ r8: 50n, r9: 0n });
  });

  it('does not wake a guest that takes no interrupts', () => {
    const machine = bootGuest({ mode }, (guest) => startTimer(guest, mode, 100));
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
  });
});

it('is the same timer through the page of the APIC, where there is no x2APIC mode', () => {
  const machine = bootGuest({ mode: 'none' }, (guest) => {
    const page = 0x40_0000;
    const write = (register: number, value: number) => {
      guest.set(RCX, page + (register & 0xff) * 16);
      guest.set(RAX, value);
      guest.asm.op('mov r/m32, r32', mem(RCX), RAX);
    };
    guest.handle(VECTOR, () => guest.asm.op('inc r/m64', R9));
    guest.store(0x3010, 0xfee0_0083);
    write(SPURIOUS, 0x1ff);
    write(DIVIDE, DIVIDE_BY_1);
    write(TIMER, VECTOR);
    write(INITIAL, 1_000_000);
    guest.set(RCX, page + 0x390);
    guest.asm.op('mov r32, r/m32', RBX, mem(RCX));
    guest.asm.op('sti');
    guest.halt();
    guest.asm.op('cli');
  });
  expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
  expect(machine.core.state.r9).toBe(1n);
  const { rbx } = machine.core.state;
  expect(rbx > 999_900n && rbx <= 1_000_000n).toBe(true);
});

it('is reached through MMIO events by a guest with protected state', () => {
  const machine = bootGuest({ mode: 'sev-es' }, (guest) => {
    const buffer = GHCB_GPA + Ghcb.SHARED_BUFFER;
    const access = (code: number, register: number) =>
      guest.event({
        ...exitFields(code, 0xfee0_0000 + (register & 0xff) * 16, 4),
        [Ghcb.VALID_SW_SCRATCH]: buffer,
      });
    const write = (register: number, value: number) => {
      guest.store(SHARED_VIEW + buffer, value);
      access(Event.MMIO_WRITE, register);
    };
    guest.handle(VECTOR, () => guest.asm.op('inc r/m64', R9));
    write(SPURIOUS, 0x1ff);
    write(TIMER, VECTOR);
    write(INITIAL, 1_000_000);
    guest.store(SHARED_VIEW + buffer, 0);
    access(Event.MMIO_READ, TIMER);
    guest.load(R12, SHARED_VIEW + buffer);
    guest.asm.op('sti');
    guest.halt();
    guest.asm.op('cli');
  });
  expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
  expect(machine.core.state).toMatchObject({ r9: 1n, r12: BigInt(VECTOR) });
});

describe('restricted injection', () => {
  const options = { mode: 'snp', host: 'hv' } as const;
  const page = SHARED_VIEW + DOORBELL;
  /** A guest with GHCB and doorbell page, which it had made its host's. */
  const withDoorbell = (guest: GuestCode) => {
    guest.registerGhcb(true);
    guest.request((2n << 52n) | (BigInt(DOORBELL / 4096) << 12n) | 0x014n);
    guest.event(exitFields(Event.HV_DOORBELL_PAGE, 1, DOORBELL));
    wrmsr(guest, 'snp', Msr.APIC_BASE, 0xfee0_0d00);
    wrmsr(guest, 'snp', SPURIOUS, 0x1ff);
    wrmsr(guest, 'snp', DIVIDE, DIVIDE_BY_1);
  };
  /** Reads and clears the pending word, which it leaves in R12; R9 counts. */
  const takeEvent = (guest: GuestCode) => () => {
    guest.asm.op('inc r/m64', R9);
    guest.set(RCX, page);
    guest.set(RAX, 0);
    guest.asm.op('xchg r/m16, r16', mem(RCX), RAX);
    guest.asm.op('mov r64, r/m64', R12, RAX);
    guest.set(RAX, 0);
    guest.asm.op('xchg r/m8, r8', mem(RCX, 2), RAX);
    guest.asm.op('mov r64, r/m64', R13, RAX);
  };

  it('tells the vector in the doorbell page and signals #HV, whatever IF says', () => {
    const machine = bootGuest(options, (guest) => {
      guest.handle(VECTOR_HV, takeEvent(guest));
      withDoorbell(guest);
      wrmsr(guest, 'snp', TIMER, VECTOR | PERIODIC);
      wrmsr(guest, 'snp', INITIAL, 1000);
      countIn(guest, R8);
    });
    machine.hypervisor.run(5500);
    expect(machine.core.state).toMatchObject({ r12: 0x8000n | BigInt(VECTOR), r13: 1n });
    // Each was ended by taking NoEoiRequired back: none stays in service and holds the next one up.
    expect(machine.core.state.r9).toBeGreaterThanOrEqual(4n);
  });

  it('neither signals again nor overwrites a vector that was not taken', () => {
    const machine = bootGuest(options, (guest) => {
      guest.handle(VECTOR_HV, () => guest.asm.op('inc r/m64', R9));
      withDoorbell(guest);
      wrmsr(guest, 'snp', 0x83f, 0x51);
      wrmsr(guest, 'snp', 0x83f, 0x61);
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    expect(machine.core.state.r9).toBe(1n);
    const word = machine.memory.readGuest(BigInt(DOORBELL), 3);
    // The second one waits, so the first must be ended aloud.
    expect([...(word ?? [])]).toEqual([0x51, 0x80, 0]);
  });

  it('wakes a halted guest by #HV', () => {
    const machine = bootGuest(options, (guest) => {
      guest.handle(VECTOR_HV, takeEvent(guest));
      withDoorbell(guest);
      wrmsr(guest, 'snp', TIMER, VECTOR);
      wrmsr(guest, 'snp', INITIAL, 0x4000_0000);
      guest.halt();
      guest.asm.op('inc r/m64', R8);
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    expect(machine.core.state).toMatchObject({ r8: 1n, r9: 1n });
  });

  it('tells of an NMI by its bit', () => {
    const machine = bootGuest(options, (guest) => {
      guest.handle(VECTOR_HV, takeEvent(guest));
      withDoorbell(guest);
      guest.event(exitFields(Event.HV_IPI, 0x4_4400));
    });
    expect(machine.hypervisor.run(100_000)).toEqual({ kind: 'idle' });
    expect(machine.core.state.r12).toBe(0x8100n);
  });

  it('refuses every other event at VMRUN', () => {
    for (let vector = 0; vector < 256; vector++) {
      for (const type of [0, 2, 3, 4]) {
        const machine = vector === 0 && type === 0 ? fresh() : reused;
        if (vector === VECTOR_HV && type === 3) continue;
        machine.vcpu.inject(BigInt(vector | (type << 8)) | BigInt(Injection.VALID));
        expect(machine.vcpu.run(1).code, `vector ${vector} type ${type}`).toBe(Exit.INVALID);
      }
    }
  });
  const fresh = () => bootGuest(options, (guest) => countIn(guest, R8));
  const reused = fresh();
});

it('does not have alternate injection, and says so', () => {
  const alternate = BigInt(SevStatus.ALTERNATE_INJECTION) >> BigInt(SevStatus.FEATURES_SHIFT);
  const machine = bootGuest({ mode: 'snp', features: alternate }, () => {});
  const termination = machine.hypervisor.run(100);
  expect(termination).toEqual({ kind: 'unimplemented', what: 'alternate injection' });
  const both = bootGuest({ mode: 'snp', host: 'hv', features: alternate }, () => {});
  expect(both.hypervisor.run(100)).toMatchObject({ cause: expect.stringContaining('both') });
});

it('raises #VC with the error code that is injected, as an interrupt', () => {
  const machine = bootGuest({ mode: 'snp' }, (guest) => countIn(guest, R8));
  machine.vcpu.run(10);
  const withError = BigInt(Injection.VALID) | BigInt(Injection.ERROR_VALID);
  machine.vcpu.inject(29n | withError | (0x81n << 32n));
  expect(machine.hypervisor.run(100)).toEqual({ kind: 'idle' });
  expect(machine.core.state).toMatchObject({ r15: 29n, r14: 0x81n });
});

it('masks NMIs from one to the IRET of its handler', () => {
  const machine = bootGuest({ mode: 'none' }, (guest) => {
    guest.handle(2, () => {
      guest.asm.op('inc r/m64', R9);
      guest.asm.op('mov r64, r/m64', R12, R9);
    });
    guest.set(R9, 0);
    countIn(guest, R8);
  });
  machine.hypervisor.run(20);
  machine.hypervisor.interrupts.raiseNmi();
  machine.hypervisor.enter(1);
  machine.hypervisor.interrupts.raiseNmi();
  const depth = machine.core.state.rsp;
  machine.vcpu.run(1);
  while (machine.core.state.r9 < 2n) {
    machine.hypervisor.answer(machine.hypervisor.enter(1));
    expect(machine.core.state.rsp).toBeGreaterThanOrEqual(depth);
  }
});

it('has current count and divider of the timer in step', () => {
  const { apic } = bootGuest({ mode: 'none' }, () => {}).hypervisor;
  expect(apic.readMsr(CURRENT)).toBeUndefined();
  expect(apic.writeMsr(Msr.APIC_BASE, 0xfee0_0d00n)).toBe(true);
  apic.writeMsr(DIVIDE, 0n);
  apic.writeMsr(INITIAL, 1000n);
  expect(apic.readMsr(CURRENT)).toBe(1000n);
});
