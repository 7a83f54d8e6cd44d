/** #VC of what is neither port, MSR nor CPUID. GHCB §4.1, table 5. */

import { VC_INVD, VC_TIME_STAMP } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import { die } from '../exit.ts';
import { bootRecord } from '../handoff.ts';
import * as ghcb from './ghcb.ts';
import { decodedByte, decodedBytes } from './vc-instruction.ts';
import { requestFor } from './vc-reflect.ts';

const LOW: u64 = 0xffff_ffff;

/** DR7 with nothing switched on, and bits that always read as zero. APM2 §13.1.1. */
const DR7_AT_RESET: u64 = 0x400;
const DR7_WRITABLE: u64 = 0xffff_23ff;

/** The hypervisor has the register: what we read is what we wrote, whatever it says. */
let dr7: u64 = DR7_AT_RESET;

/** With a secure TSC no host has a reason to intercept what reads it, but to lie. */
export function refuseIfSecure(): void {
  if ((bootRecord().sevStatus & SevStatus.SECURE_TSC) !== 0) die(VC_TIME_STAMP);
}

/** RDTSC, RDTSCP. */
export function serveTimeStamp(frame: TrapFrame, withAux: bool): void {
  refuseIfSecure();
  ghcb.begin();
  requestFor(frame, withAux ? Exit.RDTSCP : Exit.RDTSC, 0, 0);
  const rax = ghcb.outputRax() & LOW;
  const rdx = ghcb.outputRdx() & LOW;
  if (withAux) frame.rcx = ghcb.outputRcx() & LOW;
  frame.rax = rax;
  frame.rdx = rdx;
  frame.rip += decodedBytes();
}

export function serveRdpmc(frame: TrapFrame): void {
  ghcb.begin();
  ghcb.setRcx(frame.rcx & LOW);
  requestFor(frame, Exit.RDPMC, 0, 0);
  const rax = ghcb.outputRax() & LOW;
  frame.rdx = ghcb.outputRdx() & LOW;
  frame.rax = rax;
  frame.rip += decodedBytes();
}

export function serveWbinvd(frame: TrapFrame): void {
  ghcb.begin();
  requestFor(frame, Exit.WBINVD, 0, 0);
  frame.rip += decodedBytes();
}

/** To drop caches without writing them back would lose what the guest wrote: no guest means it. */
export function serveInvd(): void {
  die(VC_INVD);
}

export function serveFromDr7(frame: TrapFrame): void {
  setRegister(frame, decodedByte() & 7, dr7);
  frame.rip += decodedBytes();
}

export function serveToDr7(frame: TrapFrame): void {
  const value = (registerOf(frame, decodedByte() & 7) & DR7_WRITABLE) | DR7_AT_RESET;
  ghcb.begin();
  ghcb.setRax(value);
  requestFor(frame, Exit.DR7_WRITE, 0, 0);
  dr7 = value;
  frame.rip += decodedBytes();
}

/** RAX names the call, and is its result; no other register goes to the host. */
export function serveVmmcall(frame: TrapFrame): void {
  ghcb.begin();
  ghcb.setRax(frame.rax);
  ghcb.setCpl(0);
  requestFor(frame, Exit.VMMCALL, 0, 0);
  frame.rax = ghcb.outputRax();
  frame.rip += decodedBytes();
}

/** MONITOR and MWAIT do nothing: to ask would tell the host an address. */
export function serveNothing(frame: TrapFrame): void {
  frame.rip += decodedBytes();
}

/** One of the first eight registers, as ModRM numbers them. */
function registerOf(frame: TrapFrame, number: u32): u64 {
  switch (number) {
    case 0:
      return frame.rax;
    case 1:
      return frame.rcx;
    case 2:
      return frame.rdx;
    case 3:
      return frame.rbx;
    case 4:
      return frame.rsp;
    case 5:
      return frame.rbp;
    case 6:
      return frame.rsi;
    default:
      return frame.rdi;
  }
}

function setRegister(frame: TrapFrame, number: u32, value: u64): void {
  if (number === 0) frame.rax = value;
  else if (number === 1) frame.rcx = value;
  else if (number === 2) frame.rdx = value;
  else if (number === 3) frame.rbx = value;
  else if (number === 4) frame.rsp = value;
  else if (number === 5) frame.rbp = value;
  else if (number === 6) frame.rsi = value;
  else frame.rdi = value;
}
