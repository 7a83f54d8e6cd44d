import { mapList } from '../lists.ts';
import type { Value } from './value.ts';

/** What the locals hold at one place, in pieces that places share as long as nothing in them differs. */
export type LocalValues = readonly (readonly Value[])[];

const PIECE_BITS = 3;
const PIECE = 1 << PIECE_BITS;

/**
 * What the locals hold where the function is being built. A jump keeps what it finds, and the first
 * assignment after that copies one piece: functions may have thousands of locals, and as many jumps.
 */
export class Locals {
  #pieces: (readonly Value[])[] = [];
  /** By piece: since which keeping it is ours alone; the last element: since when the list of pieces is. */
  readonly #owned: number[];
  #kept = 0;

  constructor(values: readonly Value[]) {
    for (let i = 0; i < values.length; i += PIECE) this.#pieces.push(values.slice(i, i + PIECE));
    this.#owned = new Array<number>(this.#pieces.length + 1).fill(0);
  }

  get(local: number): Value {
    return (this.#pieces[local >> PIECE_BITS] as readonly Value[])[local & (PIECE - 1)] as Value;
  }

  set(local: number, value: Value): void {
    const piece = local >> PIECE_BITS;
    const all = this.#owned.length - 1;
    if (this.#owned[all] !== this.#kept) {
      this.#pieces = this.#pieces.slice();
      this.#owned[all] = this.#kept;
    }
    if (this.#owned[piece] !== this.#kept) {
      this.#pieces[piece] = (this.#pieces[piece] as readonly Value[]).slice();
      this.#owned[piece] = this.#kept;
    }
    (this.#pieces[piece] as Value[])[local & (PIECE - 1)] = value;
  }

  /** What they hold now, to stay so. */
  keep(): LocalValues {
    this.#kept++;
    return this.#pieces;
  }

  /** Lets them hold again what was kept. */
  restore(values: LocalValues): void {
    this.#kept++;
    this.#pieces = values as (readonly Value[])[];
  }
}

/**
 * What the locals hold where several places lead to. `merge` is asked for one value for those of a local that
 * has not the same in all of them.
 */
export function mergeLocals(
  places: readonly LocalValues[],
  merge: (values: Value[]) => Value,
): LocalValues {
  const first = places[0] as LocalValues;
  if (places.every((place) => place === first)) return first;
  const merged = first.slice();
  for (let p = 0; p < merged.length; p++) {
    const piece = first[p] as readonly Value[];
    if (places.every((place) => place[p] === piece)) continue;
    merged[p] = mapList(piece, (value, i) => {
      if (places.every((place) => place[p]?.[i] === value)) return value;
      return merge(mapList(places, (place) => place[p]?.[i] as Value));
    });
  }
  return merged;
}
