/** CPUID. Under SNP the AMD-SP's page answers and nothing else; under SEV-ES the hypervisor. GHCB §4.1.2. */

import { VC_CPUID_LEAF } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Cpu from '../../spec/cpu.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Exit from '../../spec/exit.ts';
import * as Msr from '../../spec/msr.ts';
import { rdmsr, readCr4, xgetbv } from '../cpu.ts';
import { panic } from '../panic.ts';
import { isSnp } from '../platform.ts';
import { cpuidFunction, xsaveSize } from './cpuid.ts';
import * as ghcb from './ghcb.ts';
import { cpuidRegister } from './msr.ts';
import { request } from './request.ts';
import { decodedBytes } from './vc-instruction.ts';

/** XCR0 while CR4.OSXSAVE is clear: x87 alone. */
const XCR0_AT_RESET: u64 = 1;
/** Nobody here changes it, and where there is no XSAVES it cannot be read. */
const XSS_AT_RESET: u64 = 0;
/** The one vCPU's APIC id. */
const APIC_ID: u64 = 0;

export function serveCpuid(frame: TrapFrame): void {
  if (isSnp()) fromPage(frame);
  else if (ghcb.ghcbReady()) fromGhcb(frame);
  else fromMsr(frame);
  frame.rip += decodedBytes();
}

/**
 * A leaf that the page does not have reads as zeroes. What depends on the vCPU or on its control
 * registers cannot be in the page, which all vCPUs share: it is put right here.
 */
function fromPage(frame: TrapFrame): void {
  const leaf = u32(frame.rax);
  const subleaf = u32(frame.rcx);
  const entry = cpuidFunction(leaf, subleaf);
  if (entry === null) {
    answer(frame, 0, 0, 0, 0);
    return;
  }
  let eax = u64(entry.eax);
  let ebx = u64(entry.ebx);
  let ecx = u64(entry.ecx);
  let edx = u64(entry.edx);
  const cr4 = readCr4();
  switch (leaf) {
    case Cpuid.LEAF_FEATURES:
      ebx = (ebx & 0xff_ffff) | (APIC_ID << 24);
      ecx = withBit(ecx, u64(Cpuid.ECX_OSXSAVE), (cr4 & u64(Cpu.CR4_OSXSAVE)) !== 0);
      break;
    case Cpuid.LEAF_STRUCTURED_FEATURES:
      if (subleaf === 0) {
        ecx = withBit(ecx, u64(Cpuid.ECX_OSPKE), (cr4 & u64(Cpu.CR4_PKE)) !== 0);
      }
      break;
    case Cpuid.LEAF_TOPOLOGY:
    case Cpuid.LEAF_EXTENDED_TOPOLOGY:
      edx = APIC_ID;
      break;
    case Cpuid.LEAF_XSAVE:
      if (subleaf === 0) ebx = u64(xsaveSize(xcr0(), false));
      else if (subleaf === 1 && (eax & u64(Cpuid.EAX_XSAVES)) !== 0) {
        ebx = u64(xsaveSize(xcr0() | rdmsr(Msr.XSS), true));
      }
      break;
    case Cpuid.LEAF_EXTENDED_APIC:
      eax = APIC_ID;
      break;
    default:
      break;
  }
  answer(frame, eax, ebx, ecx, edx);
}

function withBit(value: u64, bit: u64, on: bool): u64 {
  return on ? value | bit : value & ~bit;
}

function xcr0(): u64 {
  return (readCr4() & u64(Cpu.CR4_OSXSAVE)) !== 0 ? xgetbv(0) : XCR0_AT_RESET;
}

function fromGhcb(frame: TrapFrame): void {
  ghcb.begin();
  ghcb.setRax(u64(u32(frame.rax)));
  ghcb.setRcx(u64(u32(frame.rcx)));
  if (u32(frame.rax) === Cpuid.LEAF_XSAVE) {
    ghcb.setXcr0(xcr0());
    if (u32(frame.rcx) === 1) ghcb.setXss(XSS_AT_RESET);
  }
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
