import { describeContent } from './content.ts';
import { PAGE } from './core-file.ts';
import type { Dump, Kind, Run } from './dump.ts';
import { pageEntropy } from './entropy.ts';
import { Finder } from './finder.ts';

/** A place where a text was found, and what the page is that it begins in. */
export interface Hit {
  readonly text: string;
  readonly gpa: number;
  readonly kind: Kind;
}

/** Pages next to each other that hold the same: one row of the list of shared pages. */
export interface Content {
  readonly gpa: number;
  pages: number;
  /** Bits per byte, the highest of the pages. */
  readonly entropy: number;
  /** See {@link describeContent}; empty for zeros. */
  readonly what: string;
}

/** What one pass over a dump's memory finds. */
export interface Scan {
  /** Bits per byte of every page, in the order of the dump's runs. */
  readonly entropy: Float32Array;
  /** What the shared pages hold, ascending. */
  readonly shared: readonly Content[];
  /** Ascending; the first ten thousand of each text. */
  readonly hits: readonly Hit[];
  readonly counts: ReadonlyMap<string, number>;
}

/** Memory is read in pieces of this many bytes. */
const PIECE = 256 * PAGE;

/** Reads all of a dump's memory once: entropy, what shared pages hold, where `texts` occur. */
export function scan(dump: Dump, texts: readonly string[]): Scan {
  const entropy = new Float32Array(dump.pages);
  const shared: Content[] = [];
  const finder = new Finder(texts);
  const kindOf = kindLookup(dump.runs);
  let index = 0;
  for (const [gpa, piece] of pieces(dump)) {
    finder.feed(gpa, piece);
    for (let at = 0; at < piece.length; at += PAGE) {
      const page = piece.subarray(at, at + PAGE);
      const bits = pageEntropy(page);
      entropy[index] = bits;
      index += 1;
      if (kindOf(gpa + at) === 'shared') addContent(shared, gpa + at, bits, describeContent(page));
    }
  }
  const kindAt = kindLookup(dump.runs);
  const hits = finder.found
    .toSorted((a, b) => a.gpa - b.gpa)
    .map((found) => ({ ...found, kind: kindAt(found.gpa) }));
  return { entropy, shared, hits, counts: finder.counts };
}

function* pieces({ source, segments }: Dump): Generator<[gpa: number, bytes: Uint8Array]> {
  for (const { gpa, offset, size } of segments) {
    for (let at = 0; at < size; at += PIECE) {
      yield [gpa + at, source.read(offset + at, Math.min(PIECE, size - at))];
    }
  }
}

/** The kind of the page at an address; addresses must be asked for in ascending order. */
function kindLookup(runs: readonly Run[]): (gpa: number) => Kind {
  let i = 0;
  return (gpa) => {
    for (;;) {
      const run = runs[i];
      if (!run) throw new RangeError(`no page at 0x${gpa.toString(16)}`);
      if (gpa < run.gpa + run.pages * PAGE) return run.kind;
      i += 1;
    }
  };
}

function addContent(list: Content[], gpa: number, entropy: number, what: string): void {
  const last = list.at(-1);
  if (last?.what === '' && what === '' && last.gpa + last.pages * PAGE === gpa) last.pages += 1;
  else list.push({ gpa, pages: 1, entropy, what });
}
