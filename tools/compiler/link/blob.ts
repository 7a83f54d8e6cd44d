import type { ObjectRelocation, ObjectSymbol, SectionName } from '../object.ts';

/** A section made by the linker itself: named pieces of bytes, with addresses to be filled in. */
export class Blob {
  readonly section: SectionName;
  readonly symbols: ObjectSymbol[] = [];
  readonly relocations: ObjectRelocation[] = [];
  #bytes = new Uint8Array(1 << 12);
  #size = 0;
  #align = 1;

  constructor(section: SectionName) {
    this.section = section;
  }

  /** Adds `bytes` at the next multiple of `align` under the symbol `name`; gives their offset. */
  add(name: string, bytes: Uint8Array, align = 8): number {
    const offset = Math.ceil(this.#size / align) * align;
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, offset);
    this.#size = end;
    this.#align = Math.max(this.#align, align);
    const { section } = this;
    this.symbols.push({ name, section, offset, size: bytes.length, kind: 'object' });
    return offset;
  }

  /** Writes over what was added at `offset`. */
  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.#size) throw new RangeError('write past the end of a section');
    this.#bytes.set(bytes, offset);
  }

  /** Has the address of `symbol` written in the eight bytes at `offset`. */
  point(offset: number, symbol: string, addend = 0): void {
    this.relocations.push({ section: this.section, offset, kind: 'abs64', symbol, addend });
  }

  get content(): { readonly bytes: Uint8Array; readonly align: number } {
    return { bytes: this.#bytes.subarray(0, this.#size), align: this.#align };
  }
}
