import * as Paging from '../../spec/paging.ts';

/** Virtual address = TOP + GPA for the image's pages. */
export const TOP = 0xffff_ffff_8000_0000n;
export const PAGE = 4096;
const FOUR_GIB = 0x1_0000_0000n;

/** What a walk found. `shared`: mapped with C=0 although there is a C-bit. */
export interface Mapping {
  readonly gpa: bigint;
  readonly shared: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly huge: boolean;
}

/**
 * Guest-physical memory, and the page tables in it as the CPU walks them. Below 4 GiB it is the
 * kernel's Wasm memory, so that what the kernel's own loads see is what its tables should map.
 */
export class GuestMemory {
  readonly #wasm: () => WebAssembly.Memory;
  readonly #above = new Map<bigint, Uint8Array>();
  /** The C-bit as a mask, 0n for none. */
  readonly encryption: bigint;
  readonly root: bigint;

  constructor(wasm: () => WebAssembly.Memory, encryption: bigint, root: bigint) {
    this.#wasm = wasm;
    this.encryption = encryption;
    this.root = root;
  }

  /** The bytes of the page at `gpa`, live. */
  page(gpa: bigint): Uint8Array {
    const frame = gpa & ~0xfffn;
    if (frame < FOUR_GIB) return new Uint8Array(this.#wasm().buffer, Number(frame), PAGE);
    let page = this.#above.get(frame);
    if (!page) {
      page = new Uint8Array(PAGE);
      this.#above.set(frame, page);
    }
    return page;
  }

  read64(gpa: bigint): bigint {
    return this.#data(gpa).getBigUint64(0, true);
  }

  write64(gpa: bigint, value: bigint): void {
    this.#data(gpa).setBigUint64(0, value, true);
  }

  #data(gpa: bigint): DataView {
    const page = this.page(gpa);
    return new DataView(page.buffer, page.byteOffset + Number(gpa & 0xfffn));
  }

  /** The walk for `va`, undefined where it is not mapped. */
  translate(va: bigint): Mapping | undefined {
    let table = this.root;
    let writable = true;
    let executable = true;
    for (let level = 4n; level > 0n; level--) {
      const shift = 12n + 9n * (level - 1n);
      const entry = this.read64(table + ((va >> shift) & 511n) * 8n);
      if ((entry & BigInt(Paging.PRESENT)) === 0n) return undefined;
      writable &&= (entry & BigInt(Paging.WRITABLE)) !== 0n;
      executable &&= entry >> 63n === 0n;
      const huge = level === 2n && (entry & BigInt(Paging.PAGE_SIZE)) !== 0n;
      const gpa = entry & BigInt(Paging.ADDRESS_MASK) & ~this.encryption;
      if (level === 1n || huge) {
        const shared = this.encryption !== 0n && (entry & this.encryption) === 0n;
        const offset = va & ((1n << shift) - 1n);
        return { gpa: gpa + offset, shared, writable, executable, huge };
      }
      table = gpa;
    }
    return undefined;
  }

  /** Maps a 4 KiB page as the linker does, taking tables from `take`. */
  map(va: bigint, gpa: bigint, flags: bigint, take: () => bigint): void {
    let table = this.root;
    for (let level = 4n; level > 1n; level--) {
      const slot = table + ((va >> (12n + 9n * (level - 1n))) & 511n) * 8n;
      if (this.read64(slot) === 0n) {
        const link = BigInt(Paging.PRESENT) | BigInt(Paging.WRITABLE);
        this.write64(slot, take() | this.encryption | link);
      }
      table = this.read64(slot) & BigInt(Paging.ADDRESS_MASK) & ~this.encryption;
    }
    this.write64(table + ((va >> 12n) & 511n) * 8n, gpa | flags | this.encryption | 1n);
  }
}
