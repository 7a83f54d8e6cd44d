/**
 * #VC: an instruction that the hypervisor intercepts, and that we may ask it to do for us. The
 * kernel itself asks without it (kernel/sev/port.ts), so after boot there should be none.
 *
 * A hypervisor can raise #VC where and with what code it likes. So the code must be that of the
 * instruction that the linker put at this place, and the action follows from the instruction's own
 * bytes. Until that is shown nothing is written where the host could read it. GHCB §4.1.
 */

import * as Reason from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import { die } from '../exit.ts';
import { panic } from '../panic.ts';
import { hasGhcb } from '../platform.ts';
import { interceptAt, placeOf } from '../trap/symbols.ts';
import { serveCpuid } from './vc-cpuid.ts';
import { serveIoio } from './vc-ioio.ts';
import { serveMsr } from './vc-msr.ts';

/** Serves the #VC that `frame` tells of: registers and RIP change as the instruction would have it. */
export function serveVc(frame: TrapFrame, nested: bool): void {
  const code = u32(frame.error);
  if (!hasGhcb()) die(Reason.VC_WITHOUT_ES);
  if (code === Exit.PAGE_NOT_VALIDATED) die(Reason.VC_NOT_VALIDATED);
  if (code === Exit.NPF) die(Reason.VC_NESTED_PAGE_FAULT);
  if (nested) die(Reason.VC_NESTED);
  const expected = interceptAt(placeOf(frame.rip));
  if (expected === 0 || u64(expected) !== frame.error) die(Reason.VC_AT_WRONG_SITE);
  if (code === Exit.CPUID) serveCpuid(frame);
  else if (code === Exit.IOIO) serveIoio(frame);
  else if (code === Exit.MSR) serveMsr(frame);
  else panic(Reason.VC_NOT_SERVED);
}
