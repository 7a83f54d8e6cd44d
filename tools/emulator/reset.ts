import { hypervisorOwned, rmpUpdate } from './hypervisor/rmp.ts';
import type { Machine } from './machine.ts';

/**
 * Starts the machine again: the AMD-SP ends the guest, the host takes all memory back as it is, and
 * what was launched is launched once more, under new keys. What shared pages hold stays there.
 */
export function resetMachine(machine: Machine): void {
  const { core, hypervisor, memory, pages, psp, statistics, vcpu, ports, launch } = machine;
  if (!launch) throw new TypeError('a reset of a machine in which nothing was launched');
  const { guestContext } = hypervisor;
  if (guestContext !== undefined) {
    psp.decommission(guestContext);
    psp.pageReclaim(guestContext);
    rmpUpdate(core.frames, guestContext, hypervisorOwned(false));
  }
  // Pages that the AMD-SP holds, such as for a guest to swap them, are nobody else's to take.
  for (let frame = 0; frame < core.frames.count; frame++) {
    if (core.frames.assigned(frame)) psp.pageReclaim(frame, core.frames.rmp(frame).huge);
  }
  vcpu.reset();
  pages.reset();
  memory.reset();
  ports.reset();
  hypervisor.reset();
  statistics.resets++;
  launch();
}
