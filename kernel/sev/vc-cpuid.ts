/** CPUID. Under SNP the AMD-SP's page answers and nothing else; under SEV-ES the hypervisor. GHCB §4.1.2. */

import { VC_AT_WRONG_SITE, VC_CPUID_LEAF } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Exit from '../../spec/exit.ts';
import { load8 } from '../cpu.ts';
import { die } from '../exit.ts';
import { panic } from '../panic.ts';
import { isSnp } from '../platform.ts';
import { cpuidFunction } from './cpuid.ts';
import * as ghcb from './ghcb.ts';
import { cpuidRegister } from './msr.ts';
import { request } from './request.ts';

const LENGTH: u64 = 2;

/** x87 and SSE: what XCR0 holds while CR4.OSXSAVE is clear, as it is in this kernel. */
const XCR0_AT_RESET: u64 = 1;

export function serveCpuid(frame: TrapFrame): void {
  if (load8(frame.rip) !== 0x0f || load8(frame.rip + 1) !== 0xa2) die(VC_AT_WRONG_SITE);
  if (isSnp()) fromPage(frame);
  else if (ghcb.ghcbReady()) fromGhcb(frame);
  else fromMsr(frame);
  frame.rip += LENGTH;
}

/** A leaf that the page does not have reads as zeroes. */
function fromPage(frame: TrapFrame): void {
  const entry = cpuidFunction(u32(frame.rax), u32(frame.rcx));
  if (entry === null) answer(frame, 0, 0, 0, 0);
  else answer(frame, u64(entry.eax), u64(entry.ebx), u64(entry.ecx), u64(entry.edx));
}

function fromGhcb(frame: TrapFrame): void {
  ghcb.begin();
  ghcb.setRax(u64(u32(frame.rax)));
  ghcb.setRcx(u64(u32(frame.rcx)));
  if (u32(frame.rax) === Cpuid.LEAF_XSAVE) ghcb.setXcr0(XCR0_AT_RESET);
  request(Exit.CPUID, 0, 0);
  const rax = ghcb.outputRax();
  const rbx = ghcb.outputRbx();
  const rcx = ghcb.outputRcx();
  answer(frame, rax, rbx, rcx, ghcb.outputRdx());
}

function fromMsr(frame: TrapFrame): void {
  const leaf = u32(frame.rax);
  // The MSR protocol has no room for a subleaf.
  if (u32(frame.rcx) !== 0 && leaf === Cpuid.LEAF_XSAVE) panic(VC_CPUID_LEAF);
  const rax = u64(cpuidRegister(leaf, 0));
  const rbx = u64(cpuidRegister(leaf, 1));
  const rcx = u64(cpuidRegister(leaf, 2));
  answer(frame, rax, rbx, rcx, u64(cpuidRegister(leaf, 3)));
}

function answer(frame: TrapFrame, rax: u64, rbx: u64, rcx: u64, rdx: u64): void {
  frame.rax = rax & 0xffff_ffff;
  frame.rbx = rbx & 0xffff_ffff;
  frame.rcx = rcx & 0xffff_ffff;
  frame.rdx = rdx & 0xffff_ffff;
}
