import { describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import * as Msr from '../../../spec/msr.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import { bootGuest, type GuestCode, runUntil } from '../../../test/guest.ts';
import { R8, R9, R12, RAX, RCX, RDX } from '../../compiler/x86/operand.ts';
import type { Machine } from '../machine.ts';
import { applyProtection } from './register-protection.ts';
import { tscMegahertz, tscScale } from './secure-tsc.ts';

const feature = (bit: number | bigint) => BigInt(bit) >> BigInt(SevStatus.FEATURES_SHIFT);

function guestWith(features: bigint, build: (guest: GuestCode) => void): Machine {
  return bootGuest({ mode: 'snp', memory: 8 << 20, features }, build);
}

/** RDTSC into `register`. */
function readTime(guest: GuestCode, register: number): void {
  guest.asm.op('rdtsc');
  guest.asm.op('shl r/m64, imm8', RDX, 32);
  guest.asm.op('or r/m64, r64', RAX, RDX);
  guest.asm.op('mov r64, r/m64', register, RAX);
}

describe('a secure TSC', () => {
  const secure = feature(SevStatus.SECURE_TSC);

  it('has a scale in fixed point, and tells its frequency', () => {
    expect(tscScale(998_000)).toBe(1n << 32n);
    expect(tscScale(1_000_000)).toBe(0x1_0083_55adn);
    expect(tscScale(499_000)).toBe(1n << 31n);
    expect(tscMegahertz(tscScale(1_000_000))).toBe(1000);
  });

  it('runs by its scale, whatever the guest or its host writes to it', () => {
    const machine = guestWith(secure, (guest) => {
      readTime(guest, R8);
      guest.set(RCX, Msr.TSC);
      guest.set(RAX, 0);
      guest.set(RDX, 0);
      guest.asm.op('wrmsr');
      guest.halt();
      readTime(guest, R9);
      guest.set(RCX, Msr.GUEST_TSC_FREQ);
      guest.asm.op('rdmsr');
    });
    runUntil(machine, Exit.HLT);
    const started = machine.core.instructions;
    machine.hypervisor.clock.skipTo(10_000_000);
    runUntil(machine, Exit.HLT);
    const { r8, r9, rax } = machine.core.state;
    const raw = 10_000_000 + machine.core.instructions - started;
    expect(Math.abs(Number(r9) - raw * (1000 / 998))).toBeLessThan(40);
    expect(r8).toBeLessThan(20n);
    expect(rax).toBe(1000n);
  });

  it('is none where its bit is not set', () => {
    const machine = guestWith(0n, (guest) => {
      guest.set(RCX, Msr.GUEST_TSC_FREQ);
      guest.asm.op('rdmsr');
    });
    machine.hypervisor.run(100);
    expect(machine.core.state.r15).toBe(13n);
  });
});

describe('register protection', () => {
  const page = (machine: Machine) => {
    const frame = machine.vcpu.vmsaFrame ?? -1;
    machine.memory.read(frame * 4096, 1);
    return machine.core.read(frame * 4096, 4096, machine.asid);
  };
  const busy = (guest: GuestCode) => {
    for (let i = 0; i < 20; i++) guest.asm.op('inc r/m64', R12);
  };

  it('hides registers in the VMSA behind a nonce that never stays', () => {
    const machine = guestWith(feature(SevStatus.VMSA_REG_PROT), busy);
    machine.hypervisor.run(5);
    const [first, nonces] = [page(machine), new Set<bigint>()];
    expect(view(Vmsa, first).r12).not.toBe(5n);
    expect(view(Vmsa, applyProtection(first)).r12).toBe(5n);
    expect(view(Vmsa, first).cr3).toBe(machine.core.state.cr3);
    for (let i = 0; i < 5; i++) {
      machine.vcpu.run(1);
      nonces.add(view(Vmsa, page(machine)).regProtNonce);
    }
    expect(nonces.size).toBe(5);
    expect(nonces.has(0n)).toBe(false);
  });

  it('is none where its bit is not set', () => {
    const machine = guestWith(0n, busy);
    machine.hypervisor.run(5);
    expect(view(Vmsa, page(machine)).r12).toBe(5n);
  });
});

it('lets VMPL 0 alone validate: elsewhere PVALIDATE is #GP', () => {
  const options = { mode: 'snp', memory: 8 << 20, without: ['rmp-vmpl'] } as const;
  const machine = bootGuest(options, (guest) => {
    guest.halt();
    guest.pvalidate(0x40_0000);
  });
  runUntil(machine, Exit.HLT);
  machine.core.control.vmpl = 1;
  machine.core.flush();
  machine.hypervisor.run(1000);
  expect(machine.core.state).toMatchObject({ r15: 13n, r14: 0n });
});

it('leaves DR7 to the guest whose debug registers are swapped', () => {
  const dr7 = (guest: GuestCode) => guest.asm.op('mov r64, dr', RAX, 7);
  const swapped = guestWith(feature(SevStatus.DEBUG_SWAP), dr7);
  swapped.hypervisor.run(100);
  expect(swapped.core.state.rax).toBe(0x400n);
  const helped = guestWith(0n, dr7);
  helped.hypervisor.run(100);
  expect(helped.core.state).toMatchObject({ r15: 29n, r14: BigInt(Exit.DR7_READ) });
});
