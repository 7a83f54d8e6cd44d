import type { ObjectRelocation, ObjectSymbol, Section, SectionName } from '../object.ts';

/** What linkers take: an object of the compiler, or the same made by hand (stubs, tables). */
export interface LinkInput {
  /** Who this is, for messages. */
  readonly instance: string;
  readonly sections: Readonly<Partial<Record<SectionName, Section>>>;
  readonly symbols: readonly ObjectSymbol[];
  readonly relocations: readonly ObjectRelocation[];
}

/** The sections of one name, one after the other. */
export interface Placement {
  readonly name: SectionName;
  /** Bytes from the first input's start to the last one's end. */
  readonly size: number;
  /** Largest alignment asked for: what the address of the whole must be a multiple of. */
  readonly align: number;
  /** Where each input's part begins, from the start of the whole. */
  readonly offsets: ReadonlyMap<LinkInput, number>;
}

/** Lines up the `name` sections of `inputs`, in their order, each at the alignment it asks for. */
export function place(inputs: readonly LinkInput[], name: SectionName): Placement {
  const offsets = new Map<LinkInput, number>();
  let size = 0;
  let align = 1;
  for (const input of inputs) {
    const section = input.sections[name];
    if (!section) continue;
    const start = alignUp(size, section.align);
    offsets.set(input, start);
    size = start + section.bytes.length;
    align = Math.max(align, section.align);
  }
  return { name, size, align, offsets };
}

/** The least multiple of `align`, a power of two, that is not below `offset`. */
export function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
