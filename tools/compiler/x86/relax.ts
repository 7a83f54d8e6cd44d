import type { Numbers } from '../numbers.ts';
import {
  type Emitter,
  FIXUP,
  JCC_SHORT,
  JMP_NEAR,
  JMP_SHORT,
  LINE,
  NO_LOOP,
  UNBOUND,
} from './emitter.ts';

/** What is known by its offset in the code, and moves with it. */
export interface Site {
  offset: number;
}

/** The sites that lie in a function, in lists that ascend. */
export interface Sites {
  /** Of instructions that start at their offset, or parts of them. */
  readonly at: readonly (readonly Site[])[];
  /** Of instructions that end at their offset: return addresses. */
  readonly after: readonly Site[];
  /** Pairs of an offset as those of `at`, and something else. */
  readonly lines: Numbers;
}

/** A near branch is 5 bytes long, with a condition 6; a short one 2. */
const NEAR_JMP = 5;
const NEAR_JCC = 6;
const SHORT = 2;
const SHORT_REACH = 127;
/** Each round finds what the one before has brought near; a third one finds next to nothing. */
const ROUNDS = 2;
/** From this size on it makes no difference how many lines a loop lies in. */
const LONG_LOOP = 2 * LINE;

/** From here on, branches and alignments are left to {@link relax}. Answers the first label of what follows. */
export function beginRelaxed(asm: Emitter): number {
  asm.relaxing = true;
  asm.branches.length = 0;
  asm.alignments.length = 0;
  return asm.labels;
}

/**
 * Shortens the branches that need no 32-bit displacement, in the code from `start` on, and moves
 * together what follows them: code, labels from `firstLabel` on, and sites.
 */
export function relax(asm: Emitter, start: number, firstLabel: number, sites: Sites): void {
  asm.relaxing = false;
  if (asm.branches.length === 0) return;
  const branches = new Branches(asm);
  for (let round = 0; round < ROUNDS && branches.shorten(); round++);
  if (branches.count === 0) return;
  const moves = compact(asm, branches);
  moves.apply(asm, start, firstLabel, sites);
}

/** The branches of a function, in ascending order: ends, targets, and by how much each is shortened. */
class Branches {
  readonly #ends: readonly number[];
  readonly #targets: readonly number[];
  readonly #lengths: readonly number[];
  /** Bytes saved by the branches before number i. */
  #saved: Int32Array;
  readonly #alignments: readonly number[];
  readonly isShort: Uint8Array;
  /** How many are short. */
  count = 0;

  constructor({ branches, fixups, positions, buffer, alignments }: Emitter) {
    const positionOf = (i: number) => fixups[i] as number;
    this.#ends = branches.map((i) => positionOf(i) + 4);
    this.#targets = branches.map((i) => positions[fixups[i + 2] as number] as number);
    this.#lengths = branches.map((i) =>
      buffer[positionOf(i) - 1] === JMP_NEAR ? NEAR_JMP : NEAR_JCC,
    );
    this.#alignments = alignments;
    this.#saved = new Int32Array(branches.length + 1);
    this.isShort = new Uint8Array(branches.length);
  }

  end(i: number): number {
    return this.#ends[i] as number;
  }

  length(i: number): number {
    return this.#lengths[i] as number;
  }

  /** Marks those that are near enough as short; whether there were any. */
  shorten(): boolean {
    const before = this.count;
    const { length } = this.#ends;
    for (let i = 0; i < length; i++) {
      if (this.isShort[i] === 1 || this.#farthest(i) > SHORT_REACH) continue;
      this.isShort[i] = 1;
      this.count++;
    }
    for (let i = 0; i < length; i++) {
      const saved = this.isShort[i] === 1 ? this.length(i) - SHORT : 0;
      this.#saved[i + 1] = (this.#saved[i] as number) + saved;
    }
    return this.count > before;
  }

  /** How far the target may be at most: an alignment in between may grow by all but one byte. */
  #farthest(i: number): number {
    const end = this.end(i);
    const target = this.#targets[i] as number;
    const isBackward = target < end;
    const [low, high] = isBackward ? [target, end] : [end, target];
    if (high - low > 4 * SHORT_REACH) return Infinity;
    const saved =
      (this.#saved[this.#countUpTo(high)] as number) -
      (this.#saved[this.#countUpTo(low)] as number);
    const own = isBackward ? this.length(i) - SHORT : 0;
    // An alignment of no bytes right after a branch may grow, one right before a target stays before it.
    const slack = this.#slack(isBackward ? low : low - 1, high);
    // Backward the limit is -128, one further than forward.
    return high - low - saved - own + slack - (isBackward ? 1 : 0);
  }

  /** How many of the branches end at or before an offset. */
  #countUpTo(offset: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.end(middle) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How much the alignments in (low, high] may grow. */
  #slack(low: number, high: number): number {
    const alignments = this.#alignments;
    let i = 0;
    for (let step = 1 << 20; step >= 1; step >>= 1) {
      const end = alignments[3 * (i + step - 1)];
      if (end !== undefined && end <= low) i += step;
    }
    let slack = 0;
    for (i *= 3; i < alignments.length && (alignments[i] as number) <= high; i += 3) {
      slack += LINE - 1 - (alignments[i + 1] as number);
    }
    return slack;
  }

  /** Bytes of [low, high), where no loop begins in between, after shortening. */
  sizeOf(low: number, high: number): number {
    const saved = (offset: number) => this.#saved[this.#countUpTo(offset)] as number;
    return high - low - saved(high) + saved(low);
  }
}

