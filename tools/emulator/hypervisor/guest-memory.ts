import { VECTOR_PF } from '../../../spec/cpu.ts';
import * as Fault from '../../../spec/page-fault.ts';
import { Checks } from '../checks.ts';
import type { Core } from '../core.ts';
import { entryFor } from './rmp.ts';

export const PAGE = 4096;
export const PAGES_2M = 512;
/** RAM of this size or more is split as QEMU's q35 splits it: 2 GiB low, the rest from 4 GiB on. */
const SPLIT_FROM = 0xb000_0000;
const LOW_RAM = 0x8000_0000;
const FOUR_GIB = 0x1_0000_0000;
/** Frames beside the guest's RAM, for what hypervisor and PSP keep of a guest. */
const SPARE_FRAMES = 64;

/** A run of guest RAM and the system frames that back it. */
export interface RamRange {
  readonly gfn: number;
  readonly frame: number;
  readonly pages: number;
}

/** What the processor raises in the host for an access that the RMP refuses. APM2 §15.36.10. */
export interface HostFault {
  readonly kind: 'fault';
  readonly vector: number;
  readonly errorCode: number;
  /** System physical address of the access. */
  readonly spa: number;
}

/** The guest's RAM as the host laid it out, and system frames of the host's own. */
export interface MemoryPlan {
  readonly ranges: readonly RamRange[];
  readonly systemFrames: number;
  readonly gpaFrames: number;
  readonly firstSpare: number;
}

/** Lays out `bytes` of guest RAM, whole pages, and room for the host's own frames. */
export function planMemory(bytes: number): MemoryPlan {
  const low = (bytes < SPLIT_FROM ? bytes : LOW_RAM) / PAGE;
  const high = bytes / PAGE - low;
  const ranges: RamRange[] = [{ gfn: 0, frame: 0, pages: low }];
  if (high > 0) ranges.push({ gfn: FOUR_GIB / PAGE, frame: low, pages: high });
  return {
    ranges,
    systemFrames: low + high + SPARE_FRAMES,
    gpaFrames: FOUR_GIB / PAGE + high,
    firstSpare: low + high,
  };
}

/** Guest memory as the host reaches it: by guest or system address, always under its own key. */
export class GuestMemory {
  readonly ranges: readonly RamRange[];
  readonly #core: Core;
  readonly #checks: Checks;
  readonly #watched = new Map<number, () => void>();
  readonly #firstSpare: number;
  #nextSpare: number;

  constructor(core: Core, plan: MemoryPlan, checks = new Checks(core)) {
    this.#core = core;
    this.#checks = checks;
    this.ranges = plan.ranges;
    this.#firstSpare = plan.firstSpare;
    this.#nextSpare = plan.firstSpare;
  }

