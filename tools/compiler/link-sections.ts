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
    const bytesOf = new Map<SectionName, PlacedBytes>();
    for (const relocation of part.relocations) {
      const { section, symbol } = relocation;
      const target = symbols.get(symbol);
      if (target === undefined) throw new TypeError(`symbol ${symbol} is not defined`);
      let placed = bytesOf.get(section);
      if (!placed) {
        placed = placedBytes(placements[section], part);
        bytesOf.set(section, placed);
      }
      write(placed, relocation, target);
    }
  }
}

/** A part's section: the address of its first byte, and where it is in the view of the whole section. */
interface PlacedBytes {
  readonly address: bigint;
  readonly view: DataView;
  readonly start: number;
}

function placedBytes({ address, bytes, starts }: Placement, part: Linkable): PlacedBytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = startOf(starts, part);
  return { address: address + BigInt(start), view, start };
}

const EMPTY: Section = { bytes: new Uint8Array(), align: 1 };

function addressIn({ address, starts }: Placement, part: Linkable, offset: number): bigint {
  return address + BigInt(startOf(starts, part) + offset);
}

function startOf(starts: Placement['starts'], part: Linkable): number {
  const start = starts.get(part);
  if (start === undefined) throw new TypeError('a part was not placed');
  return start;
}

function write(
  { address, view, start }: PlacedBytes,
  { kind, symbol, offset, addend }: ObjectRelocation,
  target: bigint,
): void {
  const fits = (wanted: bigint | number, got: bigint | number) => {
    if (wanted !== got) throw new RangeError(`${kind} to ${symbol} is out of range`);
  };
  const at = start + offset;
  if (kind === 'rel32') {
    const distance = Number(BigInt.asIntN(64, target - address)) + addend - offset;
    fits(distance, distance | 0);
    view.setInt32(at, distance, true);
    return;
  }
  const value = BigInt.asUintN(64, target + BigInt(addend));
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
    }
  }
}