/** Writes the short branches and the alignments anew, and closes the gaps. */
function compact(asm: Emitter, branches: Branches): Moves {
  const { buffer, fixups, alignments } = asm;
  const end = asm.size;
  const moves = new Moves();
  // What lies before is in its place, and the code up to `copied` has been moved to before `asm.size`.
  let copied = Math.min(branches.end(0) - branches.length(0), alignmentStart(alignments, 0));
  asm.size = copied;
  const copyTo = (offset: number) => {
    buffer.copyWithin(asm.size, copied, offset);
    asm.size += offset - copied;
    copied = offset;
  };
  let next = 0;
  const align = (limit: number) => {
    for (; next < alignments.length && alignmentStart(alignments, next) < limit; next += 3) {
      copyTo(alignmentStart(alignments, next));
      copied = alignments[next] as number;
      const end = alignments[next + 2] as number;
      const loopEnd = asm.positions[end] as number;
      const size = end === NO_LOOP ? LINE : branches.sizeOf(copied, loopEnd);
      asm.nops(paddingFor(asm.size, size));
      moves.add(copied, copied - asm.size);
    }
  };
  asm.branches.forEach((fixup, i) => {
    if (branches.isShort[i] === 0) return;
    const branchEnd = branches.end(i);
    align(branchEnd);
    copyTo(branchEnd - branches.length(i));
    const opcode = buffer[branchEnd - 5] as number;
    buffer[asm.size] = branches.length(i) === NEAR_JMP ? JMP_SHORT : JCC_SHORT | (opcode & 15);
    asm.size += SHORT;
    copied = branchEnd;
    moves.add(copied, copied - asm.size);
    // As an old offset, which is moved with the others.
    fixups[fixup] = branchEnd - branches.length(i) + 1;
    fixups[fixup + 1] = 1;
  });
  align(Infinity);
  copyTo(end);
  return moves;
}

/**
 * Bytes to leave before a loop of this size so that it lies in as few lines as it can; at least it
 * begins at a multiple of 16.
 */
function paddingFor(offset: number, size: number): number {
  const fewest = Math.ceil(size / LINE);
  for (const multiple of [16, 32]) {
    const padding = -offset & (multiple - 1);
    const inLine = (offset + padding) & (LINE - 1);
    if (size > LONG_LOOP || Math.ceil((inLine + size) / LINE) === fewest) return padding;
  }
  return -offset & (LINE - 1);
}

function alignmentStart(alignments: readonly number[], i: number): number {
  return i < alignments.length
    ? (alignments[i] as number) - (alignments[i + 1] as number)
    : Infinity;
}

/** Where code went: from which old offset on by how many bytes it is nearer to the start. */
class Moves {
  readonly #from: number[] = [];
  readonly #by: number[] = [];

  add(from: number, by: number): void {
    this.#from.push(from);
    this.#by.push(by);
  }

  /** The new offset of what starts at an old one. */
  #moved(offset: number): number {
    const from = this.#from;
    let low = 0;
    let high = from.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((from[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? offset : offset - (this.#by[low - 1] as number);
  }

  apply(asm: Emitter, start: number, firstLabel: number, { at, after, lines }: Sites): void {
    const { fixups, positions } = asm;
    for (let i = fixups.length - FIXUP; i >= 0 && (fixups[i] as number) >= start; i -= FIXUP) {
      fixups[i] = this.#moved(fixups[i] as number);
    }
    for (let label = firstLabel; label < asm.labels; label++) {
      const position = positions[label] as number;
      if (position !== UNBOUND) positions[label] = this.#moved(position);
    }
    for (const list of at) {
      for (let i = list.length - 1; i >= 0 && (list[i] as Site).offset >= start; i--) {
        const site = list[i] as Site;
        site.offset = this.#moved(site.offset);
      }
    }
    for (let i = lines.length - 2; i >= 0 && (lines.items[i] as number) >= start; i -= 2) {
      lines.items[i] = this.#moved(lines.items[i] as number);
    }
    for (let i = after.length - 1; i >= 0 && (after[i] as Site).offset > start; i--) {
      const site = after[i] as Site;
      site.offset = this.#moved(site.offset - 1) + 1;
    }
  }
}
