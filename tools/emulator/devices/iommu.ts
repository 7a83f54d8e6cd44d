import type { Checks } from '../checks.ts';
import type { FrameTable } from '../core.ts';
import { type GuestMemory, PAGE } from '../hypervisor/guest-memory.ts';
import { entryFor } from '../hypervisor/rmp.ts';

/** What the IOMMU logs of a write that it did not let through: its event RMP_PAGE_FAULT. */
export interface DmaFault {
  readonly kind: 'rmp-page-fault';
  /** System address of the write. */
  readonly spa: number;
}

/**
 * How devices reach memory: past the processor and its page tables, by guest address as the host translates it. They
 * have no key: what is a guest's they read as ciphertext. With SNP the IOMMU holds each write against the RMP.
 */
export class Iommu {
  readonly #memory: GuestMemory;
  readonly #frames: FrameTable;
  readonly #checks: Pick<Checks, 'has'>;

  constructor(memory: GuestMemory, frames: FrameTable, checks: Pick<Checks, 'has'>) {
    this.#memory = memory;
    this.#frames = frames;
    this.#checks = checks;
  }

  /** A device reads `size` bytes at guest address `gpa`; undefined where there is no RAM. */
  read(gpa: bigint, size: number): Uint8Array | undefined {
    return this.#memory.readGuest(gpa, size);
  }

  /**
   * A device writes within one page at guest address `gpa`. A write to what is not the host's changes nothing, and is
   * logged; 'absent' where there is no RAM. APM2 §15.36.10.
   */
  write(gpa: bigint, bytes: Uint8Array): DmaFault | 'absent' | undefined {
    const spa = this.#memory.spa(gpa);
    if (spa === undefined) return 'absent';
    const { assigned } = entryFor(this.#frames, Math.floor(spa / PAGE));
    if (assigned && this.#checks.has('iommu-rmp')) return { kind: 'rmp-page-fault', spa };
    this.#memory.writeByDevice(spa, bytes);
    return undefined;
  }
}
