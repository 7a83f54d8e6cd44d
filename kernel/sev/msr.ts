/** Requests that fit in the GHCB MSR: all that works before a GHCB is registered. GHCB §2.3.1. */

import {
  C_BIT_WRONG,
  GHCB_GPA_OTHER,
  GHCB_GPA_REFUSED,
  GHCB_MSR_ANSWER,
  PROTOCOL_VERSION_UNSUPPORTED,
  PSC_REFUSED,
} from '../../spec/abi/termination.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import * as Request from '../../spec/ghcb-msr.ts';
import * as Msr from '../../spec/msr.ts';
import { hlt, rdmsr, vmgexit, wrmsr } from '../cpu.ts';
import { panic } from '../panic.ts';

/** Bits 63:12, where an answer has its value. */
const DATA_MASK: u64 = 0xffff_ffff_ffff_f000;

/**
 * The highest protocol version that both sides speak; ends the guest if there is none. The C-bit
 * that the hypervisor names must be the one in use. GHCB §2.3.1, §4.1.
 */
export function negotiateVersion(cBit: u32, lowest: u32): u32 {
  const answer = ask(Request.SEV_INFO_REQUEST);
  if ((answer & 0xff_ffff) !== u64(Request.SEV_INFO_RESPONSE)) panic(GHCB_MSR_ANSWER);
  if (((answer >> 24) & 0xff) !== u64(cBit)) panic(C_BIT_WRONG);
  const highest = u32(answer >> 48);
  const oldest = u32(answer >> 32) & 0xffff;
  if (highest < lowest || oldest > Ghcb.VERSION_MAX || oldest > highest) {
    panic(PROTOCOL_VERSION_UNSUPPORTED);
  }
  return min<u32>(highest, Ghcb.VERSION_MAX);
}

/** What the hypervisor offers, as bits of spec/hv-features.ts; protocol version 2 and up. */
export function hypervisorFeatures(): u64 {
  const answer = ask(Request.HV_FEATURES_REQUEST);
  expectInfo(answer, Request.HV_FEATURES_RESPONSE);
  return answer >> 12;
}

/** Ends the guest if the hypervisor wants the GHCB elsewhere than at `gpa`: its page is ours to choose. */
export function checkPreferredGhcb(gpa: u64): void {
  const answer = ask(Request.PREFERRED_GHCB_REQUEST);
  expectInfo(answer, Request.PREFERRED_GHCB_RESPONSE);
  const preferred = answer & DATA_MASK;
  if (preferred !== DATA_MASK && preferred !== gpa) panic(GHCB_GPA_OTHER);
}

/** Offers the page at `gpa` as this CPU's GHCB. The hypervisor may only say yes. */
export function registerGhcb(gpa: u64): void {
  const answer = ask(gpa | Request.REGISTER_GHCB_REQUEST);
  expectInfo(answer, Request.REGISTER_GHCB_RESPONSE);
  if ((answer & DATA_MASK) !== gpa) panic(GHCB_GPA_REFUSED);
}

/** Gives the 4 KiB page at `gpa` to the guest or the host: `operation` of spec/psc.ts. */
export function changePageState(gpa: u64, operation: u32): void {
  const answer = ask((u64(operation) << 52) | gpa | Request.PAGE_STATE_CHANGE_REQUEST);
  expectInfo(answer, Request.PAGE_STATE_CHANGE_RESPONSE);
  if ((answer & DATA_MASK) !== 0) panic(PSC_REFUSED);
}

/** One register (0 EAX … 3 EDX) of CPUID `leaf`, subleaf 0. The hypervisor's word: SEV-ES only. */
export function cpuidRegister(leaf: u32, register: u32): u32 {
  const answer = ask((u64(leaf) << 32) | (u64(register) << 30) | Request.CPUID_REQUEST);
  const expected = (u64(register) << 30) | Request.CPUID_RESPONSE;
  if ((answer & 0xffff_ffff) !== expected) panic(GHCB_MSR_ANSWER);
  return u32(answer >> 32);
}

/** Points the MSR at the GHCB whose GPA is `gpa`, for the requests through the page. */
export function selectGhcb(gpa: u64): void {
  wrmsr(Msr.GHCB, gpa);
}

/** What the MSR holds: the GHCB's GPA, or a request that is being made. */
export function selectedGhcb(): u64 {
  return rdmsr(Msr.GHCB);
}

/** Tells the hypervisor to end the guest, with `reason` of spec/abi/termination.ts. Never returns. */
export function terminate(reason: u32): void {
  const set = u64(reason >> 8) & 0xf;
  const code = u64(reason) & 0xff;
  while (true) {
    wrmsr(Msr.GHCB, (code << 16) | (set << 12) | Request.TERMINATE_REQUEST);
    vmgexit();
    hlt();
  }
}

function ask(request: u64): u64 {
  wrmsr(Msr.GHCB, request);
  vmgexit();
  return rdmsr(Msr.GHCB);
}

function expectInfo(answer: u64, info: u32): void {
  if ((answer & Request.INFO_MASK) !== u64(info)) panic(GHCB_MSR_ANSWER);
}
