import * as Cpuid from '../../../spec/cpuid.ts';
import { type CpuidRegisters, xsaveSize } from './model.ts';

/** What some answers depend on: CR4.OSXSAVE, and XCR0. */
export interface VcpuState {
  readonly hasOsxsave: boolean;
  readonly xcr0: bigint;
}

/** An answer of {@link CpuidRegisters} with what is the vCPU's own in it. APM3 appendix E.3.2, E.3.6. */
export function withState(
  leaf: number,
  subleaf: number,
  answer: CpuidRegisters,
  { hasOsxsave, xcr0 }: VcpuState,
): CpuidRegisters {
  if (leaf === Cpuid.LEAF_FEATURES && hasOsxsave) {
    return { ...answer, ecx: answer.ecx | Cpuid.ECX_OSXSAVE };
  }
  if (leaf === Cpuid.LEAF_XSAVE && subleaf === 0 && answer.ebx !== 0) {
    return { ...answer, ebx: xsaveSize(xcr0) };
  }
  return answer;
}
