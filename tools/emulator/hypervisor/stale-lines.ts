import type { Core } from '../core.ts';
import { PAGE } from './guest-memory.ts';

const LINE = 64;

/** What a page's first and last line are: bits of what the guest has read of it. */
const FIRST = 1;
const LAST = 2;

interface StalePage {
  /** The lines, as they will be written, by their address. */
  readonly lines: Map<number, Uint8Array>;
  touched: number;
}

/**
 * Lines that the host wrote and that are still in a cache, under its own key, when their page becomes the
 * guest's. They are written back later, over what the guest has there by then, whatever the RMP says:
 * unless the guest reads the first and the last line of the page after it validated it. That drives them all
 * out at once, before it has anything there. AMD-SN-3017, CVE-2025-38560.
 */
export class StaleLines {
  readonly #core: Core;
  readonly #pages = new Map<number, StalePage>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Keeps the line at system address `spa`, which the host writes `bytes` to, dirty. */
  keep(spa: number, bytes: Uint8Array): void {
    if (spa % LINE !== 0 || bytes.length !== LINE) throw new RangeError('a line is 64 bytes');
    const frame = Math.floor(spa / PAGE);
    const page = this.#pages.get(frame) ?? { lines: new Map(), touched: 0 };
    page.lines.set(spa, bytes.slice());
    this.#pages.set(frame, page);
  }

  /** The guest reads its page in `frame`, `offset` bytes into it. */
  read(frame: number, offset: number): void {
    const page = this.#pages.get(frame);
    if (!page || !this.#core.frames.rmp(frame).assigned) return;
    if (offset < LINE) page.touched |= FIRST;
    if (offset >= PAGE - LINE) page.touched |= LAST;
    if (page.touched === (FIRST | LAST)) this.#writeBack(frame, page);
  }

  /** The cache needs the room: what is dirty is written back. How many lines that were. */
  evict(): number {
    let lines = 0;
    for (const [frame, page] of [...this.#pages]) {
      lines += page.lines.size;
      this.#writeBack(frame, page);
    }
    return lines;
  }

  #writeBack(frame: number, page: StalePage): void {
    this.#pages.delete(frame);
    for (const [spa, bytes] of page.lines) this.#core.write(spa, bytes, 0);
  }
}
