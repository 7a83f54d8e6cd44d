import * as Note from '../../spec/abi/dump-note.ts';
import * as Platform from '../../spec/abi/platform.ts';
import { view } from '../../spec/layout.ts';
import { UserError } from '../errors.ts';
import { PAGE, readCoreFile, type Segment } from './core-file.ts';
import type { Source } from './source.ts';

export const modes = ['none', 'sev', 'sev-es', 'snp'] as const;
export type Mode = (typeof modes)[number];

/**
 * What a page is to its owner. Private pages are told apart by whether launch or guest has written
 * them: one that was not still holds what it held before it became the guest's.
 */
export const kinds = ['written', 'untouched', 'shared', 'unvalidated', 'hypervisor'] as const;
export type Kind = (typeof kinds)[number];

/** Pages next to each other and of one kind. */
export interface Run {
  readonly gpa: number;
  readonly pages: number;
  readonly kind: Kind;
}

/** Guest-physical memory as the hypervisor reads it, and what it knows of its pages. */
export interface Dump {
  readonly mode: Mode;
  readonly source: Source;
  /** Ascending, disjoint. */
  readonly segments: readonly Segment[];
  /** Ascending, disjoint; together they are the pages of the segments. */
  readonly runs: readonly Run[];
  readonly pages: number;
}

/**
 * Reads the headers and the page states (spec/abi/dump-note.ts) of a memory dump, not its memory.
 * Throws UserError that says what is wrong with the file.
 */
export function readDump(source: Source): Dump {
  const { segments, notes } = readCoreFile(source);
  const note = notes.filter(
    ({ name, type }) => name === 'TACIT\0' && type === Note.DUMP_NOTE_PAGES,
  );
  if (note.length !== 1) {
    throw new UserError(`expected one note of page states, found ${note.length}`);
  }
  const { mode, runs } = readStates(note[0]?.description ?? new Uint8Array());
  checkCover(runs, segments);
  const pages = runs.reduce((sum, run) => sum + run.pages, 0);
  return { mode, source, segments, runs, pages };
}

function readStates(description: Uint8Array): { mode: Mode; runs: Run[] } {
  if (description.length < Note.DumpHeader.size) {
    throw new UserError('the note of page states is cut off');
  }
  const { version, mode, runCount } = view(Note.DumpHeader, description);
  if (version !== Note.DUMP_NOTE_VERSION) {
    throw new UserError(`page states of version ${version}, which this tool does not know`);
  }
  if (description.length !== Note.DumpHeader.size + runCount * Note.DumpRun.size) {
    throw new UserError(`the note of page states does not hold the ${runCount} runs that it says`);
  }
  const runs = Array.from({ length: runCount }, (_, i) =>
    readRun(description, Note.DumpHeader.size + i * Note.DumpRun.size),
  );
  return { mode: modeName(mode), runs };
}

function modeName(mode: number): Mode {
  switch (mode) {
    case Platform.PLATFORM_NONE:
      return 'none';
    case Platform.PLATFORM_SEV:
      return 'sev';
    case Platform.PLATFORM_SEV_ES:
      return 'sev-es';
    case Platform.PLATFORM_SNP:
      return 'snp';
    default:
      throw new UserError(`a dump of mode ${mode}, which this tool does not know`);
  }
}

function readRun(description: Uint8Array, at: number): Run {
  const { frame, pages, state, flags } = view(Note.DumpRun, description, at);
  if (frame >= 2n ** 40n || pages === 0) {
    throw new UserError(`a run of ${pages} pages at frame 0x${frame.toString(16)}`);
  }
  return { gpa: Number(frame) * PAGE, pages, kind: kindOf(state, flags) };
}

function kindOf(state: number, flags: number): Kind {
  switch (state) {
    case Note.PAGE_PRIVATE:
      return flags & Note.PAGE_WRITTEN ? 'written' : 'untouched';
    case Note.PAGE_SHARED:
      return 'shared';
    case Note.PAGE_UNVALIDATED:
      return 'unvalidated';
    case Note.PAGE_HYPERVISOR:
      return 'hypervisor';
    default:
      throw new UserError(`a page in state ${state}, which this tool does not know`);
  }
}

/** Throws UserError unless the runs, in order, are the very pages of the segments. */
function checkCover(runs: readonly Run[], segments: readonly Segment[]): void {
  const merge = (ranges: Iterable<readonly [number, number]>) => {
    const merged: [number, number][] = [];
    for (const [start, end] of ranges) {
      const last = merged.at(-1);
      if (last && start < last[1]) throw new UserError('the runs of page states are out of order');
      if (last && start === last[1]) last[1] = end;
      else if (start !== end) merged.push([start, end]);
    }
    return merged.join(' ');
  };
  const told = merge(runs.map(({ gpa, pages }) => [gpa, gpa + pages * PAGE]));
  const held = merge(segments.map(({ gpa, size }) => [gpa, gpa + size]));
  if (told !== held) throw new UserError('the page states are not those of the memory in the file');
}
