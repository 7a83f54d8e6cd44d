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
  /** Restricted injection lets no virtual interrupt in. */
  'virtual-interrupt': Region.LIFTED_VIRTUAL_INTERRUPT,
} as const;

/** What VMRUN, the AMD-SP and the host's own accesses are held to, beside that. */
// biome-ignore format: a line a place
const ELSEWHERE = [
  // The host's writes, and devices', to pages that are not the host's.
  'rmp-host-write', 'iommu-rmp',
  // VMRUN: that the guest's launch is finished and its end has not come; whose the VMSA page is, whether it was changed (sev-es), what is in it, that no other processor runs on it.
  'asid-enabled', 'vmsa-page', 'vmsa-checksum', 'vmsa-state', 'vmsa-in-use',
  // VMRUN: translations of another vCPU of the same guest are forgotten; what may be injected.
  'tlb-flush', 'event-injection',
  // AMD-SP: no guest gets an ASID under which another one left pages.
  'asid-pages',
  // AMD-SP: the launch digest takes each page in, its type, its content, its place.
  'launch-page', 'launch-type', 'launch-content', 'launch-place',
  // AMD-SP: the launch is held against the owner's ID block, the CPUID page against the processor.
  'id-block', 'cpuid-page',
  // AMD-SP: pages are decrypted for the host where the policy has it so alone.
  'debug-policy',
  // AMD-SP: a page that is swapped in is authentic, and its metadata entry not used up.
  'swap-authentication', 'swap-entry',
  // AMD-SP: messages are authentic, and each comes once.
  'message-authentication', 'message-sequence',
] as const;

/**
 * A check that the architecture makes and that a machine can go without, so that a test can show that
 * it is this check which stops an attack. A machine has all of them unless it is told otherwise.
 */
export type Check = keyof typeof IN_CORE | (typeof ELSEWHERE)[number];

/** All of them. */
export const CHECKS: readonly Check[] = [
  ...(Object.keys(IN_CORE) as (keyof typeof IN_CORE)[]),
  ...ELSEWHERE,
];

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
