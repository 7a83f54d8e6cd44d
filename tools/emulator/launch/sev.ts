import { VMSA_GPA } from '../../../spec/launch.ts';
import * as Status from '../../../spec/psp-status.ts';
import { UserError } from '../../errors.ts';
import { TSC_KHZ } from '../cpuid/model.ts';
import { PAGE } from '../hypervisor/guest-memory.ts';
import { rmpUpdate } from '../hypervisor/rmp.ts';
import type { DataUpdate, Machine } from '../machine.ts';

/** Frame number of the address at which KVM measures a VMSA. */
export const VMSA_GFN = VMSA_GPA / PAGE;

/** Loads and encrypts pages, in the order given, as a launch before SNP does. SEV, LAUNCH_UPDATE_DATA. */
export function launchSev(machine: Machine, pages: readonly DataUpdate[]): void {
  check(machine.psp.sev.launchStart(machine.asid), 'LAUNCH_START');
  for (const { gpa, data } of machine.hooks.updates?.(pages) ?? pages) {
    if (machine.memory.writeGuest(BigInt(gpa), data) !== undefined)
      throw new UserError(`there is no memory at 0x${gpa.toString(16)}`);
    const spa = machine.memory.spa(BigInt(gpa)) ?? 0;
    check(machine.psp.sev.launchUpdate(spa, data.length), 'LAUNCH_UPDATE_DATA');
  }
}

/** Puts `state` into a VMSA page, encrypts it, and has the vCPU start from it; other vCPUs' likewise. SEV, LAUNCH_UPDATE_VMSA. */
export function launchVmsa(machine: Machine, state: Uint8Array): void {
  for (const page of [state, ...(machine.hooks.vcpus?.(state) ?? [])]) {
    const frame = machine.memory.allocateFrame();
    machine.memory.write(frame * PAGE, page);
    check(machine.psp.sev.launchUpdate(frame * PAGE, PAGE), 'LAUNCH_UPDATE_VMSA');
    machine.vmsaFrames.push(frame);
  }
  startFirst(machine);
}

/** Has the boot processor start from the first of the VMSAs that were launched. */
export function startFirst(machine: Machine): void {
  const [first] = machine.vmsaFrames;
  if (first === undefined) throw new TypeError('a launch without a VMSA');
  machine.vcpu.startProtected(first, machine.memory);
}

/** A guest context of the AMD-SP's, started with `policy` and active. Its frame. SNP, GCTX_CREATE. */
export function startSnp(machine: Machine, policy: bigint): number {
  const frame = machine.memory.allocateFrame();
  const firmware = { assigned: true, huge: false, immutable: true, asid: 0, gfn: 0 };
  check(rmpUpdate(machine.core.frames, frame, firmware), 'RMPUPDATE');
  check(machine.psp.createContext(frame), 'SNP_GCTX_CREATE');
  check(machine.psp.launchStart(frame, policy, TSC_KHZ), 'SNP_LAUNCH_START');
  check(machine.psp.activate(frame, machine.asid), 'SNP_ACTIVATE');
  machine.hypervisor.guestContext = frame;
  return frame;
}

/** Hands the page in `frame` to an SNP guest as `gfn`: RMPUPDATE, then LAUNCH_UPDATE. SNP, LAUNCH_UPDATE. */
export function launchPage(
  machine: Machine,
  context: number,
  page: { readonly frame: number; readonly gfn: number; readonly type: number },
): void {
  const { frame, gfn, type } = page;
  const { frames } = machine.core;
  const update = { assigned: true, huge: false, immutable: true, asid: machine.asid, gfn };
  check(rmpUpdate(frames, frame, update), 'RMPUPDATE');
  check(machine.psp.launchUpdate({ context, frame, huge: false, type }), 'SNP_LAUNCH_UPDATE');
}

/** A command of the AMD-SP, or an instruction, that a launch cannot do without. */
export function check(status: number, command: string): void {
  if (status === Status.SUCCESS) return;
  const name = Object.entries(Status).find(([, code]) => code === status)?.[0] ?? 'UNKNOWN';
  throw new UserError(`${command} failed with status 0x${status.toString(16)} (${name})`);
}
