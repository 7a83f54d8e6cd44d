/**
 * What is known of a 64-bit value at some point of a function, on every path to it.
 *
 * Numbers that are equal because one was copied from the other have the same `id`. An id is given
 * where a number comes into being, and anew where paths join, so that it never stands for two numbers
 * at a time.
 */
export type Value =
  | Numeric
  /** RSP at the function's entry plus `offset`. */
  | { readonly kind: 'stack'; readonly offset: number }
  /** The address of the compartment's own memory. */
  | { readonly kind: 'base' }
  /** That address plus at most `most`. */
  | { readonly kind: 'inside'; readonly most: number }
  /** What a register (or, under the number {@link RETURN_ADDRESS}, [RSP]) held at the function's entry. */
  | { readonly kind: 'saved'; readonly register: number }
  /** The address of a table's entry or a function's record, and 8 bytes of what is there. */
  | { readonly kind: 'entry'; readonly id: number }
  | { readonly kind: 'half'; readonly id: number; readonly field: number }
  /** The code of a function of this type number, from a table. */
  | { readonly kind: 'code'; readonly type: number; readonly entries: Entries | undefined }
  /** An address of the program, plus a number; a reference if it is that of a function's record. */
  | {
      readonly kind: 'address';
      readonly at: number;
      readonly plus: Numeric | undefined;
      readonly isReference: boolean;
    };

/** Addresses: a table's from its first entry to the end of its last. */
export interface Entries {
  readonly start: number;
  readonly end: number;
}

/** An unsigned number of 64 bits from `least` to `most`; Infinity stands for what doubles can not hold. */
export interface Numeric {
  readonly kind: 'number';
  readonly id: number;
  readonly least: number;
  readonly most: number;
  /** How it was made from other values. */
  readonly term: Term | undefined;
  /** It is a null reference, or the address of a function's record. */
  readonly isReference: boolean;
  /** It came into being in one place, at the join of this number. */
  readonly joined: number | undefined;
  /** How often its bounds have moved there, on ways back. */
  readonly moves: number;
}

export type Term =
  | { readonly op: 'sum'; readonly a: Value; readonly b: Value }
  | { readonly op: 'shl' | 'shr'; readonly of: Numeric; readonly by: number }
  /** Its low 32 bits are those of another number. */
  | { readonly op: 'low'; readonly of: Numeric }
  /** What lay at an address of the program when it was read. */
  | { readonly op: 'load'; readonly at: number; readonly size: number };

export const RETURN_ADDRESS = 16;

export const U32 = 0xffff_ffff;

/** Gives out ids. */
export class Ids {
  #last = 0;

  next(): number {
    return ++this.#last;
  }

  /** A number of which only its bounds are known. */
  number(most = Infinity, least = 0, term?: Term): Numeric {
    const id = this.next();
    const isReference = most === 0;
    return {
      kind: 'number',
      id,
      least,
      most,
      term,
      isReference,
      joined: undefined,
      moves: 0,
    };
  }

  /** What paths bring to one place of the join of this number. */
  joined(joined: number, most: number, least: number, isReference: boolean, moves = 0): Numeric {
    return { ...this.number(most, least), isReference, joined, moves };
  }

  constant(value: number): Numeric {
    return this.number(value, value);
  }
}

/** The largest number that a value may be. */
export function mostOf(value: Value): number {
  return value.kind === 'number' ? value.most : Infinity;
}

/** The constant that a value is, if it is one. */
export function constantOf(value: Value): number | undefined {
  return value.kind === 'number' && value.least === value.most ? value.most : undefined;
}

/** Where paths meet. */
export interface Meeting {
  readonly ids: Ids;
  /** A number for this place alone. */
  readonly join: number;
  /**
   * On a way back, where bounds that would move on and on may come to rest: what numbers were
   * compared with. Bounds that others bring move as often as those do.
   */
  readonly stops: Iterable<number> | undefined;
}

/** How often a number's bounds move by as much as they have to, and then from stop to stop. */
const PATIENCE = 3;
const STOPS = 8;

/** What is known where two paths meet: `old` itself if it holds for `next` too. */
export function join(old: Value, next: Value, { ids, join: place, stops }: Meeting): Value {
  if (old === next) return old;
  const bothRefer = isReference(old) && isReference(next);
  if (old.kind !== 'number' || next.kind !== 'number') {
    if (sameValue(old, next)) return old;
    const isOld = old.kind === 'number' && old.joined === place && old.most === Infinity;
    const holds = isOld && old.isReference === bothRefer;
    return holds ? old : ids.joined(place, Infinity, 0, bothRefer);
  }
  const { most, least } = old;
  const isCovered = next.most <= most && next.least >= least && bothRefer === old.isReference;
  // What was made here stands for this place only, so it may go on standing for whatever comes here.
  // A number that was made elsewhere may stand in two places, which get different ones now.
  if (isCovered && (old.joined === place || old.id === next.id)) return old;
  if (isCovered) return ids.joined(place, most, least, bothRefer);
  const moves = (old.joined === place ? old.moves : 0) + (stops ? 1 : 0);
  if (!stops || moves <= PATIENCE) {
    const newLeast = Math.min(least, next.least);
    return ids.joined(place, Math.max(most, next.most), newLeast, bothRefer, moves);
  }
  const newMost =
    next.most > most ? stopFor(next.most, moves > PATIENCE + STOPS ? [] : stops) : most;
  return ids.joined(place, newMost, next.least < least ? 0 : least, bothRefer, moves);
}

/** The lowest stop that is not below a bound; 2^32 - 1 is one. */
function stopFor(most: number, stops: Iterable<number>): number {
  let lowest = most <= U32 ? U32 : Infinity;
  for (const stop of stops) if (stop >= most && stop < lowest) lowest = stop;
  return lowest;
}

/** Whether a value is a null reference, or the address of a function's record. */
export function isReference(value: Value | undefined): boolean {
  return (value?.kind === 'number' || value?.kind === 'address') && value.isReference;
}

function sameValue(a: Value, b: Value): boolean {
  if (a.kind === 'stack' && b.kind === 'stack') return a.offset === b.offset;
  if (a.kind === 'saved' && b.kind === 'saved') return a.register === b.register;
  if (a.kind === 'entry' && b.kind === 'entry') return a.id === b.id;
  if (a.kind === 'half' && b.kind === 'half') return a.id === b.id && a.field === b.field;
  if (a.kind === 'code' && b.kind === 'code') {
    return a.type === b.type && a.entries?.start === b.entries?.start;
  }
  if (a.kind === 'inside' && b.kind === 'inside') return a.most === b.most;
  if (a.kind === 'address' && b.kind === 'address') {
    return a.at === b.at && a.plus === undefined && b.plus === undefined;
  }
  return a.kind === 'base' && b.kind === 'base';
}
