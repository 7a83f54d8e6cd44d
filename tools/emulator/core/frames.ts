import type { CoreMemory } from './layout.ts';
import * as Region from './memory-map.ts';

/** An entry of the reverse map table. APM2 §15.36.3, table 15-34. */
export interface RmpEntry {
  assigned: boolean;
  /** The entry covers 2 MiB; it is that of the first of the 512 frames. */
  huge: boolean;
  immutable: boolean;
  /** Guest frame number that the frame backs. */
  gfn: number;
  asid: number;
  vmsa: boolean;
  validated: boolean;
  /** Permission mask of each VMPL. */
  permissions: [number, number, number, number];
}

/** What the machine knows about each frame of system memory. */
export class FrameTable {
  readonly #memory: CoreMemory;
  readonly #changed: () => void;
  readonly #cleared: () => void;

  /**
   * `changed` is called after each change that a cached translation may depend on, `cleared` where only those for
   * writes do.
   */
  constructor(memory: CoreMemory, changed: () => void, cleared: () => void) {
    this.#memory = memory;
    this.#changed = changed;
    this.#cleared = cleared;
  }

  get count(): number {
    return this.#memory.systemFrames;
  }

  rmp(frame: number): RmpEntry {
    const { data } = this.#memory;
    const at = this.#memory.frameInfo(frame) + Region.FRAME_RMP;
    const word = data.getBigUint64(at, true);
    const masks = at + 8;
    return {
      assigned: (word & 1n) !== 0n,
      huge: (word & 2n) !== 0n,
      immutable: (word & 4n) !== 0n,
      gfn: Number((word >> 12n) & 0x7f_ffff_ffffn),
      asid: Number((word >> 51n) & 0x3ffn),
      vmsa: (word & (1n << 61n)) !== 0n,
      validated: (word & (1n << 62n)) !== 0n,
      permissions: [
        data.getUint8(masks),
        data.getUint8(masks + 1),
        data.getUint8(masks + 2),
        data.getUint8(masks + 3),
      ],
    };
  }

  /** Whether the entry of `frame` itself says that the page is a guest's or the AMD-SP's. */
  assigned(frame: number): boolean {
    const at = this.#memory.frameInfo(frame) + Region.FRAME_RMP;
    return (this.#memory.data.getUint8(at) & Region.RMP_ASSIGNED) !== 0;
  }

  /** Whether a page is assigned to the guest with `asid`. */
  ownedBy(asid: number): boolean {
    for (let frame = 0; frame < this.count; frame++) {
      if (this.assigned(frame) && this.rmp(frame).asid === asid) return true;
    }
    return false;
  }

  setRmp(frame: number, entry: RmpEntry): void {
    const { data } = this.#memory;
    const at = this.#memory.frameInfo(frame) + Region.FRAME_RMP;
    const bit = (on: boolean, shift: bigint) => (on ? 1n << shift : 0n);
    const word =
      bit(entry.assigned, 0n) |
      bit(entry.huge, 1n) |
      bit(entry.immutable, 2n) |
      ((BigInt(entry.gfn) & 0x7f_ffff_ffffn) << 12n) |
      ((BigInt(entry.asid) & 0x3ffn) << 51n) |
      bit(entry.vmsa, 61n) |
      bit(entry.validated, 62n);
    data.setBigUint64(at, word, true);
    entry.permissions.forEach((mask, vmpl) => {
      data.setUint8(at + 8 + vmpl, mask);
    });
    this.#changed();
  }

  /** Whether the frame was written, by the guest or through the interface, since {@link clearWritten}. */
  written(frame: number): boolean {
    const flags = this.#memory.data.getUint8(this.#memory.frameInfo(frame) + Region.FRAME_FLAGS);
    return (flags & Region.FRAME_WRITTEN) !== 0;
  }

  /** Marks `count` frames as not written. */
  clearWritten(frame: number, count = 1): void {
    for (let i = 0; i < count; i++) {
      const at = this.#memory.frameInfo(frame + i) + Region.FRAME_FLAGS;
      this.#memory.data.setUint8(at, this.#memory.data.getUint8(at) & ~Region.FRAME_WRITTEN);
    }
    this.#cleared();
  }

  /** Whether the observer is to be told of each access of the guest's to the frame. */
  watch(frame: number, on: boolean): void {
    const at = this.#memory.frameInfo(frame) + Region.FRAME_FLAGS;
    const flags = this.#memory.data.getUint8(at) & ~Region.FRAME_WATCHED;
    this.#memory.data.setUint8(at, flags | (on ? Region.FRAME_WATCHED : 0));
    this.#changed();
  }

  /** Id of the key that the frame's bytes were last written under; 0 for none. */
  key(frame: number): number {
    const slot = this.#memory.data.getUint8(this.#memory.frameInfo(frame) + Region.FRAME_KEY);
    return slot === 0
      ? 0
      : this.#memory.data.getUint32(Region.KEYS + slot * Region.KEY_SLOT_SIZE, true);
  }
}
