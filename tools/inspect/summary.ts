import { PAGE } from './core-file.ts';
import { type Dump, type Kind, kinds } from './dump.ts';
import type { Scan } from './scan.ts';

/** All pages of one kind. Entropies are in bits per byte, of single pages; NaN without pages. */
export interface KindSummary {
  readonly kind: Kind;
  readonly pages: number;
  readonly entropy: { readonly least: number; readonly mean: number; readonly most: number };
}

/** A run of pages of one kind, as long as can be, and the entropies in it. */
export interface Region extends KindSummary {
  readonly gpa: number;
}

/** What each kind names, in words for people. */
export const kindNames: Readonly<Record<Kind, string>> = {
  written: 'private, written',
  untouched: 'private, untouched',
  shared: 'shared',
  unvalidated: 'unvalidated',
  hypervisor: 'hypervisor',
};

/** One row for each kind, pages or not. */
export function summarize(dump: Dump, { entropy }: Scan): KindSummary[] {
  const tallies = new Map(kinds.map((kind) => [kind, new Tally()]));
  let index = 0;
  for (const { kind, pages } of dump.runs) {
    tallies.get(kind)?.add(entropy.subarray(index, index + pages));
    index += pages;
  }
  return [...tallies].map(([kind, tally]) => ({ kind, ...tally.result() }));
}

/** The dump's runs, neighbours of one kind made one, with their entropies. */
export function regions(dump: Dump, { entropy }: Scan): Region[] {
  const merged: { gpa: number; kind: Kind; tally: Tally }[] = [];
  let index = 0;
  for (const { gpa, kind, pages } of dump.runs) {
    const last = merged.at(-1);
    const touches = last?.kind === kind && last.gpa + last.tally.pages * PAGE === gpa;
    const region = touches ? last : { gpa, kind, tally: new Tally() };
    if (!touches) merged.push(region);
    region.tally.add(entropy.subarray(index, index + pages));
    index += pages;
  }
  return merged.map(({ gpa, kind, tally }) => ({ gpa, kind, ...tally.result() }));
}

class Tally {
  pages = 0;
  #sum = 0;
  #least = Number.NaN;
  #most = Number.NaN;

  add(entropies: Float32Array): void {
    for (const bits of entropies) {
      this.#sum += bits;
      if (!(bits >= this.#least)) this.#least = bits;
      if (!(bits <= this.#most)) this.#most = bits;
    }
    this.pages += entropies.length;
  }

  result(): Omit<KindSummary, 'kind'> {
    const mean = this.#sum / this.pages;
    return { pages: this.pages, entropy: { least: this.#least, mean, most: this.#most } };
  }
}
