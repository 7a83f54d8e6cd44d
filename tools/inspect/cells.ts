import { PAGE } from './core-file.ts';
import type { Dump, Kind } from './dump.ts';
import type { Scan } from './scan.ts';

/** A page of the dump, with what a picture shows of it. */
export interface PageInfo {
  readonly gpa: number;
  readonly kind: Kind;
  /** Bits per byte. */
  readonly entropy: number;
  /** Whether a text that was looked for begins in it. */
  readonly hit: boolean;
}

/** A square of a map: some pages next to each other. */
export interface Cell extends PageInfo {
  readonly pages: number;
}

/** Cells next to each other in memory. A gap in memory begins a new band. */
export type Band = readonly Cell[];

/** Which kind a cell of many pages is drawn as: the one that an observer must not miss. */
const precedence: readonly Kind[] = ['shared', 'unvalidated', 'written', 'hypervisor', 'untouched'];

/** Every page of the dump, ascending. */
export function* pageInfos(dump: Dump, { entropy, hits }: Scan): Generator<PageInfo> {
  const hitFrames = new Set(hits.map(({ gpa }) => Math.floor(gpa / PAGE)));
  let index = 0;
  for (const run of dump.runs) {
    for (let i = 0; i < run.pages; i++) {
      const gpa = run.gpa + i * PAGE;
      const hit = hitFrames.has(gpa / PAGE);
      yield { gpa, kind: run.kind, entropy: entropy[index] ?? 0, hit };
      index += 1;
    }
  }
}

/** Pages in cells of `pagesPerCell`; the entropy of a cell is the mean of its pages. */
export function bands(pages: Iterable<PageInfo>, pagesPerCell: number): Band[] {
  const all: Cell[][] = [];
  let end = -1;
  let group: PageInfo[] = [];
  const flush = () => {
    if (group.length > 0) all.at(-1)?.push(cellOf(group));
    group = [];
  };
  for (const page of pages) {
    if (page.gpa !== end) {
      flush();
      all.push([]);
    }
    group.push(page);
    if (group.length === pagesPerCell) flush();
    end = page.gpa + PAGE;
  }
  flush();
  return all;
}

function cellOf(group: readonly PageInfo[]): Cell {
  const present = new Set(group.map(({ kind }) => kind));
  return {
    gpa: group[0]?.gpa ?? 0,
    pages: group.length,
    kind: precedence.find((kind) => present.has(kind)) ?? 'hypervisor',
    entropy: group.reduce((sum, { entropy }) => sum + entropy, 0) / group.length,
    hit: group.some(({ hit }) => hit),
  };
}

/** Pages with nothing to see are left out of a close-up when this many of them lie together. */
const GAP = 64;
/** A close-up of more pages than this would show no more than the whole map. */
const CLOSE_UP_MAX = 4096;

/**
 * The pages worth a closer look, with their surroundings: those that hold something or whose state
 * stands out. Empty when they are most of memory, or none.
 */
export function closeUp(pages: Iterable<PageInfo>): PageInfo[] {
  const all = [...pages];
  const shown = new Set<number>();
  all.forEach((page, i) => {
    if (!isNotable(page)) return;
    // Whole rows of 64 look tidy and give the neighbourhood.
    const start = i - ((page.gpa / PAGE) % GAP);
    for (let j = Math.max(0, start); j < Math.min(all.length, start + GAP); j++) shown.add(j);
  });
  if (shown.size > CLOSE_UP_MAX || shown.size * 2 > all.length) return [];
  return all.filter((_, i) => shown.has(i));
}

function isNotable({ kind, entropy, hit }: PageInfo): boolean {
  if (hit || kind === 'written' || kind === 'unvalidated') return true;
  return kind !== 'untouched' && entropy > 0;
}
