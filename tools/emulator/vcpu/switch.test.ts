import { describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import { type GuestCode, guestImage } from '../../../test/guest.ts';
import { R8 } from '../../compiler/x86/operand.ts';
import { HostileHost } from '../hostile.ts';
import { launchIgvm } from '../launch/igvm.ts';
import { createMachine } from '../machine.ts';

function count(guest: GuestCode): void {
  const again = guest.asm.label();
  guest.asm.bind(again);
  guest.asm.op('inc r/m64', R8);
  guest.halt();
  guest.asm.op('jmp rel32', again);
}

/** A guest of two vCPUs, of which the second begins to count at 100. */
function twoVcpus(mode: 'sev-es' | 'snp') {
  const machine = createMachine({ mode, memory: 8 << 20 });
  const host = new HostileHost(machine);
  host.addVcpus((first) => {
    const page = first.slice();
    view(Vmsa, page).r8 = 100n;
    return [page];
  });
  launchIgvm(machine, guestImage(mode, count));
  const [one = -1, two = -1] = machine.vmsaFrames;
  const step = (frame: number) => {
    if (machine.vcpu.vmsaFrame !== frame) host.switchVcpu(frame);
    for (;;) {
      const exit = machine.vcpu.run(100);
      if (exit.code === Exit.HLT) return machine.core.state.r8;
      if (exit.code === Exit.INVALID) return machine.vcpu.refusal;
      machine.hypervisor.answer(exit);
    }
  };
  return { machine, host, one, two, step };
}

describe.each(['sev-es', 'snp'] as const)('two vCPUs on one processor in %s', (mode) => {
  it('go on where each of them was left', () => {
    const { one, two, step } = twoVcpus(mode);
    expect([one, two, one, one, two].map(step)).toEqual([1n, 101n, 2n, 3n, 102n]);
  });

  it('leave nothing of one another in their VMSA pages', () => {
    const { machine, one, two, step } = twoVcpus(mode);
    step(one);
    const before = machine.memory.read(one * 4096, 4096);
    step(two);
    expect(machine.memory.read(one * 4096, 4096)).toEqual(before);
    expect(machine.memory.read(two * 4096, 4096)).not.toEqual(before);
  });

  it('are as they were in a snapshot', () => {
    const { machine, one, two, step } = twoVcpus(mode);
    step(one);
    step(two);
    const point = machine.snapshot();
    const onward = () => [one, two, one].map(step);
    const first = onward();
    machine.restore(point);
    expect(onward()).toEqual(first);
  });
});

it('a VMSA that was changed while another vCPU ran is refused in sev-es', () => {
  const { machine, one, two, step } = twoVcpus('sev-es');
  step(one);
  step(two);
  const page = machine.memory.read(one * 4096, 4096);
  machine.memory.write(one * 4096, page.fill(0x5a, 0x300, 0x310));
  expect(step(one)).toBe('the VMSA was changed');
});
