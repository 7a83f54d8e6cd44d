import type { ObjectRelocation, ObjectSymbol, Section, SectionName } from './object.ts';

/** What a linker puts together: the object of a Wasm module, or code that was assembled by hand. */
export interface Linkable {
  readonly sections: Readonly<Partial<Record<SectionName, Section>>>;
  readonly symbols: readonly ObjectSymbol[];
  readonly relocations: readonly ObjectRelocation[];
}

/** A section of the result: the parts' sections of that name, one after the other. */
export interface Placement {
  /** Virtual address of the first byte. */
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Offset in `bytes` at which each part's section starts. */
  readonly starts: ReadonlyMap<Linkable, number>;
}

export type Placements = Readonly<Record<SectionName, Placement>>;

/** Puts the parts' sections called `section` one after the other, each aligned, from `address` on. */
export function place(
  section: SectionName,
  parts: readonly Linkable[],
  address: bigint,
): Placement {
  const starts = new Map<Linkable, number>();
  let size = 0;
  for (const part of parts) {
    const { bytes, align } = part.sections[section] ?? EMPTY;
    if (address % BigInt(align) !== 0n) {
      throw new RangeError(
        `${section} at 0x${address.toString(16)} expected a multiple of ${align}`,
      );
    }
    size = Math.ceil(size / align) * align;
    starts.set(part, size);
    size += bytes.length;
  }
  // A jump into a gap in text must trap: int3.
  const bytes = new Uint8Array(size).fill(section === 'text' ? 0xcc : 0);
  for (const part of parts) {
    bytes.set((part.sections[section] ?? EMPTY).bytes, starts.get(part));
  }
  return { address, bytes, starts };
}

/**
 * The address of every symbol: those that the parts define, and `defined` ones of the linker's own
 * (their values are numbers that need not be addresses). Two of one name are our mistake.
 */
export function symbolTable(
  placements: Placements,
  parts: readonly Linkable[],
  defined: ReadonlyMap<string, bigint>,
): Map<string, bigint> {
  const table = new Map(defined);
  for (const part of parts) {
    for (const { name, section, offset } of part.symbols) {
      if (table.has(name)) throw new TypeError(`symbol ${name} is defined twice`);
      table.set(name, addressIn(placements[section], part, offset));
    }
  }
  return table;
}

/** Applies every relocation of the parts to the bytes of `placements`. psABI §4.4.1. */
export function relocate(
  placements: Placements,
  parts: readonly Linkable[],
  symbols: ReadonlyMap<string, bigint>,
): void {
  for (const part of parts) {
    for (const relocation of part.relocations) {
      const { section, offset, symbol } = relocation;
      const target = symbols.get(symbol);
      if (target === undefined) throw new TypeError(`symbol ${symbol} is not defined`);
      const { address, bytes } = placements[section];
      const place = addressIn(placements[section], part, offset);
      write(bytes, Number(place - address), relocation, target, place);
    }
  }
}

const EMPTY: Section = { bytes: new Uint8Array(), align: 1 };

function addressIn({ address, starts }: Placement, part: Linkable, offset: number): bigint {
  const start = starts.get(part);
  if (start === undefined) throw new TypeError('a part was not placed');
  return address + BigInt(start + offset);
}

function write(
  bytes: Uint8Array,
  at: number,
  { kind, symbol, addend }: ObjectRelocation,
  target: bigint,
  place: bigint,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = BigInt.asUintN(64, target + BigInt(addend));
  const fits = (wanted: bigint, got: bigint) => {
    if (wanted !== got) throw new RangeError(`${kind} to ${symbol} is out of range`);
  };
  switch (kind) {
    case 'abs64':
      view.setBigUint64(at, BigInt.asUintN(64, value), true);
      return;
    case 'abs32':
      fits(value, BigInt.asUintN(32, value));
      view.setUint32(at, Number(value), true);
      return;
    case 'abs32s': {
      // Addresses in the top 2 GiB are given as unsigned numbers of 64 bits.
      const signed = BigInt.asIntN(64, value);
      fits(signed, BigInt.asIntN(32, signed));
      view.setInt32(at, Number(signed), true);
      return;
    }
    case 'rel32': {
      const distance = BigInt.asIntN(64, value - place);
      fits(distance, BigInt.asIntN(32, distance));
      view.setInt32(at, Number(distance), true);
    }
  }
}
