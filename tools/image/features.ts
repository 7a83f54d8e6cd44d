import * as SevStatus from '../../spec/sev-status.ts';
import type { Host } from './manifest.ts';

/** Which SEV features an image runs with under SNP, as bits of SEV_STATUS. APM2 §15.34.10. */
export interface SevFeatures {
  readonly required: bigint;
  /** With the required ones; any other feature could change what the guest relies on. */
  readonly allowed: bigint;
  /** VMSA.SEV_FEATURES of the launch. */
  readonly vmsa: bigint;
}

const SNP = BigInt(SevStatus.SEV | SevStatus.SEV_ES | SevStatus.SNP);

/** They only take from the host, and ask nothing of a guest. */
const HARMLESS = BigInt(
  SevStatus.PREVENT_HOST_IBS |
    SevStatus.BTB_ISOLATION |
    SevStatus.IBS_VIRTUALIZATION |
    SevStatus.SMT_PROTECTION |
    SevStatus.IBPB_ON_ENTRY,
);

/** They give the guest what it makes use of where it is there: kernel/time/frequency.ts. */
const SUPPORTED = BigInt(SevStatus.SECURE_TSC);

/** The features for a kind of host: KVM has no restricted injection, the `hv` build insists on it. */
export function sevFeatures(host: Host): SevFeatures {
  const required = host === 'hv' ? SNP | BigInt(SevStatus.RESTRICTED_INJECTION) : SNP;
  return {
    required,
    allowed: required | SUPPORTED | HARMLESS,
    vmsa: required >> BigInt(SevStatus.FEATURES_SHIFT),
  };
}
