import { describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import { bootGuest, FREE_GPA, runUntil } from '../../../test/guest.ts';

const WORD = 0x0123_4567_89ab_cdefn;
const SHARED = BigInt(FREE_GPA) + 0x1000n;
const littleEndian = (bytes: Uint8Array | undefined) =>
  Buffer.from(bytes ?? new Uint8Array(8)).readBigUInt64LE();

/** A guest with a word in a page of its own. */
function machine(mode: 'none' | 'sev' | 'snp') {
  const made = bootGuest({ mode, memory: 8 << 20 }, (guest) => {
    if (mode === 'snp') {
      guest.request((1n << 52n) | BigInt(FREE_GPA) | 0x014n);
      guest.pvalidate(FREE_GPA);
    }
    guest.store(FREE_GPA, WORD);
  });
  runUntil(made, Exit.HLT);
  return made;
}

describe('a device', () => {
  it('reads what the host reads', () => {
    expect(littleEndian(machine('none').iommu.read(BigInt(FREE_GPA), 8))).toBe(WORD);
    expect(littleEndian(machine('sev').iommu.read(BigInt(FREE_GPA), 8))).not.toBe(WORD);
  });

  it('writes what is shared, and in SNP nothing else', () => {
    const { iommu, memory } = machine('snp');
    const bytes = Uint8Array.of(1, 2, 3);
    expect(iommu.write(SHARED, bytes)).toBeUndefined();
    expect(memory.readGuest(SHARED, 3)).toEqual(bytes);
    const before = memory.readGuest(BigInt(FREE_GPA), 8);
    expect(iommu.write(BigInt(FREE_GPA), bytes)).toEqual({
      kind: 'rmp-page-fault',
      spa: FREE_GPA,
    });
    expect(memory.readGuest(BigInt(FREE_GPA), 8)).toEqual(before);
    expect(machine('sev').iommu.write(BigInt(FREE_GPA), bytes)).toBeUndefined();
  });

  it('reaches nothing where there is no RAM', () => {
    const { iommu } = machine('none');
    expect(iommu.read(1n << 40n, 8)).toBeUndefined();
    expect(iommu.write(1n << 40n, Uint8Array.of(1))).toBe('absent');
  });
});
