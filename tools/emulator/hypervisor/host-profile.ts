import * as Feature from '../../../spec/hv-features.ts';
import * as Psc from '../../../spec/psc.ts';

/** Which hypervisor the machine's behaves like. */
export type HostName = 'kvm' | 'hv';

/** What hosts do differently, as far as a guest can tell. */
export interface HostProfile {
  readonly name: HostName;
  /** Memory outside the image is the hypervisor's at first; else the guest's, not validated. */
  readonly startsShared: boolean;
  /** Only #HV is injected, and what is pending is told in a doorbell page. APM2 §15.36.16. */
  readonly restrictedInjection: boolean;
  /** Answer to the question for hypervisor features. GHCB §4.1.10. */
  readonly features: bigint;
  /** Most entries of a page-state change that are done before the guest must ask again. */
  readonly pscEntries: number;
}

const SNP_FEATURES = Feature.SNP | Feature.AP_CREATION;

export const HOSTS: Readonly<Record<HostName, HostProfile>> = {
  /** KVM with QEMU. */
  kvm: {
    name: 'kvm',
    startsShared: true,
    restrictedInjection: false,
    features: BigInt(SNP_FEATURES),
    pscEntries: Psc.MAX_ENTRIES,
  },
  /** A host with restricted injection, as Hyper-V is. */
  hv: {
    name: 'hv',
    startsShared: false,
    restrictedInjection: true,
    features: BigInt(SNP_FEATURES | Feature.RESTRICTED_INJECTION | Feature.APIC_ID_LIST),
    pscEntries: Psc.MAX_ENTRIES,
  },
};
