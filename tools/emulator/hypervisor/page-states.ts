import * as Rmp from '../../../spec/rmp.ts';
import type { Core } from '../core.ts';
import { type GuestMemory, PAGES_2M } from './guest-memory.ts';
import { entryFor, hypervisorOwned, psmash, rmpUpdate } from './rmp.ts';

/**
 * Whose each page of guest RAM is, and how the nested page table maps it. Of an SNP guest's page
 * both must tell the same size. Private and shared use of a page have the same frame.
 */
export class PageStates {
  readonly #core: Core;
  readonly #memory: GuestMemory;
  readonly #asid: number;
  readonly #givenToHost: Uint8Array;
  readonly #inUse: (frame: number) => boolean;

  constructor(core: Core, memory: GuestMemory, asid: number, inUse: (frame: number) => boolean) {
    this.#core = core;
    this.#memory = memory;
    this.#asid = asid;
    this.#givenToHost = new Uint8Array(core.frames.count);
    this.#inUse = inUse;
  }

  /** Takes every page from the guest, and maps none. APM3 RMPUPDATE. */
  reset(): void {
    const { frames, npt } = this.#core;
    for (let frame = 0; frame < frames.count; frame++) {
      if (!frames.assigned(frame)) continue;
      const { huge } = frames.rmp(frame);
      rmpUpdate(frames, frame, hypervisorOwned(huge));
    }
    npt.clear();
    this.#givenToHost.fill(0);
  }

  /** Copies what is not in the core; what comes back puts it there again. */
  snapshot(): () => void {
    const given = this.#givenToHost.slice();
    return () => this.#givenToHost.set(given);
  }

  /** Whether the guest gave the page in `frame` to the host by a page-state change. */
  givenToHost(frame: number): boolean {
    return this.#givenToHost[frame] === 1;
  }

  /**
   * Maps the RAM of the 2 MiB region that `gfn` lies in: what a host does at the first access to a
   * page. False if there is no RAM at `gfn`, or the page was mapped already.
   */
  pageIn(gfn: number): boolean {
    if (this.#memory.frameOf(gfn) === undefined || this.#core.npt.get(gfn).present) return false;
    this.#mapRegion(gfn);
    return true;
  }

  /**
   * Gives `pages` (1 or 512) guest frames from `gfn` on to the guest, unvalidated; those that are
   * its own already stay as they are, as under KVM. False: outside RAM, or the RMP refuses.
   */
  makePrivate(gfn: number, pages: number): boolean {
    return this.#change(gfn, pages, (at, count) => this.#assign(at, count));
  }

  /** Takes guest frames from the guest and gives them to the hypervisor, as {@link makePrivate}. */
  makeShared(gfn: number, pages: number): boolean {
    return this.#change(gfn, pages, (at, count) => this.#release(at, count));
  }

  /** Makes a 2 MiB entry 4 KiB ones, in RMP and nested page table. False if there was none. */
  split(gfn: number): boolean {
    const frame = this.#memory.frameOf(gfn);
    if (frame === undefined) return false;
    if (psmash(this.#core.frames, frame - (frame % PAGES_2M)) !== Rmp.OK) return false;
    this.#mapRegion(gfn);
    return true;
  }

  /** Maps a page again where the nested page table tells another size than the RMP. */
  matchSize(gfn: number): boolean {
    const frame = this.#memory.frameOf(gfn);
    if (frame === undefined) return false;
    const entry = entryFor(this.#core.frames, frame);
    const { present, huge } = this.#core.npt.get(gfn);
    if (!entry.assigned || !present || huge === entry.huge) return false;
    this.#mapRegion(gfn);
    return true;
  }

  #change(gfn: number, pages: number, apply: (gfn: number, pages: number) => boolean): boolean {
    const head = this.#memory.frameOf(gfn);
    const tail = this.#memory.frameOf(gfn + pages - 1);
    if (head === undefined || tail !== head + pages - 1) return false;
    const mapped = this.#core.npt.get(gfn).present;
    const done = apply(gfn, pages);
    if (mapped) this.#mapRegion(gfn);
    return done;
  }

  #assign(gfn: number, pages: number): boolean {
    const { frames } = this.#core;
    const frame = this.#memory.frameOf(gfn) ?? 0;
    const update = { assigned: true, immutable: false, asid: this.#asid };
    if (pages === PAGES_2M) {
      const status = entryFor(frames, frame).huge
        ? Rmp.OK
        : rmpUpdate(frames, frame, { ...update, huge: true, gfn }, this.#inUse);
      if (status === Rmp.OK) {
        this.#givenToHost.fill(0, frame, frame + pages);
        return true;
      }
      // Some of it is the guest's already, or frame and guest frame are not aligned alike.
      if (status !== Rmp.FAIL_OVERLAP && status !== Rmp.FAIL_INPUT) return false;
    }
    for (let i = 0; i < pages; i++) {
      this.#givenToHost[frame + i] = 0;
      if (entryFor(frames, frame + i).assigned) continue;
      const page = { ...update, huge: false, gfn: gfn + i };
      if (rmpUpdate(frames, frame + i, page, this.#inUse) !== Rmp.OK) return false;
    }
    return true;
  }

  #release(gfn: number, pages: number): boolean {
    const { frames } = this.#core;
    const frame = this.#memory.frameOf(gfn) ?? 0;
    const entry = entryFor(frames, frame);
    const hugeNow = entry.assigned && entry.huge;
    if (hugeNow && pages === 1) psmash(frames, frame - (frame % PAGES_2M));
    const step = hugeNow ? pages : 1;
    for (let i = 0; i < pages; i += step) {
      if (!entryFor(frames, frame + i).assigned) continue;
      const status = rmpUpdate(frames, frame + i, hypervisorOwned(step > 1), this.#inUse);
      if (status !== Rmp.OK) return false;
    }
    this.#givenToHost.fill(1, frame, frame + pages);
    return true;
  }

  /** Maps all RAM of the 2 MiB region of `gfn`, in the size that the RMP has. */
  #mapRegion(gfn: number): void {
    const { npt, frames } = this.#core;
    const first = gfn - (gfn % PAGES_2M);
    const head = this.#memory.frameOf(first);
    const entry = head === undefined ? undefined : entryFor(frames, head);
    const huge = entry?.assigned === true && entry.huge;
    for (const range of this.#memory.ranges) {
      const from = Math.max(first, range.gfn);
      const to = Math.min(first + PAGES_2M, range.gfn + range.pages);
      if (from < to) npt.map(from, range.frame + from - range.gfn, to - from, huge);
    }
  }
}
