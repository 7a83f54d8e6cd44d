import { describe, expect, it } from 'vitest';
import { type Mapping, pageTables } from './page-tables.ts';

const ROOT = 0x20_0000;

const mapping = (va: bigint, gpa: number, rights = 'r', pages = 1): Mapping => ({
  va,
  gpa,
  size: pages * 4096,
  writable: rights.includes('w'),
  executable: rights.includes('x'),
});

/** The leaf entry for `va`, as a CPU would find it; undefined if it is not present. */
function walk(tables: Uint8Array, va: bigint): bigint | undefined {
  const words = new BigUint64Array(tables.buffer);
  let table = ROOT;
  for (let shift = 39n; ; shift -= 9n) {
    const entry = words[(table - ROOT) / 8 + Number((va >> shift) & 0x1ffn)] ?? 0n;
    if (!(entry & 1n)) return undefined;
    if (shift === 12n) return entry;
    table = Number(entry & 0xf_ffff_ffff_f000n);
  }
}

describe('pageTables', () => {
  const top = 0xffff_ffff_8010_8000n;
  const tables = pageTables(ROOT, [
    mapping(top, 0x10_8000, 'rx', 2),
    mapping(top + 0x4000n, 0x10_c000, 'rw'),
    mapping(top + 0x6000n, 0x10_e000, 'r'),
    mapping(0x18_0000n, 0x18_0000, 'rw'),
  ]);

  it('maps each page to its frame with its rights, and no other page', () => {
    const noExecute = 1n << 63n;
    expect(walk(tables, top)).toBe(0x10_8001n);
    expect(walk(tables, top + 0x1000n)).toBe(0x10_9001n);
    expect(walk(tables, top + 0x2000n)).toBeUndefined();
    expect(walk(tables, top + 0x4000n)).toBe(0x10_c003n | noExecute);
    expect(walk(tables, top + 0x6000n)).toBe(0x10_e001n | noExecute);
    expect(walk(tables, 0x18_0000n)).toBe(0x18_0003n | noExecute);
    expect(walk(tables, 0n)).toBeUndefined();
  });

  it('takes a table for each part of the address space that is used, the root first', () => {
    // Root; three tables for the top; three for the low part.
    expect(tables.length).toBe(7 * 4096);
  });

  it('refuses what is writable and executable, or mapped twice', () => {
    expect(() => pageTables(ROOT, [mapping(0n, 0, 'rwx')])).toThrow(/writable and executable/);
    const twice = [mapping(0x1000n, 0x1000, 'r', 2), mapping(0x2000n, 0x5000)];
    expect(() => pageTables(ROOT, twice)).toThrow('0x2000 is mapped twice');
  });
});
