import { describe, expect, it } from 'vitest';
import * as Cpuid from '../../../spec/cpuid.ts';
import { view } from '../../../spec/layout.ts';
import { CpuidPage } from '../../../spec/layouts/cpuid-page.ts';
import { guestLeaves, PROCESSOR } from '../cpuid/model.ts';
import { cpuidPage } from '../launch/cpuid-page.ts';
import { sanitizeCpuidPage } from './cpuid-page.ts';

/** A page of what the honest host proposes, with one function changed. */
function pageWith(
  leaf: number,
  change: Partial<{ eax: number; ebx: number; ecx: number; edx: number }>,
) {
  return cpuidPage(
    guestLeaves('snp').map((row) => (row.leaf === leaf ? { ...row, ...change } : row)),
  );
}

function find(page: Uint8Array, leaf: number) {
  const table = view(CpuidPage, page);
  const entry = table.functions.slice(0, table.count).find(({ eaxIn }) => eaxIn === leaf);
  if (!entry) throw new RangeError(`leaf ${leaf.toString(16)} is not in the page`);
  return entry;
}

describe('the check of a CPUID page', () => {
  it('accepts what the honest host proposes', () => {
    const page = cpuidPage(guestLeaves('snp'));
    const before = page.slice();
    expect(sanitizeCpuidPage(page)).toBe(true);
    expect(page).toEqual(before);
  });

  it('takes away features that the processor does not have', () => {
    const page = pageWith(Cpuid.LEAF_STRUCTURED_FEATURES, { ebx: 0xffff_ffff });
    expect(sanitizeCpuidPage(page)).toBe(false);
    const real = PROCESSOR.find(({ leaf }) => leaf === Cpuid.LEAF_STRUCTURED_FEATURES);
    expect(find(page, Cpuid.LEAF_STRUCTURED_FEATURES).ebx).toBe(real?.ebx);
    expect(sanitizeCpuidPage(page)).toBe(true);
  });

  it('lets the hypervisor hide a feature', () => {
    const page = pageWith(Cpuid.LEAF_FEATURES, { ecx: 0 });
    expect(sanitizeCpuidPage(page)).toBe(true);
  });

  it('puts the position of the C-bit right', () => {
    const page = pageWith(Cpuid.LEAF_ENCRYPTED_MEMORY, { ebx: 47 });
    expect(sanitizeCpuidPage(page)).toBe(false);
    expect(find(page, Cpuid.LEAF_ENCRYPTED_MEMORY).ebx & Cpuid.EBX_C_BIT_MASK).toBe(51);
  });

  it('lets nobody have wider addresses or more VMPLs than the processor', () => {
    const sizes = pageWith(Cpuid.LEAF_ADDRESS_SIZES, { eax: 0xff28_3140 });
    expect(sanitizeCpuidPage(sizes)).toBe(false);
    expect(find(sizes, Cpuid.LEAF_ADDRESS_SIZES).eax).toBe(0x0028_3030);
    expect(sanitizeCpuidPage(pageWith(Cpuid.LEAF_ADDRESS_SIZES, { eax: 0x0030_2f28 }))).toBe(true);
    const levels = pageWith(Cpuid.LEAF_ENCRYPTED_MEMORY, { ebx: 51 | (5 << 12) });
    expect(sanitizeCpuidPage(levels)).toBe(false);
    expect(find(levels, Cpuid.LEAF_ENCRYPTED_MEMORY).ebx).toBe(51 | (4 << 12));
    expect(sanitizeCpuidPage(pageWith(Cpuid.LEAF_ENCRYPTED_MEMORY, { ebx: 51 }))).toBe(true);
  });

  it.each([
    [Cpuid.LEAF_FEATURES, 'eax', 0xa000_0000],
    [Cpuid.LEAF_FEATURES, 'eax', 0x0000_1000],
    [Cpuid.LEAF_TOPOLOGY, 'ebx', 0x8000_0000],
    [Cpuid.LEAF_EXTENDED_FEATURES, 'eax', 0x0000_8000],
    [Cpuid.LEAF_ADDRESS_SIZES, 'ecx', 0x0000_0100],
    [Cpuid.LEAF_ADDRESS_SIZES, 'edx', 0x0001_0000],
    [Cpuid.LEAF_ENCRYPTED_MEMORY, 'ebx', 0x0001_0033],
  ] as const)('empties reserved bits of leaf %i, %s: %i', (leaf, register, value) => {
    const page = pageWith(leaf, { [register]: value });
    expect(sanitizeCpuidPage(page)).toBe(false);
    expect(find(page, leaf)[register]).not.toBe(value);
    expect(sanitizeCpuidPage(page)).toBe(true);
  });

  it('puts the sizes of extended state right', () => {
    const page = pageWith(Cpuid.LEAF_XSAVE, { ebx: 0x40 });
    expect(sanitizeCpuidPage(page)).toBe(false);
    expect(find(page, Cpuid.LEAF_XSAVE).ebx).toBe(0x240);
  });

  it('empties functions that the processor does not have, and reserved fields', () => {
    const page = pageWith(0x8000_0007, {});
    find(page, 0x8000_0007).eaxIn = 0x8000_0030;
    page[16 + 0x28] = 1;
    expect(sanitizeCpuidPage(page)).toBe(false);
    expect(find(page, 0x8000_0030).edx).toBe(0);
    expect(page[16 + 0x28]).toBe(0);
  });

  it('leaves the hypervisor its own functions', () => {
    const page = pageWith(0x4000_0000, { ebx: 0x1234_5678 });
    expect(sanitizeCpuidPage(page)).toBe(true);
  });

  it('refuses a table that is longer than a page', () => {
    const page = cpuidPage(guestLeaves('snp'));
    view(CpuidPage, page).count = 65;
    expect(sanitizeCpuidPage(page)).toBe(false);
  });
});
