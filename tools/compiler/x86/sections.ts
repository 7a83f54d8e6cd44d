import type { ObjectRelocation, ObjectSymbol, RelocationKind, SectionName } from '../object.ts';

/** Bytes, symbols and relocations of one section in the making. */
export class SectionBuilder {
  readonly #name: SectionName;
  readonly symbols: ObjectSymbol[] = [];
  readonly relocations: ObjectRelocation[] = [];
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;
  align = 16;

  constructor(name: SectionName) {
    this.#name = name;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  alignTo(n: number): void {
    this.#reserve(-this.#size & (n - 1));
  }

  /** Zeros. Answers their offset. */
  space(size: number): number {
    return this.#reserve(size);
  }

  append(bytes: Uint8Array): number {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return at;
  }

  u32(value: number): number {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return at;
  }

  u64(value: bigint): number {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
    return at;
  }

  /** A symbol's address (or a type's number), for the linker to fill in. */
  address(kind: RelocationKind, symbol: string, addend = 0): void {
    const offset = this.#reserve(kind === 'abs64' ? 8 : 4);
    this.relocations.push({ section: this.#name, offset, kind, symbol, addend });
  }

  /** Names what lies from `offset` to the end so far. */
  symbol(name: string, offset: number, kind: ObjectSymbol['kind'] = 'object'): void {
    const size = this.#size - offset;
    this.symbols.push({ name, section: this.#name, offset, size, kind });
  }

  #reserve(size: number): number {
    const at = this.#size;
    this.#size = at + size;
    if (this.#size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#size, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
