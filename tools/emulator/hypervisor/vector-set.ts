/** The 256 bits of an APIC register such as the IRR: a bit a vector. */
export class VectorSet {
  readonly words = new Uint32Array(8);

  add(vector: number): void {
    this.words[vector >> 5] = (this.words[vector >> 5] ?? 0) | (1 << (vector & 31));
  }

  delete(vector: number): void {
    this.words[vector >> 5] = (this.words[vector >> 5] ?? 0) & ~(1 << (vector & 31));
  }

  has(vector: number): boolean {
    return ((this.words[vector >> 5] ?? 0) & (1 << (vector & 31))) !== 0;
  }

  /** The highest vector in the set; undefined if it is empty. */
  get highest(): number | undefined {
    for (let i = 7; i >= 0; i--) {
      const word = this.words[i] ?? 0;
      if (word !== 0) return i * 32 + 31 - Math.clz32(word);
    }
    return undefined;
  }
}
