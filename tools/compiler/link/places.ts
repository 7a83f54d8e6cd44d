import { PAGE_SIZE } from '../../../boot/memory-map.ts';

/** Gives out runs of pages one after the other, around what is taken already. */
export class Places {
  readonly #taken: readonly { readonly start: number; readonly end: number }[];
  #next: number;

  /** From the place `start` on, which is a whole page's. */
  constructor(start: number, taken: readonly { readonly start: number; readonly end: number }[]) {
    this.#next = start;
    this.#taken = [...taken].sort((a, b) => a.start - b.start);
  }

  /** The first place with room for `size` bytes, rounded up to pages, above all given out so far. */
  take(size: number): number {
    let start = this.#next;
    for (const taken of this.#taken) {
      if (start < taken.end && start + size > taken.start) start = taken.end;
    }
    this.#next = start + wholePages(size);
    return start;
  }

  /** Leaves a page out, to be mapped nowhere: what runs over the end before it faults there. */
  skipPage(): void {
    this.#next += PAGE_SIZE;
  }
}

/** `size` rounded up to whole pages. */
export function wholePages(size: number): number {
  return Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
}
