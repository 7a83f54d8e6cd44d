/**
 * #VC: an instruction that the hypervisor intercepts, and that we may ask it to do for us. The
 * kernel itself asks without it (kernel/sev/port.ts), so after boot there should be none.
 *
 * A hypervisor can raise #VC where and with what code it likes. So three must agree: the code, the
 * site that the linker put at this place, and the instruction's own bytes. Until they do nothing
 * is written where the host could read it. #VC is taken on the current stack: one that arrives
 * while another is served finds that one's frame intact, and ends the guest. GHCB §4.1.
 */

import * as Reason from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import { die } from '../exit.ts';
import { hasGhcb } from '../platform.ts';
import { interceptAt, placeOf } from '../trap/symbols.ts';
import { ghcbReady, interruptRequests, resumeRequests } from './ghcb.ts';
import { serveCpuid } from './vc-cpuid.ts';
import * as I from './vc-instruction.ts';
import { serveIoio } from './vc-ioio.ts';
import { serveMsr } from './vc-msr.ts';
import { serveString } from './vc-string.ts';
import * as System from './vc-system.ts';

/** Serves the #VC that `frame` tells of: registers and RIP change as the instruction would have it. */
export function serveVc(frame: TrapFrame, nested: bool): void {
  if (!hasGhcb()) die(Reason.VC_WITHOUT_ES);
  // These can come from any access, so no site is asked for: first, and by the code alone.
  if (frame.error === u64(Exit.PAGE_NOT_VALIDATED)) die(Reason.VC_NOT_VALIDATED);
  if (frame.error === u64(Exit.NPF)) die(Reason.VC_NESTED_PAGE_FAULT);
  // #AC needs CPL 3, which does not occur: the host made it up.
  if (frame.error === u64(Exit.AC_EXCP)) die(Reason.VC_ALIGNMENT_CHECK);
  if (nested) die(Reason.VC_NESTED);
  const site = interceptAt(placeOf(frame.rip));
  if (site === 0 || u64(site) !== frame.error) die(Reason.VC_AT_WRONG_SITE);
  if (!isServed(site)) die(Reason.VC_NOT_SERVED);
  const instruction = I.decode(frame.rip);
  if (I.exitCodeOf(instruction) !== site) die(Reason.VC_AT_WRONG_SITE);
  if (ghcbReady()) {
    interruptRequests();
    serve(instruction, frame);
    resumeRequests();
  } else {
    // Before there is a GHCB there is only the MSR to ask with, and it has CPUID alone.
    if (instruction !== I.CPUID) die(Reason.VC_NOT_SERVED);
    serveCpuid(frame);
  }
}

/** Whether instructions of this exit code are in the table of vc-instruction.ts. */
function isServed(code: u32): bool {
  switch (code) {
    case Exit.CPUID:
    case Exit.IOIO:
    case Exit.MSR:
    case Exit.RDTSC:
    case Exit.RDTSCP:
    case Exit.RDPMC:
    case Exit.WBINVD:
    case Exit.INVD:
    case Exit.MONITOR:
    case Exit.MWAIT:
    case Exit.DR7_READ:
    case Exit.DR7_WRITE:
    case Exit.VMMCALL:
      return true;
    default:
      return false;
  }
}

function serve(instruction: u32, frame: TrapFrame): void {
  switch (instruction) {
    case I.CPUID:
      serveCpuid(frame);
      break;
    case I.IN_OUT:
      serveIoio(frame);
      break;
    case I.INS_OUTS:
      serveString(frame);
      break;
    case I.RDMSR:
      serveMsr(frame, false);
      break;
    case I.WRMSR:
      serveMsr(frame, true);
      break;
    case I.RDTSC:
      System.serveTimeStamp(frame, false);
      break;
    case I.RDTSCP:
      System.serveTimeStamp(frame, true);
      break;
    case I.RDPMC:
      System.serveRdpmc(frame);
      break;
    case I.WBINVD:
      System.serveWbinvd(frame);
      break;
    case I.INVD:
      System.serveInvd();
      break;
    case I.FROM_DR7:
      System.serveFromDr7(frame);
      break;
    case I.TO_DR7:
      System.serveToDr7(frame);
      break;
    case I.VMMCALL:
      System.serveVmmcall(frame);
      break;
    default:
      System.serveNothing(frame); // MONITOR, MWAIT
      break;
  }
}
