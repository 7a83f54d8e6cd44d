/** RDMSR and WRMSR of a register that the hypervisor keeps. GHCB §4.1.3. */

import { VC_AT_WRONG_SITE } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import * as Msr from '../../spec/msr.ts';
import { die } from '../exit.ts';
import * as ghcb from './ghcb.ts';
import { decodedBytes } from './vc-instruction.ts';
import { requestFor } from './vc-reflect.ts';
import { refuseIfSecure } from './vc-system.ts';

const LOW: u64 = 0xffff_ffff;

export function serveMsr(frame: TrapFrame, write: bool): void {
  const index = u32(frame.rcx);
  if (isOurs(index)) die(VC_AT_WRONG_SITE);
  if (index === Msr.TSC) refuseIfSecure();
  ghcb.begin();
  ghcb.setRcx(frame.rcx & LOW);
  if (write) {
    ghcb.setRax(frame.rax & LOW);
    ghcb.setRdx(frame.rdx & LOW);
  }
  requestFor(frame, Exit.MSR, u64(write), 0);
  if (!write) {
    const rax = ghcb.outputRax() & LOW;
    frame.rdx = ghcb.outputRdx() & LOW;
    frame.rax = rax;
  }
  frame.rip += decodedBytes();
}

/**
 * Registers that are part of the guest's own state: a #VC for one is the host's invention, and the
 * GHCB MSR's would have us skip what says where the GHCB is.
 */
function isOurs(index: u32): bool {
  switch (index) {
    case Msr.GHCB:
    case Msr.SEV_STATUS:
    case Msr.EFER:
    case Msr.PAT:
    case Msr.FS_BASE:
    case Msr.GS_BASE:
    case Msr.KERNEL_GS_BASE:
    case Msr.GUEST_TSC_FREQ:
      return true;
    default:
      return false;
  }
}
