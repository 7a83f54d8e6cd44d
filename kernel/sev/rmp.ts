/**
 * PVALIDATE, under one rule: a page is validated once, and again only after it was given back.
 * A second validation of a page would accept whatever the host has put there in the meantime.
 *
 * What is validated is kept per 4 KiB page in private memory (kernel/mm/frame-table.ts). Until
 * those tables exist, a short journal says what has changed since the launch, which validated the
 * image's pages and no others.
 */

import {
  ALREADY_VALIDATED,
  ASSERTION,
  NOT_YET_VALIDATED,
  PVALIDATE_FAILED,
  PVALIDATE_UNCHANGED,
} from '../../spec/abi/termination.ts';
import * as Rmp from '../../spec/rmp.ts';
import { pvalidate } from '../cpu.ts';
import { isImagePage } from '../handoff.ts';
import {
  anyValidatedInChunk,
  FRAMES_PER_CHUNK,
  indexOf,
  isValidatedAt,
  NO_INDEX,
  runEnd,
  runFirst,
  runIsRam,
  runsOfFrames,
  setChunkValidated,
  setValidatedAt,
  setValidatedFrom,
  tablesReady,
} from '../mm/frame-table.ts';
import { panic } from '../panic.ts';

/** CF of PVALIDATE in the intrinsic's result: the page already was in that state. */
const UNCHANGED: u32 = 0x100;

/** An entry of the journal: first frame u64, frames u32, validated u32. */
const ENTRY_SIZE: u32 = 16;
const JOURNAL_ENTRIES: u32 = 32;
const journal: usize = memory.data(512, 8);
let journalCount: u32 = 0;

/** Validates the 4 KiB page mapped at `va`, private, whose frame is `frame`. */
export function validate(va: u64, frame: u64): void {
  if (isValidated(frame)) panic(ALREADY_VALIDATED);
  change(va, 1);
  note(frame, 1, true);
}

/**
 * Validates the 2 MiB mapped at `va`, all RAM: with one PVALIDATE, or with 512 where the host has
 * backed them by 4 KiB pages. APM3, PVALIDATE: FAIL_SIZEMISMATCH.
 */
export function validateHuge(va: u64, frame: u64): void {
  if (anyValidated(frame)) panic(ALREADY_VALIDATED);
  const result = pvalidate(va, Rmp.PAGE_2M, 1);
  if (result === Rmp.FAIL_SIZEMISMATCH) {
    for (let i: u32 = 0; i < FRAMES_PER_CHUNK; i++) change(va + (u64(i) << 12), 1);
  } else {
    check(result);
  }
  note(frame, FRAMES_PER_CHUNK, true);
}

/** Gives up the validation of the page mapped at `va`, before it becomes the host's. */
export function rescind(va: u64, frame: u64): void {
  if (!isValidated(frame)) panic(NOT_YET_VALIDATED);
  change(va, 0);
  note(frame, 1, false);
}

/** Writes into the tables, new and all zero, what the launch and the journal say. */
export function settleJournal(): void {
  for (let run: u32 = 0; run < runsOfFrames(); run++) {
    if (runIsRam(run)) continue;
    setValidatedFrom(indexOf(runFirst(run)), u32(runEnd(run) - runFirst(run)), true);
  }
  for (let i: u32 = 0; i < journalCount; i++) {
    const entry = journal + i * ENTRY_SIZE;
    const first = load<u64>(entry);
    for (let frame: u32 = 0; frame < load<u32>(entry, 8); frame++) {
      setValidatedAt(indexOf(first + u64(frame)), load<u32>(entry, 12) !== 0);
    }
  }
}

function change(va: u64, validated: u32): void {
  check(pvalidate(va, Rmp.PAGE_4K, validated));
}

function check(result: u32): void {
  if ((result & 0xff) !== Rmp.OK) panic(PVALIDATE_FAILED);
  if ((result & UNCHANGED) !== 0) panic(PVALIDATE_UNCHANGED);
}

function isValidated(frame: u64): bool {
  if (!tablesReady()) return isValidatedByJournal(frame);
  const index = indexOf(frame);
  if (index === NO_INDEX) panic(ASSERTION);
  return isValidatedAt(index);
}

function anyValidated(frame: u64): bool {
  if (tablesReady()) return anyValidatedInChunk(indexOf(frame));
  // A region that is all RAM has none of the image's pages: only the journal can know of any.
  for (let i: u32 = 0; i < journalCount; i++) {
    const entry = journal + i * ENTRY_SIZE;
    const first = load<u64>(entry);
    const end = first + u64(load<u32>(entry, 8));
    if (first < frame + u64(FRAMES_PER_CHUNK) && end > frame) return true;
  }
  return false;
}

/** The latest word on `frame`: the journal's, else the launch's. */
function isValidatedByJournal(frame: u64): bool {
  for (let i = journalCount; i > 0; i--) {
    const entry = journal + (i - 1) * ENTRY_SIZE;
    const first = load<u64>(entry);
    if (frame >= first && frame < first + u64(load<u32>(entry, 8))) {
      return load<u32>(entry, 12) !== 0;
    }
  }
  return isImagePage(frame << 12);
}

function note(frame: u64, frames: u32, validated: bool): void {
  if (tablesReady()) record(frame, frames, validated);
  else if (!extendLast(frame, frames, validated)) append(frame, frames, validated);
}

function append(frame: u64, frames: u32, validated: bool): void {
  if (journalCount === JOURNAL_ENTRIES) panic(ASSERTION);
  const entry = journal + journalCount * ENTRY_SIZE;
  store<u64>(entry, frame);
  store<u32>(entry, frames, 8);
  store<u32>(entry, u32(validated), 12);
  journalCount++;
}

/** Adds to the journal's last entry what follows on from it. */
function extendLast(frame: u64, frames: u32, validated: bool): bool {
  if (journalCount === 0) return false;
  const last = journal + (journalCount - 1) * ENTRY_SIZE;
  const length = load<u32>(last, 8);
  if (load<u64>(last) + u64(length) !== frame) return false;
  if (load<u32>(last, 12) !== u32(validated)) return false;
  store<u32>(last, length + frames, 8);
  return true;
}

function record(frame: u64, frames: u32, validated: bool): void {
  const index = indexOf(frame);
  if (frames === FRAMES_PER_CHUNK && validated) {
    setChunkValidated(index);
  } else {
    setValidatedFrom(index, frames, validated);
  }
}
