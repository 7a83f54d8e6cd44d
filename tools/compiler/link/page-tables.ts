import * as Paging from '../../../spec/paging.ts';

/** Whole pages of virtual memory and what they show. */
export interface Mapping {
  readonly va: bigint;
  readonly gpa: number;
  readonly size: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

const PAGE_SIZE = 4096;
const ENTRIES = 512;
const LEVELS = 4;

/**
 * Four-level page tables, in 4 KiB pages that are to lie from the GPA `root` on, the first of them
 * the root. No entry has a C-bit: the shim finds out where it is. Everything is the kernel's own,
 * and nothing is both writable and executable. APM2 §5.3.
 *
 * @throws RangeError if two mappings overlap, or one is writable and executable.
 */
export function pageTables(root: number, mappings: readonly Mapping[]): Uint8Array {
  const tables = [new BigUint64Array(ENTRIES)];
  const tableOf = (entry: bigint) => tables[(Number(entry & ~0xfffn) - root) / PAGE_SIZE];
  const next = (table: BigUint64Array, index: number): BigUint64Array => {
    const entry = table[index] ?? 0n;
    const present = entry === 0n ? undefined : tableOf(entry);
    if (present) return present;
    const fresh = new BigUint64Array(ENTRIES);
    table[index] = BigInt(root + tables.length * PAGE_SIZE) | POINTER;
    tables.push(fresh);
    return fresh;
  };
  for (const { va, gpa, size, writable, executable } of mappings) {
    if (writable && executable) throw new RangeError(`${hex(va)} is writable and executable`);
    const attributes =
      BigInt(Paging.PRESENT) |
      (writable ? BigInt(Paging.WRITABLE) : 0n) |
      (executable ? 0n : NO_EXECUTE);
    for (let offset = 0; offset < size; offset += PAGE_SIZE) {
      const page = va + BigInt(offset);
      let table = tables[0] as BigUint64Array;
      for (let level = LEVELS; level > 1; level--) table = next(table, indexAt(page, level));
      const index = indexAt(page, 1);
      if (table[index]) throw new RangeError(`${hex(page)} is mapped twice`);
      table[index] = BigInt(gpa + offset) | attributes;
    }
  }
  const bytes = new Uint8Array(tables.length * PAGE_SIZE);
  const words = new BigUint64Array(bytes.buffer);
  for (const [i, table] of tables.entries()) words.set(table, i * ENTRIES);
  return bytes;
}

const POINTER = BigInt(Paging.PRESENT | Paging.WRITABLE);
const NO_EXECUTE = 1n << 63n;

/** Index in the table of `level` (4 is the root's) on the way to `va`. */
function indexAt(va: bigint, level: number): number {
  return Number((va >> BigInt(12 + 9 * (level - 1))) & 0x1ffn);
}

function hex(va: bigint): string {
  return `0x${va.toString(16)}`;
}
