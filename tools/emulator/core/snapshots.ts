import type { CoreMemory } from './layout.ts';
import * as Region from './memory-map.ts';
import type { NestedTable } from './nested.ts';

const PAGE = 4096;
/** A FrameInfo in 32-bit words. */
const INFO_WORDS = Region.FRAME_INFO_SIZE / 4;
const RMP_WORDS = (Region.FRAME_CODE - Region.FRAME_RMP) / 4;
const CODE_WORDS = (Region.FRAME_KEY - Region.FRAME_CODE) / 4;
const CODE_WORD = Region.FRAME_CODE / 4;
/** Key and flags are one word, of which the flags are the second byte. */
const STATE_WORD = Region.FRAME_KEY / 4;
const CHANGED = Region.FRAME_CHANGED << ((Region.FRAME_FLAGS - Region.FRAME_KEY) * 8);

/** What the compiled core does for {@link CoreSnapshots}. */
export interface SnapshotExports {
  /** Forgets what was decoded, and all translations. */
  forget(): void;
  /** Forgets what was decoded from a frame. */
  dropCode(frame: number): void;
  /** Forgets all translations: from then on the first write to a frame marks it as changed. */
  flush(): void;
}

/** A core's state at one time. */
interface Saved {
  /** Registers, control area, key schedules. */
  readonly parts: readonly Uint8Array[];
  readonly info: Uint32Array;
  readonly nested: Uint8Array;
  readonly frames: Uint8Array;
}

/**
 * Copies of a core's state. Going back to the copy that was made or gone back to last costs what was
 * changed since: code that was decoded of other frames stays.
 */
export class CoreSnapshots {
  readonly #memory: CoreMemory;
  readonly #npt: NestedTable;
  readonly #core: SnapshotExports;
  /** What the frames' marks of change are relative to. */
  #base: Saved | undefined;

  constructor(memory: CoreMemory, npt: NestedTable, core: SnapshotExports) {
    this.#memory = memory;
    this.#npt = npt;
    this.#core = core;
  }

  /** Copies the state; what comes back puts it there again, as often as it is called. */
  take(): () => void {
    const memory = this.#memory;
    const live = memory.frameInfos();
    for (let at = STATE_WORD; at < live.length; at += INFO_WORDS) clear(live, at, CHANGED);
    const saved: Saved = {
      parts: memory.registers().map((part) => part.slice()),
      info: live.slice(),
      nested: memory.nestedTable(this.#npt.used).slice(),
      frames: memory.frameBytes().slice(),
    };
    this.#core.flush();
    this.#base = saved;
    return () => this.#restore(saved);
  }

  #restore(saved: Saved): void {
    const memory = this.#memory;
    const all = this.#base !== saved;
    if (all) this.#core.forget();
    this.#core.flush();
    memory.registers().forEach((part, i) => {
      const before = saved.parts[i];
      if (before) part.set(before);
    });
    this.#npt.replace(saved.nested);
    if (all) memory.frameBytes().set(saved.frames);
    this.#restoreFrames(saved, all);
    this.#base = saved;
  }

  /** Puts back what is known about the frames, and, unless `all` are there, the bytes of those that changed. */
  #restoreFrames({ info, frames }: Saved, all: boolean): void {
    const live = this.#memory.frameInfos();
    const bytes = this.#memory.frameBytes();
    for (let at = 0, frame = 0; at < live.length; at += INFO_WORDS, frame++) {
      if (!all && ((live[at + STATE_WORD] ?? 0) & CHANGED) !== 0) {
        if (hasCode(live, at)) this.#core.dropCode(frame);
        const from = frame * PAGE;
        bytes.set(frames.subarray(from, from + PAGE), from);
      }
      for (let word = at; word < at + RMP_WORDS; word++) live[word] = info[word] ?? 0;
      live[at + STATE_WORD] = info[at + STATE_WORD] ?? 0;
    }
  }
}

function clear(words: Uint32Array, at: number, bits: number): void {
  words[at] = (words[at] ?? 0) & ~bits;
}

function hasCode(info: Uint32Array, at: number): boolean {
  for (let i = 0; i < CODE_WORDS; i++) if (info[at + CODE_WORD + i] !== 0) return true;
  return false;
}
