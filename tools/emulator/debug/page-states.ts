import {
  PAGE_HYPERVISOR,
  PAGE_PRIVATE,
  PAGE_SHARED,
  PAGE_UNVALIDATED,
  PAGE_WRITTEN,
} from '../../../spec/abi/dump-note.ts';
import { entryFor } from '../hypervisor/rmp.ts';
import type { Machine } from '../machine.ts';
import type { PageCounts } from '../statistics.ts';

/** Guest frames in a row that are in one state. */
export interface PageRun {
  readonly gfn: number;
  pages: number;
  readonly state: number;
  readonly flags: number;
}

/** Every page of guest RAM by its state, in ascending order. What the states mean depends on the mode. */
export function pageRuns(machine: Machine): PageRun[] {
  const runs: PageRun[] = [];
  for (const { gfn, frame, pages } of machine.memory.ranges) {
    for (let i = 0; i < pages; i++) {
      const { state, flags } = pageState(machine, frame + i);
      const last = runs.at(-1);
      const follows = last && last.gfn + last.pages === gfn + i;
      if (follows && last.state === state && last.flags === flags) last.pages++;
      else runs.push({ gfn: gfn + i, pages: 1, state, flags });
    }
  }
  return runs;
}

/** How many pages are in each state. */
export function countPages(runs: readonly PageRun[]): PageCounts {
  const sum = (state: number) =>
    runs.reduce((total, run) => total + (run.state === state ? run.pages : 0), 0);
  return {
    private: sum(PAGE_PRIVATE),
    shared: sum(PAGE_SHARED),
    hypervisor: sum(PAGE_HYPERVISOR),
    unvalidated: sum(PAGE_UNVALIDATED),
  };
}

function pageState(machine: Machine, frame: number): { state: number; flags: number } {
  const { frames } = machine.core;
  const written = frames.written(frame);
  const flags = written ? PAGE_WRITTEN : 0;
  switch (machine.mode) {
    case 'none':
      return { state: PAGE_SHARED, flags };
    case 'sev':
    case 'sev-es':
      if (!written) return { state: PAGE_HYPERVISOR, flags };
      return { state: frames.key(frame) === machine.asid ? PAGE_PRIVATE : PAGE_SHARED, flags };
    case 'snp': {
      const entry = entryFor(frames, frame);
      if (entry.assigned && entry.asid === machine.asid) {
        return { state: entry.validated ? PAGE_PRIVATE : PAGE_UNVALIDATED, flags };
      }
      const given = machine.pages.givenToHost(frame);
      return { state: given ? PAGE_SHARED : PAGE_HYPERVISOR, flags };
    }
  }
}
