import { describe, expect, it } from 'vitest';
import { UserError } from '../../errors.ts';
import { parseElf } from './elf.ts';
import { elfFile } from './test-images.ts';

describe('an ELF file', () => {
  const code = Uint8Array.of(0xf4, 0x90);

  it('gives its segments with their zero tails, and the entry of its PVH note', () => {
    const image = parseElf(
      elfFile({ entry: 0x10_0001, segments: [{ gpa: 0x10_0000, code, size: 9 }] }),
    );
    expect(image.entry).toBe(0x10_0001);
    expect(image.segments).toEqual([{ gpa: 0x10_0000, bytes: code, size: 9 }]);
  });

  it('is refused without a PVH note, cut off, or for another machine', () => {
    const good = elfFile({ entry: 0, segments: [{ gpa: 0, code }] });
    expect(() => parseElf(elfFile({ segments: [{ gpa: 0, code }] }))).toThrow(/PVH note/);
    expect(() => parseElf(good.subarray(0, 100))).toThrow(UserError);
    expect(() => parseElf(good.subarray(0, good.length - 1))).toThrow(/outside/);
    const arm = good.slice();
    arm[0x12] = 183;
    expect(() => parseElf(arm)).toThrow(/machine 183/);
  });

  it('is refused or read, but never breaks the reader, whatever one byte of it says', () => {
    const good = elfFile({ entry: 0, segments: [{ gpa: 0, code }] });
    for (let at = 0; at < good.length; at++) {
      for (const value of [0x00, 0x7f, 0x80, 0xff]) {
        const file = good.slice();
        file[at] = value;
        try {
          parseElf(file);
        } catch (error) {
          expect(error, `byte ${at} = ${value}`).toBeInstanceOf(UserError);
        }
      }
    }
  });
});
