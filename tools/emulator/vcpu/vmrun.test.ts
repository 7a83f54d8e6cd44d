import { describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import * as Status from '../../../spec/psp-status.ts';
import { bootGuest, guestImage, runUntil } from '../../../test/guest.ts';
import { HostileHost } from '../hostile.ts';
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
