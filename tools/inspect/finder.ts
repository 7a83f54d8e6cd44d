/** Where a text begins. */
export interface Found {
  readonly text: string;
  readonly gpa: number;
}

/** Places are kept up to this number for each text; beyond it they are only counted. */
const KEPT = 10_000;

/** Looks for texts (as UTF-8) in memory that comes piece by piece, ascending. */
export class Finder {
  readonly found: Found[] = [];
  /** How often each text occurs, kept or not. */
  readonly counts = new Map<string, number>();
  readonly #searches: { text: string; bytes: Buffer; tail: Buffer }[];
  #next = -1;

  constructor(texts: readonly string[]) {
    const distinct = [...new Set(texts)];
    if (distinct.includes('')) throw new RangeError('text expected not to be empty');
    this.#searches = distinct.map((text) => ({
      text,
      bytes: Buffer.from(text),
      tail: Buffer.alloc(0),
    }));
    for (const text of distinct) this.counts.set(text, 0);
  }

  /** Takes the next piece; a text may begin in one piece and end in the next, if they touch. */
  feed(gpa: number, piece: Uint8Array): void {
    for (const search of this.#searches) {
      const { text, bytes } = search;
      const before = gpa === this.#next ? search.tail : Buffer.alloc(0);
      const memory = Buffer.concat([before, piece]);
      for (let at = memory.indexOf(bytes); at >= 0; at = memory.indexOf(bytes, at + 1)) {
        const count = (this.counts.get(text) ?? 0) + 1;
        this.counts.set(text, count);
        if (count <= KEPT) this.found.push({ text, gpa: gpa - before.length + at });
      }
      // One byte short of the text, so that what ended in this piece is not found again.
      search.tail = memory.subarray(Math.max(0, memory.length - bytes.length + 1));
    }
    this.#next = gpa + piece.length;
  }
}
