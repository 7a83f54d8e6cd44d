import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Igvm from '../../spec/igvm.ts';
import * as Launch from '../../spec/launch.ts';
import { view } from '../../spec/layout.ts';
import { IgvmHeader } from '../../spec/layouts/igvm.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { launchOf, readIgvm } from './igvm-reader.ts';
import { IgvmWriter } from './igvm-writer.ts';
import { PAGE_SIZE, ZERO_PAGE } from './launch.ts';
import { launchDigest } from './measure.ts';

/** A worked example whose digest was computed with sev-snp-measure too. */
function example(): Uint8Array {
  const vmsa = new Uint8Array(PAGE_SIZE);
  const state = view(Vmsa, vmsa);
  state.efer = 0x1000n;
  state.sevFeatures = 1n;
  const file = new IgvmWriter(1);
  file.platform(1, Igvm.PLATFORM_SNP);
  file.policy(1, 0x30000n);
  file.page(1, 0x10000n, Igvm.DATA_NORMAL, new Uint8Array(PAGE_SIZE).fill(0xaa));
  file.page(1, 0x11000n, Igvm.DATA_NORMAL, ZERO_PAGE);
  file.page(1, 0x12000n, Igvm.DATA_SECRETS, ZERO_PAGE);
  file.page(1, 0x13000n, Igvm.DATA_CPUID, ZERO_PAGE);
  file.context(1, BigInt(Launch.VMSA_GPA), vmsa);
  return file.finish();
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('an IGVM file', () => {
  it('is that of the worked example to the byte', () => {
    const file = example();
    const header = view(IgvmHeader, file);
    expect(header).toMatchObject({
      variableHeaderSize: 0xd0,
      totalFileSize: 0x20e8,
      checksum: 0x7bb448b1,
    });
    expect(createHash('sha256').update(file).digest('hex')).toBe(
      '5097700e12d76606cb3828f6ed50fb85758db929da11d460ea8561604ed92d62',
    );
  });

  it('has the digest of the worked example, with pages of zeros as NORMAL or as ZERO', () => {
    const pages = launchOf(readIgvm(example()));
    expect(hex(launchDigest(pages))).toBe(
      '9f5126910f912171bc632af8b3cae2e6655df1b83a9b086366c426941f9e79e9dbfd3592817bc03650688c2574cd9b06',
    );
    const native = pages.map((page) =>
      page.gpa === 0x11000n ? { ...page, type: Launch.ZERO } : page,
    );
    expect(hex(launchDigest(native))).toBe(
      'f95c6673e472daef078f5cc88d096f3583b05ec9fb68b6d02c77f9cc886c021cc8bb5c4dc2d6774a8f0f210506585cd8',
    );
  });

  it('of version 2 tells architecture and page size, and keeps the checksum over both', () => {
    const writer = new IgvmWriter(2);
    writer.platform(2, Igvm.PLATFORM_NATIVE);
    writer.page(2, 0x1000n, Igvm.DATA_NORMAL, new Uint8Array(PAGE_SIZE).fill(1));
    const file = writer.finish();
    expect(view(IgvmHeader, file)).toMatchObject({ variableHeaderOffset: 32, pageSize: 4096 });
    expect(readIgvm(file).version).toBe(2);
  });

  it('puts the pages of a parameter area in the launch unmeasured, where they are inserted', () => {
    const writer = new IgvmWriter(2);
    writer.platform(1, Igvm.PLATFORM_SNP);
    writer.platform(2, Igvm.PLATFORM_NATIVE);
    writer.parameterArea(0, [[Igvm.MEMORY_MAP, 0]]);
    writer.parameterInsert(3, 0x5000n, 0);
    writer.page(3, 0x1000n, Igvm.DATA_NORMAL, new Uint8Array(PAGE_SIZE).fill(1));
    writer.page(2, 0x2000n, Igvm.DATA_NORMAL, new Uint8Array(PAGE_SIZE).fill(2));
    const pages = launchOf(readIgvm(writer.finish()));
    expect(pages.map(({ gpa, type }) => [gpa, type])).toEqual([
      [0x5000n, Launch.UNMEASURED],
      [0x1000n, Launch.NORMAL],
    ]);
  });
});

describe('readIgvm', () => {
  it('leaves the bytes as they are, those of a Buffer too', () => {
    const file = Buffer.from(example());
    readIgvm(file);
    expect(file.equals(example())).toBe(true);
  });

  it.each([
    ['a file cut short', (file: Uint8Array) => file.slice(0, -1), /size is not as stated/],
    ['no IGVM file', (file: Uint8Array) => file.fill(0, 0, 4), /not an IGVM file/],
    ['a changed header', (file: Uint8Array) => file.fill(9, 40, 41), /checksum/],
    ['an empty file', () => new Uint8Array(), /too short/],
  ])('refuses %s', (_name, damage, message) => {
    expect(() => readIgvm(damage(example()))).toThrow(message);
  });
});
