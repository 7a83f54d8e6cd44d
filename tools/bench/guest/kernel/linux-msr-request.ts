/** In place of kernel/sev/msr-request.ts, MSRs as Linux reaches them: RDMSR and WRMSR, which raise #VC. */

import { rdmsr, wrmsr } from '../../../../kernel/cpu.ts';

export function readMsr(index: u32): u64 {
  return rdmsr(index);
}

export function writeMsr(index: u32, value: u64): void {
  wrmsr(index, value);
}
