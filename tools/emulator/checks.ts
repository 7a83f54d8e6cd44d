import * as Region from './core/memory-map.ts';
import type { Core } from './core.ts';

/** What the processor does at each access, by the bit that lifts each. APM2 table 15-39. */
const IN_CORE = {
  'rmp-owner': Region.LIFTED_OWNER,
  'rmp-reverse-map': Region.LIFTED_REVERSE_MAP,
  'rmp-size': Region.LIFTED_SIZE,
  'rmp-validated': Region.LIFTED_VALIDATED,
  'rmp-vmpl': Region.LIFTED_VMPL,
  'rmp-shared-write': Region.LIFTED_SHARED_WRITE,
  /** The memory controller encrypts what is the guest's. */
  'memory-encryption': Region.LIFTED_ENCRYPTION,
  /** PVALIDATE is VMPL 0's alone; RMPADJUST gives less privileged VMPLs no more than one has. */
  'pvalidate-vmpl': Region.LIFTED_PVALIDATE_VMPL,
  'rmpadjust-vmpl': Region.LIFTED_RMPADJUST_VMPL,
} as const;

/**
 * A check that the architecture makes and that a machine can go without, so that a test can show that
 * it is this check which stops an attack. A machine has all of them unless it is told otherwise.
 */
export type Check =
  | keyof typeof IN_CORE
  /** The host's writes to pages that are not its own. */
  | 'rmp-host-write'
  /** VMRUN: whose the VMSA page is; whether it was changed (sev-es); what is in it. */
  | 'vmsa-page'
  | 'vmsa-checksum'
  | 'vmsa-state'
  /** VMRUN: no other processor is in the guest with the VMSA. */
  | 'vmsa-in-use'
  /** VMRUN: translations of another vCPU of the same guest are forgotten. */
  | 'tlb-flush'
  /** VMRUN: what may be injected. */
  | 'event-injection'
  /** Writes of devices to pages that are not the host's. */
  | 'iommu-rmp'
  /** AMD-SP: the launch digest takes each page in, its type, its content, its place. */
  | 'launch-page'
  | 'launch-type'
  | 'launch-content'
  | 'launch-place'
  /** AMD-SP: the launch is held against the owner's ID block. */
  | 'id-block'
  /** AMD-SP: the CPUID page is held against the processor. */
  | 'cpuid-page'
  /** AMD-SP: pages are decrypted for the host where the policy has DEBUG alone. */
  | 'debug-policy'
  /** AMD-SP: a page that is swapped in is authentic, and its metadata entry not used up. */
  | 'swap-authentication'
  | 'swap-entry'
  /** AMD-SP: messages are authentic, and each comes once. */
  | 'message-authentication'
  | 'message-sequence';

/** The checks that a machine makes. */
export class Checks {
  readonly #core: Core;
  readonly #lifted = new Set<Check>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Whether `check` is made. */
  has(check: Check): boolean {
    return !this.#lifted.has(check);
  }

  /** Goes without `check` from now on. */
  lift(check: Check): void {
    this.#lifted.add(check);
    if (!(check in IN_CORE)) return;
    this.#core.control.lifted |= IN_CORE[check as keyof typeof IN_CORE];
    this.#core.flush();
  }
}
