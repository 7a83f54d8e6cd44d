/**
 * What the CPU can do, asked where each mode has the answer: the AMD-SP's page under SNP, the
 * host's word by the MSR protocol under SEV-ES, the instruction otherwise. Never raises #VC.
 */

import { cpuid } from './cpu.ts';
import { hasGhcb, isSnp } from './platform.ts';
import { cpuidFunction } from './sev/cpuid.ts';
import { cpuidRegister } from './sev/msr.ts';

export const EAX: u32 = 0;
export const EBX: u32 = 1;
export const ECX: u32 = 2;
export const EDX: u32 = 3;

/** First leaf of the extended range, and of the hypervisor's. APM3 appendix E. */
const RANGE_MASK: u32 = 0xf000_0000;
const answer: usize = memory.data(16, 4);

/** One register of CPUID `leaf`, subleaf 0; 0 if there is no such leaf. */
export function cpuidWord(leaf: u32, register: u32): u32 {
  const base = leaf & RANGE_MASK;
  return leaf > base && ask(base, EAX) < leaf ? 0 : ask(leaf, register);
}

function ask(leaf: u32, register: u32): u32 {
  if (isSnp()) {
    const entry = cpuidFunction(leaf, 0);
    if (entry === null) return 0;
    if (register === EAX) return entry.eax;
    if (register === EBX) return entry.ebx;
    return register === ECX ? entry.ecx : entry.edx;
  }
  if (hasGhcb()) return cpuidRegister(leaf, register);
  cpuid(leaf, 0, answer);
  return load<u32>(answer + (register << 2));
}
