import { describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import { SWAP_VMSA } from '../../../spec/launch.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import * as Status from '../../../spec/psp-status.ts';
import * as Rmp from '../../../spec/rmp.ts';
import { bootGuest, FREE_GPA, guestImage, runUntil } from '../../../test/guest.ts';
import { RAX, RBX, RCX, RDX } from '../../compiler/x86/operand.ts';
import type { Check } from '../checks.ts';
import { EXIT_LIMIT } from '../core.ts';
import { HostileHost } from '../hostile.ts';
import { PAGE } from '../hypervisor/guest-memory.ts';
import { hypervisorOwned } from '../hypervisor/rmp.ts';
import { launchIgvm } from '../launch/igvm.ts';
import { createMachine } from '../machine.ts';
import { resetMachine } from '../reset.ts';

const MEMORY = 8 << 20;
const NO_GUEST = 'the ASID is no running guest’s';

describe('VMRUN of an SNP guest', () => {
  it('is refused until its launch is finished', () => {
    const machine = createMachine({ mode: 'snp', memory: MEMORY });
    const host = new HostileHost(machine);
    let early = 0;
    host.beforeLaunchFinish(() => {
      host.switchVcpu(machine.vmsaFrames[0] ?? -1);
      early = machine.vcpu.run(1000).code;
    });
    launchIgvm(
      machine,
      guestImage('snp', () => {}),
    );
    expect(early).toBe(Exit.INVALID);
    expect(machine.vcpu.refusal).toBe(NO_GUEST);
    expect(runUntil(machine, Exit.HLT).code).toBe(Exit.HLT);
  });

  it('is refused once the guest was decommissioned, but in a snapshot from before', () => {
    const machine = bootGuest({ mode: 'snp', memory: MEMORY }, (guest) => guest.halt());
    runUntil(machine, Exit.HLT);
    const point = machine.snapshot();
    expect(machine.psp.decommission(machine.hypervisor.guestContext ?? -1)).toBe(Status.SUCCESS);
    expect(machine.vcpu.run(1000).code).toBe(Exit.INVALID);
    expect(machine.vcpu.refusal).toBe(NO_GUEST);
    machine.restore(point);
    expect(runUntil(machine, Exit.HLT).code).toBe(Exit.HLT);
  });

  it('goes through again after a reset', () => {
    const machine = bootGuest({ mode: 'snp', memory: MEMORY }, (guest) => guest.halt());
    runUntil(machine, Exit.HLT);
    resetMachine(machine);
    expect(runUntil(machine, Exit.HLT).code).toBe(Exit.HLT);
  });
});

const FIRMWARE = { assigned: true, huge: false, immutable: true, asid: 0, gfn: 0 };

/** A guest that halts with RBX 1, then 2, and its VMSA's frame. */
function twoHalts(without: readonly Check[] = []) {
  const machine = bootGuest({ mode: 'snp', memory: MEMORY, without }, (guest) => {
    guest.set(RBX, 1);
    guest.halt();
    guest.set(RBX, 2);
  });
  const frame = machine.vcpu.vmsaFrame ?? -1;
  const { asid } = machine;
  const { gfn } = machine.core.frames.rmp(frame);
  const sealed = { assigned: true, huge: false, immutable: true, asid, gfn };
  return { machine, host: new HostileHost(machine), frame, sealed };
}

describe('the VMSA page of an SNP guest', () => {
  it('is in use while the guest runs, and not once it has left', () => {
    const { machine, host, frame } = twoHalts();
    machine.hypervisor.answer(machine.hypervisor.enter(1));
    expect(machine.hypervisor.enter(1).code).toBe(EXIT_LIMIT);
    expect(host.rmpUpdate(frame, hypervisorOwned(false))).toBe(Rmp.FAIL_INUSE);
    runUntil(machine, Exit.HLT);
    expect(host.rmpUpdate(frame, hypervisorOwned(false))).toBe(Rmp.OK);
    expect(machine.vcpu.run(1000).code).toBe(Exit.INVALID);
    expect(machine.vcpu.refusal).toContain('not the guest');
  });

  it('is not in use once an interrupt of the host’s had the guest leave', () => {
    const { machine, host, frame } = twoHalts();
    const { hypervisor } = machine;
    hypervisor.answer(hypervisor.enter(1));
    // A timer of the local APIC's that is over after a tick.
    for (const [register, value] of [
      [0xf0, 0x1ff],
      [0x320, 0x40],
      [0x3e0, 0xb],
      [0x380, 1],
    ] as const) {
      hypervisor.apic.writePage(register, value);
    }
    expect(hypervisor.enter(1000).code).toBe(Exit.INTR);
    expect(host.rmpUpdate(frame, hypervisorOwned(false))).toBe(Rmp.OK);
  });

  it('has the state that the guest left with when it is taken away', () => {
    const { machine, host, frame } = twoHalts();
    runUntil(machine, Exit.HLT);
    expect(host.rmpUpdate(frame, hypervisorOwned(false))).toBe(Rmp.OK);
    const page = machine.core.read(frame * PAGE, PAGE, machine.asid);
    expect(view(Vmsa, page).rbx).toBe(1n);
    expect(view(Vmsa, page).rip).toBe(machine.core.state.rip);
  });

  it('has that state for the AMD-SP’s debugging too', () => {
    const { machine, host, frame } = twoHalts(['debug-policy']);
    const { core, psp, memory, hypervisor } = machine;
    runUntil(machine, Exit.HLT);
    const target = memory.allocateFrame();
    expect(host.rmpUpdate(target, FIRMWARE)).toBe(Rmp.OK);
    expect(psp.debugDecrypt(hypervisor.guestContext ?? -1, frame, target)).toBe(Status.SUCCESS);
    expect(view(Vmsa, core.read(target * PAGE, PAGE, 0)).rbx).toBe(1n);
  });

  it('is free once VMRUN refused to go on with it', () => {
    const { machine, host, frame } = twoHalts();
    const { hypervisor, vcpu } = machine;
    hypervisor.answer(hypervisor.enter(1));
    expect(vcpu.run(1).code).toBe(EXIT_LIMIT);
    host.inject({ vector: 0x80, type: 'software' });
    expect(vcpu.run(1).code).toBe(Exit.INVALID);
    expect(host.rmpUpdate(frame, hypervisorOwned(false))).toBe(Rmp.OK);
  });

  it('is swapped out and in as the guest left it, which then goes on', () => {
    const { machine, host, frame, sealed } = twoHalts();
    const { core, psp, memory, hypervisor } = machine;
    const context = hypervisor.guestContext ?? -1;
    runUntil(machine, Exit.HLT);
    const target = memory.allocateFrame();
    expect(host.rmpUpdate(target, FIRMWARE)).toBe(Rmp.OK);
    expect(host.rmpUpdate(frame, sealed)).toBe(Rmp.OK);
    expect(machine.vcpu.run(1000).code).toBe(Exit.INVALID);
    const command = { context, metadata: 'root', type: SWAP_VMSA } as const;
    expect(psp.swapOut({ ...command, source: frame, target })).toBe(Status.SUCCESS);
    core.write(frame * PAGE, new Uint8Array(PAGE), 0);
    expect(psp.swapIn({ ...command, source: target, target: frame })).toBe(Status.SUCCESS);
    expect(psp.pageReclaim(frame)).toBe(Status.SUCCESS);
    runUntil(machine, Exit.HLT);
    expect(core.state.rbx).toBe(2n);
  });

  it('is read again by VMRUN after RMPUPDATE, whatever it has', () => {
    const { machine, host, frame, sealed } = twoHalts();
    const { core } = machine;
    runUntil(machine, Exit.HLT);
    const before = core.frames.rmp(frame);
    const page = host.readVmsa();
    host.rmpUpdate(frame, hypervisorOwned(false));
    host.write(frame * PAGE, page.fill(0, 0x310, 0x320));
    host.rmpUpdate(frame, { ...sealed, immutable: false });
    // What another vCPU at VMPL 0 would do: PVALIDATE, RMPADJUST.
    host.forgeRmp(frame, before);
    runUntil(machine, Exit.HLT);
    expect(core.state.rdx).not.toBe(0n);
  });

  it('is in use to RMPADJUST of the guest that runs from it', () => {
    const machine = bootGuest({ mode: 'snp', memory: MEMORY }, (guest) => {
      guest.set(RAX, FREE_GPA);
      guest.set(RCX, Rmp.PAGE_4K);
      guest.set(RDX, 1);
      guest.asm.op('rmpadjust');
    });
    const { core, vcpu, memory } = machine;
    const launched = vcpu.vmsaFrame ?? -1;
    const own = { ...core.frames.rmp(launched), gfn: FREE_GPA / PAGE };
    const frame = memory.frameOf(FREE_GPA / PAGE) ?? -1;
    core.frames.setRmp(frame, own);
    core.write(frame * PAGE, core.read(launched * PAGE, PAGE, machine.asid), machine.asid);
    vcpu.switchTo(frame, memory, FREE_GPA / PAGE);
    runUntil(machine, Exit.HLT);
    expect(core.state.rax).toBe(BigInt(Rmp.FAIL_INUSE));
    expect(core.frames.rmp(frame)).toEqual(own);
  });
});
