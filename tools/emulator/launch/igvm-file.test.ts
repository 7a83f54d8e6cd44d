import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Igvm from '../../../spec/igvm.ts';
import { UserError } from '../../errors.ts';
import { parseIgvm } from './igvm-file.ts';
import {
  igvmFile,
  POLICY,
  pageData,
  publishedFile,
  SNP_PLATFORM,
  sealed,
  type TestHeader,
} from './test-images.ts';

const PAGES = new Uint8Array(2 * 4096).fill(0xaa);

describe('an IGVM file', () => {
  it('is read as the format says', () => {
    const file = publishedFile();
    const digest = createHash('sha256').update(file).digest('hex');
    expect(digest).toBe('5097700e12d76606cb3828f6ed50fb85758db929da11d460ea8561604ed92d62');
    const { platforms, policies, directives } = parseIgvm(Buffer.from(file));
    expect(platforms).toEqual([{ mask: 1, type: Igvm.PLATFORM_SNP }]);
    expect(policies).toEqual([{ mask: 1, policy: 0x3_0000n }]);
    expect(directives.map(({ kind }) => kind)).toEqual(['page', 'page', 'page', 'page', 'context']);
    expect(directives[0]).toMatchObject({ gfn: 0x10, dataType: 0, flags: 0 });
    expect(directives[4]).toMatchObject({ gpa: 0xffff_ffff_f000n, vp: 0 });
  });

  it.each<[string, readonly TestHeader[], RegExp]>([
    ['no platform', [POLICY], /no platform/],
    [
      'two mask bits in a platform',
      [[Igvm.SUPPORTED_PLATFORM, 3, 0x0001_0200, 0, 0]],
      /one mask bit/,
    ],
    ['a platform twice', [SNP_PLATFORM, [Igvm.SUPPORTED_PLATFORM, 2, 0x0001_0200, 0, 0]], /twice/],
    [
      'two platforms with one mask',
      [SNP_PLATFORM, [Igvm.SUPPORTED_PLATFORM, 1, 0x0001_0000, 0, 0]],
      /share/,
    ],
    [
      'a shared boundary without encryption',
      [[Igvm.SUPPORTED_PLATFORM, 1, 0x0001_0000, 0, 1]],
      /boundary/,
    ],
    ['headers out of order', [SNP_PLATFORM, pageData(0, 0), POLICY], /order/],
    ['an unknown type', [SNP_PLATFORM, [0x3ff, 0, 0]], /not support|unknown/],
    ['a type of no section', [SNP_PLATFORM, [0x250, 0, 0]], /unknown/],
    ['a header of the wrong size', [SNP_PLATFORM, [Igvm.GUEST_POLICY, 0, 0]], /bytes/],
    [
      'reserved bits in the policy',
      [SNP_PLATFORM, [Igvm.GUEST_POLICY, 0x3_0000, 0, 1, 1]],
      /reserved/,
    ],
    ['a page that is not aligned', [SNP_PLATFORM, pageData(0x10, 0)], /aligned/],
    ['reserved flags on a page', [SNP_PLATFORM, pageData(0, 0, 0, 8)], /reserved/],
    ['an unknown kind of data', [SNP_PLATFORM, pageData(0, 0, 4)], /data type/],
    ['page data outside of the file', [SNP_PLATFORM, pageData(0, 0xffff_f000)], /cut off/],
    [
      'an area that is not whole pages',
      [SNP_PLATFORM, [Igvm.PARAMETER_AREA, 100, 0, 0, 0]],
      /area 0/,
    ],
    ['an area twice', [SNP_PLATFORM, area(0), area(0)], /declared twice/],
    ['a parameter without its area', [SNP_PLATFORM, [Igvm.VP_COUNT, 0, 0]], /not declared/],
    [
      'a parameter after its area was inserted',
      [SNP_PLATFORM, area(0), insert(0), [Igvm.VP_COUNT, 0, 0]],
      /after/,
    ],
    [
      'a parameter outside of its area',
      [SNP_PLATFORM, area(0), [Igvm.VP_COUNT, 0, 4096]],
      /outside/,
    ],
    ['an area inserted twice', [SNP_PLATFORM, area(0), insert(0), insert(0)], /after/],
  ])('is refused for %s', (_why, headers, message) => {
    const file = igvmFile(headers, PAGES);
    expect(() => parseIgvm(file)).toThrow(UserError);
    expect(() => parseIgvm(file)).toThrow(message);
  });

  it('is left as it was by reading it', () => {
    const file = Buffer.from(publishedFile());
    parseIgvm(file);
    expect(new Uint8Array(file)).toEqual(publishedFile());
  });

  it('names the header that the loader does not have', () => {
    const file = igvmFile([SNP_PLATFORM, [Igvm.MADT, 0, 0]], PAGES);
    expect(() => parseIgvm(file)).toThrow(/MADT/);
  });

  it('is refused if its checksum, its size or its version is wrong', () => {
    const good = publishedFile();
    const changed = (at: number, value: number) => {
      const file = good.slice();
      file[at] = value;
      return file;
    };
    expect(() => parseIgvm(changed(0x14, 0))).toThrow(/checksum/);
    expect(() => parseIgvm(changed(24 + 8, 2))).toThrow(/checksum/);
    expect(() => parseIgvm(changed(4, 3))).toThrow(/version/);
    expect(() => parseIgvm(good.subarray(0, good.length - 1))).toThrow(/size/);
    expect(() => parseIgvm(sealed(changed(0x0c, 0)))).toThrow(/no platform/);
  });

  it('is refused if nothing follows its headers', () => {
    const file = igvmFile([SNP_PLATFORM], new Uint8Array(0));
    expect(() => parseIgvm(file)).toThrow(/cut off/);
  });

  it('is refused or read, but never breaks the reader, whatever one byte of its headers says', () => {
    const good = publishedFile();
    for (let at = 0; at < 24 + 0xd0; at++) {
      for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        const file = good.slice();
        file[at] = value;
        const end = new DataView(file.buffer);
        const size = end.getUint32(8, true) + end.getUint32(12, true);
        try {
          parseIgvm(size <= file.length ? sealed(file) : file);
        } catch (error) {
          expect(error, `byte ${at} = ${value}`).toBeInstanceOf(UserError);
        }
      }
    }
  });
});

function area(index: number): TestHeader {
  return [Igvm.PARAMETER_AREA, 4096, 0, index, 0];
}

function insert(index: number): TestHeader {
  return [Igvm.PARAMETER_INSERT, 0x1000, 0, 1, index];
}
