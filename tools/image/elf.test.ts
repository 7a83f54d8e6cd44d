import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { view } from '../../spec/layout.ts';
import { ElfHeader, ElfProgram } from '../../spec/layouts/elf.ts';
import { witness } from '../../test/witness.ts';
import { writeElf } from './elf.ts';

const text = Uint8Array.of(0xf4, 0x90, 0xeb, 0xfc);
const file = writeElf(
  [
    {
      name: '.text',
      gpa: 0x10_0000,
      va: 0xffff_ffff_8010_0000n,
      bytes: text,
      size: 0x1000,
      writable: false,
      executable: true,
    },
    {
      name: '.data',
      gpa: 0x10_1000,
      va: 0xffff_ffff_8010_1000n,
      bytes: Uint8Array.of(1, 2, 0, 0),
      size: 0x2000,
      writable: true,
      executable: false,
    },
    {
      name: '.stack',
      gpa: 0x20_0000,
      va: 0xffff_ffff_8020_0000n,
      bytes: new Uint8Array(16),
      size: 0x1000,
      writable: true,
      executable: false,
    },
  ],
  0x10_0002,
);

/** What `program` prints about the file. */
function ask(program: string, ...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-elf-'));
  try {
    const path = join(folder, 'image.elf');
    writeFileSync(path, file);
    return execFileSync(program, [...args, path], { encoding: 'utf8', stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const readelf = witness('readelf');
const objdump = witness('objdump');

describe('writeElf', () => {
  it('keeps offsets in the file congruent to addresses, and trailing zeros out of it', () => {
    const { programs, programCount } = view(ElfHeader, file);
    const loads = Array.from({ length: programCount }, (_, i) =>
      view(ElfProgram, file, Number(programs) + i * ElfProgram.size),
    ).slice(1);
    expect(loads.map(({ fileSize, memorySize }) => [fileSize, memorySize])).toEqual([
      [4n, 0x1000n],
      [2n, 0x2000n],
      [0n, 0x1000n],
    ]);
    for (const { offset, virtual, alignment } of loads) {
      expect(offset % alignment).toBe(virtual % alignment);
    }
    expect(file.subarray(Number(loads[0]?.offset)).subarray(0, 4)).toEqual(text);
  });

  it.skipIf(!readelf)('is clean to readelf, which finds the entry in the note (readelf)', () => {
    const report = ask('readelf', '-aW');
    expect(report).not.toMatch(/warning|error/i);
    expect(report).toMatch(/Xen\s+0x00000008\s+Unknown note type: \(0x00000012\)/);
    expect(report).toMatch(/description data: 02 00 10 00 00 00 00 00/);
    expect(report).toMatch(
      /LOAD\s+0x001000 0xffffffff80100000 0x0000000000100000 0x000004 0x001000 R E 0x1000/,
    );
    expect(report).toMatch(
      /LOAD\s+\S+ 0xffffffff80101000 0x0000000000101000 0x000002 0x002000 RW /,
    );
  });

  it.skipIf(!objdump)('has a text that objdump disassembles (objdump)', () => {
    expect(ask('objdump', '-d')).toMatch(/ffffffff80100000:\s+f4\s+hlt/);
  });
});
