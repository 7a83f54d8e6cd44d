import { join, type Meeting, type Numeric, type Value } from './value.ts';

/** Slots in a piece, a power of two. */
const PIECE = 16;
const SHIFT = 4;
const SLOT = 8;

type Piece = readonly (Value | undefined)[];

const EMPTY: Piece = Array(PIECE).fill(undefined);

/**
 * What slots of 8 bytes of the stack hold, by their distance from RSP at entry, a multiple of 8.
 *
 * Pieces are never changed, only replaced: states that come from one another share all that neither has
 * written since, so that they are cheap to copy, and to compare where their paths meet.
 */
export class Slots {
  #pieces: readonly (Piece | undefined)[] = [];

  clone(): Slots {
    const copy = new Slots();
    copy.#pieces = this.#pieces;
    return copy;
  }

  /** What a slot holds; undefined if nothing is known of it. */
  get(offset: number): Value | undefined {
    if (offset % SLOT !== 0) return undefined;
    const slot = offset / SLOT;
    return this.#pieces[pieceOf(slot)]?.[slot & (PIECE - 1)];
  }

  set(offset: number, value: Value | undefined): void {
    const slot = offset / SLOT;
    const number = pieceOf(slot);
    const old = this.#pieces[number] ?? EMPTY;
    if (old[slot & (PIECE - 1)] === value) return;
    const piece = old.slice();
    piece[slot & (PIECE - 1)] = value;
    this.#replace(number, piece);
  }

  /** Nothing is known any more of slots of which a byte lies from `start` up to `end`. */
  forget(start: number, end: number): void {
    const first = Math.floor(start / SLOT);
    const last = Math.ceil(end / SLOT) - 1;
    if (last - first < PIECE) {
      for (let slot = first; slot <= last; slot++) this.set(slot * SLOT, undefined);
      return;
    }
    this.#map((value, slot) => (slot >= first && slot <= last ? undefined : value));
  }

  /** Puts what is now known of a number everywhere it stands. */
  refine(known: Numeric): void {
    this.#map((value) => (value?.kind === 'number' && value.id === known.id ? known : value));
  }

  /** Takes in what another path brings. Answers whether less is known than before. */
  merge(other: Slots, meeting: Meeting): boolean {
    const before = this.#pieces;
    if (before === other.#pieces) return false;
    for (const [number, old] of before.entries()) {
      const next = other.#pieces[number];
      if (!old || old === next) continue;
      let merged: (Value | undefined)[] | undefined;
      for (let i = 0; i < PIECE; i++) {
        const [value, brought] = [old[i], next?.[i]];
        if (!value || value === brought) continue;
        const joined = brought && join(value, brought, meeting);
        if (joined === value) continue;
        merged ??= old.slice();
        merged[i] = joined;
      }
      if (merged) this.#replace(number, merged);
    }
    return this.#pieces !== before;
  }

  #map(change: (value: Value | undefined, slot: number) => Value | undefined): void {
    for (const [number, old] of this.#pieces.entries()) {
      if (!old) continue;
      const first = firstOf(number);
      let changed: (Value | undefined)[] | undefined;
      for (let i = 0; i < PIECE; i++) {
        const value = change(old[i], first + i);
        if (value === old[i]) continue;
        changed ??= old.slice();
        changed[i] = value;
      }
      if (changed) this.#replace(number, changed);
    }
  }

  #replace(number: number, piece: Piece): void {
    const pieces = this.#pieces.slice();
    pieces[number] = piece;
    this.#pieces = pieces;
  }
}

/** The number of a slot's piece: those from RSP at entry up are even, those below it odd. */
function pieceOf(slot: number): number {
  const piece = slot >> SHIFT;
  return piece >= 0 ? 2 * piece : -2 * piece - 1;
}

/** The first slot of a piece. */
function firstOf(number: number): number {
  return (number % 2 === 0 ? number / 2 : -(number + 1) / 2) * PIECE;
}