  /** Forgets what the host's own frames were used for, and who watches any. */
  reset(): void {
    this.#nextSpare = this.#firstSpare;
    this.#watched.clear();
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const next = this.#nextSpare;
    const watched = [...this.#watched];
    return () => {
      this.#nextSpare = next;
      this.#watched.clear();
      for (const [frame, bring] of watched) this.#watched.set(frame, bring);
    };
  }

  /** Pages of guest RAM. */
  get pages(): number {
    return this.ranges.reduce((sum, range) => sum + range.pages, 0);
  }

  /** The system frame that the host backs a guest frame with; undefined where there is no RAM. */
  frameOf(gfn: number): number | undefined {
    const range = this.ranges.find((r) => gfn >= r.gfn && gfn < r.gfn + r.pages);
    return range && range.frame + (gfn - range.gfn);
  }

  /** The guest frame that a system frame backs. */
  gfnOf(frame: number): number | undefined {
    const range = this.ranges.find((r) => frame >= r.frame && frame < r.frame + r.pages);
    return range && range.gfn + (frame - range.frame);
  }

  /** A system frame of the host's own, in no guest's RAM. */
  allocateFrame(): number {
    if (this.#nextSpare >= this.#core.frames.count) throw new RangeError('no spare frame is left');
    return this.#nextSpare++;
  }

  /** System address of a guest address; undefined where there is no RAM. */
  spa(gpa: bigint): number | undefined {
    if (gpa < 0n || gpa >= 1n << 52n) return undefined;
    const frame = this.frameOf(Number(gpa / BigInt(PAGE)));
    return frame === undefined ? undefined : frame * PAGE + Number(gpa % BigInt(PAGE));
  }

  /** Before the host reads or writes `frame`, `bring` brings its content up to date. */
  watch(frame: number, bring: () => void): void {
    this.#watched.set(frame, bring);
  }

  /** Brings the content of `frame` up to date, as {@link watch} was told to. */
  bring(frame: number): void {
    this.#watched.get(frame)?.();
  }

  /** `size` bytes from system address `spa` on as the host reads them: nothing refuses that. */
  read(spa: number, size: number): Uint8Array {
    this.#visit(spa, size);
    return this.#core.read(spa, size, 0);
  }

  /**
   * The host writes `bytes` from system address `spa` on. If one of the pages is not the hypervisor's,
   * nothing is written, and what comes back is the #PF that the host takes. APM2 table 15-39.
   */
  write(spa: number, bytes: Uint8Array): HostFault | undefined {
    const end = spa + bytes.length;
    for (let at = spa; at < end; at = (Math.floor(at / PAGE) + 1) * PAGE) {
      const { assigned } = entryFor(this.#core.frames, Math.floor(at / PAGE));
      if (assigned && this.#checks.has('rmp-host-write')) {
        const errorCode = Fault.PRESENT + Fault.WRITE + Fault.RMP;
        return { kind: 'fault', vector: VECTOR_PF, errorCode, spa: at };
      }
    }
    this.writeByDevice(spa, bytes);
    return undefined;
  }

  /** A device writes `bytes` from system address `spa` on: no check of the processor's is made. */
  writeByDevice(spa: number, bytes: Uint8Array): void {
    this.#visit(spa, bytes.length);
    this.#core.write(spa, bytes, 0);
  }

  /** Whether the host can write the page of guest address `gpa`. */
  writable(gpa: bigint): boolean {
    const spa = this.spa(gpa);
    return spa !== undefined && !entryFor(this.#core.frames, Math.floor(spa / PAGE)).assigned;
  }

  /** `size` bytes of guest memory from `gpa` on, as the host reads them; undefined outside RAM. */
  readGuest(gpa: bigint, size: number): Uint8Array | undefined {
    const parts = this.#parts(gpa, size);
    if (!parts) return undefined;
    const bytes = new Uint8Array(size);
    for (const { spa, offset, count } of parts) bytes.set(this.read(spa, count), offset);
    return bytes;
  }

  /** The host writes guest memory. 'absent': outside RAM, and nothing was written. */
  writeGuest(gpa: bigint, bytes: Uint8Array): HostFault | 'absent' | undefined {
    const parts = this.#parts(gpa, bytes.length);
    if (!parts) return 'absent';
    for (const { spa, offset, count } of parts) {
      const fault = this.write(spa, bytes.subarray(offset, offset + count));
      if (fault) return fault;
    }
    return undefined;
  }

  #visit(spa: number, size: number): void {
    if (this.#watched.size === 0) return;
    const last = Math.floor((spa + size - 1) / PAGE);
    for (let frame = Math.floor(spa / PAGE); frame <= last; frame++) this.bring(frame);
  }

  #parts(gpa: bigint, size: number) {
    const parts: { spa: number; offset: number; count: number }[] = [];
    for (let offset = 0; offset < size; ) {
      const at = gpa + BigInt(offset);
      const spa = this.spa(at);
      if (spa === undefined) return undefined;
      const count = Math.min(size - offset, PAGE - (spa % PAGE));
      parts.push({ spa, offset, count });
      offset += count;
    }
    return parts;
  }
}
