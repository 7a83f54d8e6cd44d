/** Constants that code reads from memory, each once: part of an object's rodata. */
export class ConstantPool {
  readonly #offsets = new Map<string, number>();
  #bytes = new Uint8Array(256);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Offset of a constant of 4, 8 or 16 bytes, aligned to its size. */
  offsetOf(bits: bigint, size: 4 | 8 | 16): number {
    const key = `${size}:${bits}`;
    const known = this.#offsets.get(key);
    if (known !== undefined) return known;
    const offset = (this.#size + size - 1) & -size;
    if (offset + size > this.#bytes.length) this.#grow();
    let rest = bits;
    for (let i = 0; i < size; i++) {
      this.#bytes[offset + i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    this.#size = offset + size;
    this.#offsets.set(key, offset);
    return offset;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
