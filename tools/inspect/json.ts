import { PAGE } from './core-file.ts';
import type { Dump, Kind } from './dump.ts';
import type { Scan } from './scan.ts';
import { type KindSummary, regions, summarize } from './summary.ts';

/**
 * What `inspect --json` prints. Addresses and sizes are in bytes, entropies in bits per byte (null
 * where there is no page); `state` is the dump's, and `written` says of private pages whether
 * launch or guest has written them.
 */
export function jsonReport(dump: Dump, scan: Scan) {
  return {
    mode: dump.mode,
    pages: dump.pages,
    states: summarize(dump, scan).map(withState),
    regions: regions(dump, scan).map((region) => ({ gpa: region.gpa, ...withState(region) })),
    shared: scan.shared,
    find: [...scan.counts].map(([text, count]) => ({ text, count })),
    hits: scan.hits.map(({ text, gpa, kind }) => ({ text, gpa, ...stateOf(kind) })),
  };
}

export type JsonReport = ReturnType<typeof jsonReport>;

function withState({ kind, pages, entropy }: KindSummary) {
  return { ...stateOf(kind), pages, bytes: pages * PAGE, entropy };
}

function stateOf(kind: Kind): { state: string; written?: boolean } {
  if (kind === 'written') return { state: 'private', written: true };
  if (kind === 'untouched') return { state: 'private', written: false };
  return { state: kind };
}
