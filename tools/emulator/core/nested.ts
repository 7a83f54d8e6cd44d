import type { CoreMemory } from './layout.ts';
import * as Region from './memory-map.ts';

/** An entry of the nested page table: what the hypervisor lets a guest frame be. APM2 §15.25. */
export interface NestedEntry {
  /** System frame. */
  frame: number;
  present: boolean;
  writable: boolean;
  executable: boolean;
  /** A reserved bit is set: an access is for a device, and raises #VC(0x400) under SEV-ES. */
  reserved: boolean;
  /** Part of a 2 MiB mapping. */
  huge: boolean;
}

/** The nested page table, flat: an entry per guest frame. */
export class NestedTable {
  readonly #memory: CoreMemory;
  readonly #changed: () => void;
  #used = 0;

  constructor(memory: CoreMemory, changed: () => void) {
    this.#memory = memory;
    this.#changed = changed;
  }

  /** Guest frames from 0 up to the highest that ever had an entry. */
  get used(): number {
    return this.#used;
  }

  get count(): number {
    return this.#memory.gpaFrames;
  }

  get(gfn: number): NestedEntry {
    const word = this.#memory.data.getBigUint64(this.#memory.nestedEntry(gfn), true);
    const flags = Number(word & 0xfffn);
    return {
      frame: Number(word >> 12n),
      present: (flags & Region.NPT_PRESENT) !== 0,
      writable: (flags & Region.NPT_WRITABLE) !== 0,
      executable: (flags & Region.NPT_EXECUTABLE) !== 0,
      reserved: (flags & Region.NPT_RESERVED) !== 0,
      huge: (flags & Region.NPT_HUGE) !== 0,
    };
  }

  set(gfn: number, entry: NestedEntry): void {
    if (entry.present && entry.frame >= this.#memory.systemFrames) {
      throw new RangeError(`frame expected below ${this.#memory.systemFrames}, got ${entry.frame}`);
    }
    const flags =
      (entry.present ? Region.NPT_PRESENT : 0) |
      (entry.writable ? Region.NPT_WRITABLE : 0) |
      (entry.executable ? Region.NPT_EXECUTABLE : 0) |
      (entry.reserved ? Region.NPT_RESERVED : 0) |
      (entry.huge ? Region.NPT_HUGE : 0);
    const word = (BigInt(entry.frame) << 12n) | BigInt(flags);
    this.#memory.data.setBigUint64(this.#memory.nestedEntry(gfn), word, true);
    this.#used = Math.max(this.#used, gfn + 1);
    this.#changed();
  }

  /** Maps nothing. */
  clear(): void {
    this.replace(new Uint8Array(0));
  }

  /** Puts `entries`, as they were in memory, in the place of all there are. */
  replace(entries: Uint8Array): void {
    const table = this.#memory.nestedTable(this.#used);
    table.set(entries);
    table.fill(0, entries.length);
    this.#used = entries.length / 8;
    this.#changed();
  }

  /** Maps `count` guest frames from `gfn` on to system frames from `frame` on, all rights given. */
  map(gfn: number, frame: number, count: number, huge = false): void {
    if (count === 0) return;
    if (frame + count > this.#memory.systemFrames) {
      throw new RangeError(`frames expected below ${this.#memory.systemFrames}, got ${frame}`);
    }
    const rights = Region.NPT_PRESENT | Region.NPT_WRITABLE | Region.NPT_EXECUTABLE;
    const flags = rights | (huge ? Region.NPT_HUGE : 0);
    const first = this.#memory.nestedEntry(gfn);
    this.#memory.nestedEntry(gfn + count - 1);
    this.#used = Math.max(this.#used, gfn + count);
    for (let i = 0; i < count; i++) {
      const at = first + i * 8;
      this.#memory.data.setUint32(at, ((frame + i) << 12) | flags, true);
      this.#memory.data.setUint32(at + 4, (frame + i) >>> 20, true);
    }
    this.#changed();
  }
}
