/** RDMSR and WRMSR of a register that the hypervisor keeps. GHCB §4.1.3. */

import { VC_AT_WRONG_SITE, VC_NOT_SERVED } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import * as Msr from '../../spec/msr.ts';
import { load8 } from '../cpu.ts';
import { die } from '../exit.ts';
import { panic } from '../panic.ts';
import * as ghcb from './ghcb.ts';
import { request } from './request.ts';

const LENGTH: u64 = 2;
const RDMSR: u32 = 0x32;
const WRMSR: u32 = 0x30;
const LOW: u64 = 0xffff_ffff;

export function serveMsr(frame: TrapFrame): void {
  const opcode = load8(frame.rip + 1);
  if (load8(frame.rip) !== 0x0f || (opcode !== RDMSR && opcode !== WRMSR)) die(VC_AT_WRONG_SITE);
  if (isOurs(u32(frame.rcx))) die(VC_AT_WRONG_SITE);
  if (!ghcb.ghcbReady()) panic(VC_NOT_SERVED);
  const write = opcode === WRMSR;
  ghcb.begin();
  ghcb.setRcx(frame.rcx & LOW);
  if (write) {
    ghcb.setRax(frame.rax & LOW);
    ghcb.setRdx(frame.rdx & LOW);
  }
  request(Exit.MSR, u64(write), 0);
  if (!write) {
    frame.rax = ghcb.outputRax() & LOW;
    frame.rdx = ghcb.outputRdx() & LOW;
  }
  frame.rip += LENGTH;
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
      return true;
    default:
      return false;
  }
}
