import * as Fault from '../../../spec/page-fault.ts';
import type { VmExit } from '../vcpu/vcpu.ts';
import { PAGE } from './guest-memory.ts';
import type { Hypervisor } from './hypervisor.ts';
import { entryFor } from './rmp.ts';

/**
 * #VMEXIT(NPF): pages in what is there, makes the page of a device's what an access to it needs,
 * and brings sizes in line. A fault that the RMP raised for any other reason is not the
 * hypervisor's to repair: the guest cannot go on. APM2 §15.25.6, §15.36.10.
 */
export function nestedFault(host: Hypervisor, exit: VmExit): void {
  const has = (bit: number) => (exit.info1 & BigInt(bit)) !== 0n;
  const gfn = Number(exit.info2 / BigInt(PAGE));
  if (has(Fault.RMP)) {
    if (has(Fault.SIZE_MISMATCH) && host.pages.split(gfn)) return;
    if (!has(Fault.VMPL) && host.pages.matchSize(gfn)) return;
    host.end({ kind: 'shutdown', cause: rmpFault(host, exit, gfn) });
    return;
  }
  if (host.pages.pageIn(gfn)) return;
  if (host.memory.frameOf(gfn) === undefined && !has(Fault.RESERVED) && host.mapDevice(gfn)) return;
  const what = `${access(exit)} of guest address 0x${exit.info2.toString(16)}`;
  host.end({ kind: 'shutdown', cause: `${what}: there is nothing that can be reached so` });
}

/** What was refused, and whose the page is. */
function rmpFault(host: Hypervisor, exit: VmExit, gfn: number): string {
  const frame = host.memory.frameOf(gfn);
  const what = `RMP fault: ${access(exit)} of guest address 0x${exit.info2.toString(16)}`;
  if (frame === undefined) return `${what}, which is no RAM`;
  const entry = entryFor(host.core.frames, frame);
  if ((exit.info1 & BigInt(Fault.VMPL)) !== 0n) return `${what}, which its VMPL may not`;
  if (!entry.assigned) return `${what}, a page of the hypervisor's`;
  if (entry.immutable) return `${what}, a page that the AMD-SP holds`;
  return `${what}, a page of the guest's`;
}

function access(exit: VmExit): string {
  const has = (bit: number) => (exit.info1 & BigInt(bit)) !== 0n;
  const kind = has(Fault.FETCH) ? 'fetch' : has(Fault.WRITE) ? 'write' : 'read';
  const table = has(Fault.TABLE_ADDRESS) ? ' through the page tables' : '';
  return `${has(Fault.ENCRYPTED) ? 'private' : 'shared'} ${kind}${table}`;
}
