import * as Msr from '../../../spec/msr.ts';
import { isApicMsr } from './apic.ts';
import type { Hypervisor } from './hypervisor.ts';

/** The microcode level that KVM shows on AMD. */
const PATCH_LEVEL_VALUE = 0x0100_0065_0000_0000n;
/** HWCR bits that a guest may set without effect: cache and TLB flush filters, as in KVM. */
const HWCR_IGNORED = 0x1_8049n;

/** RDMSR of an MSR that the hypervisor holds; undefined: #GP. */
export function readMsr(host: Hypervisor, msr: number): bigint | undefined {
  if (isApicMsr(msr)) return host.interrupts.withPriority(() => host.apic.readMsr(msr));
  switch (msr) {
    case Msr.TSC:
      return host.timeStamp();
    case Msr.PATCH_LEVEL:
      return PATCH_LEVEL_VALUE;
    case Msr.SYSCFG:
    case Msr.HWCR:
      return 0n;
    default:
      return undefined;
  }
}

/** WRMSR of an MSR that the hypervisor holds; false: #GP. */
export function writeMsr(host: Hypervisor, msr: number, value: bigint): boolean {
  if (isApicMsr(msr)) return host.interrupts.withPriority(() => host.apic.writeMsr(msr, value));
  switch (msr) {
    case Msr.PATCH_LEVEL:
      return true;
    case Msr.HWCR:
      return (value & ~HWCR_IGNORED) === 0n;
    default:
      return false;
  }
}
