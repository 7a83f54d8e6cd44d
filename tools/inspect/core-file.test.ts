import { describe, expect, it } from 'vitest';
import * as Note from '../../spec/abi/dump-note.ts';
import { PLATFORM_SNP } from '../../spec/abi/platform.ts';
import { UserError } from '../errors.ts';
import { readDump } from './dump.ts';
import { type Sample, sampleCore } from './sample-core.ts';
import { bytesSource } from './source.ts';

const page = (fill: number) => new Uint8Array(4096).fill(fill);

function sample(): Sample {
  return sampleCore(PLATFORM_SNP, [
    { gpa: 0x1000, bytes: page(1), state: Note.PAGE_PRIVATE, flags: Note.PAGE_WRITTEN },
    { gpa: 0x2000, bytes: page(2), state: Note.PAGE_SHARED },
    { gpa: 0x8000, bytes: page(3), state: Note.PAGE_PRIVATE },
  ]);
}

const read = (file: Uint8Array) => readDump(bytesSource(file));

describe('a dump', () => {
  it('gives its mode, its memory in order, and the kind of every page', () => {
    const dump = read(sample().file);
    expect(dump.mode).toBe('snp');
    expect(dump.pages).toBe(3);
    expect(dump.runs).toEqual([
      { gpa: 0x1000, pages: 1, kind: 'written' },
      { gpa: 0x2000, pages: 1, kind: 'shared' },
      { gpa: 0x8000, pages: 1, kind: 'untouched' },
    ]);
    const [first] = dump.segments;
    expect(dump.source.read(first?.offset ?? 0, 2)).toEqual(Uint8Array.of(1, 1));
  });

  it('may hold segments in any order', () => {
    const { file, programs } = sample();
    const [, a, b] = programs;
    if (!a || !b) throw new Error('a sample has three segments');
    const [first, second] = [{ ...a }, { ...b }];
    Object.assign(a, second);
    Object.assign(b, first);
    expect(read(file).segments.map(({ gpa }) => gpa)).toEqual([0x1000, 0x2000, 0x8000]);
  });
});

type Spoil = (sample: Sample) => void;

/** Spoils the n-th PT_LOAD of a sample; the first program header is the note's. */
const load =
  (n: number, fields: object): Spoil =>
  ({ programs }) =>
    Object.assign(programs[n] as object, fields);

const run =
  (n: number, fields: object): Spoil =>
  ({ runs }) =>
    Object.assign(runs[n] as object, fields);

describe('a bad file is refused with what is wrong with it', () => {
  const cases: [what: string, spoil: Spoil, message: RegExp][] = [
    ['no magic number', ({ header }) => Object.assign(header, { magic: 1 }), /magic number/],
    ['a 32-bit file', ({ header }) => Object.assign(header, { class: 1 }), /64-bit/],
    ['a big-endian file', ({ header }) => Object.assign(header, { data: 2 }), /little-endian/],
    ['an executable', ({ header }) => Object.assign(header, { type: 2 }), /not a core file/],
    ['another machine', ({ header }) => Object.assign(header, { machine: 183 }), /x86-64/],
    ['odd program headers', ({ header }) => Object.assign(header, { programSize: 32 }), /32 bytes/],
    ['PN_XNUM', ({ header }) => Object.assign(header, { programCount: 0xffff }), /too many/],
    ['more headers than file', ({ header }) => Object.assign(header, { programCount: 999 }), /end/],
    ['headers far away', ({ header }) => Object.assign(header, { programs: 2n ** 63n }), /end/],
    ['memory beyond the file', load(1, { offset: 0x10_0000n }), /end of the file/],
    ['an offset that wraps', load(1, { offset: 2n ** 64n - 4096n }), /end of the file/],
    ['a virtual address', load(1, { virtual: 0x7000n }), /virtual address/],
    ['half a segment', load(1, { memorySize: 0x2000n }), /in full/],
    ['half a page', load(1, { fileSize: 2048n, memorySize: 2048n }), /whole pages/],
    ['a crooked address', load(1, { physical: 8n, virtual: 8n }), /whole pages/],
    [
      'an address of 53 bits',
      load(3, { physical: 2n ** 52n, virtual: 2n ** 52n }),
      /end of physical memory/,
    ],
    ['memory given twice', load(2, { physical: 0x1000n, virtual: 0x1000n }), /of memory/],
    [
      'file bytes used twice',
      ({ programs: [, a, b] }) => Object.assign(b ?? {}, { offset: a?.offset }),
      /of the file/,
    ],
    ['a note cut off', ({ noteHead }) => Object.assign(noteHead, { nameSize: 2 ** 31 }), /cut off/],
    [
      'a long description',
      ({ noteHead }) => Object.assign(noteHead, { descriptionSize: 0xffff_fff0 }),
      /cut off/,
    ],
    ['no note of ours', ({ noteHead }) => Object.assign(noteHead, { type: 9 }), /found 0/],
    ['another version', ({ note }) => Object.assign(note, { version: 2 }), /version 2/],
    ['another mode', ({ note }) => Object.assign(note, { mode: 9 }), /mode 9/],
    ['more runs than bytes', ({ note }) => Object.assign(note, { runCount: 2 ** 31 }), /runs that/],
    ['a run of nothing', run(0, { pages: 0 }), /run of 0 pages/],
    ['a run beyond memory', run(2, { frame: 2n ** 40n }), /run of 1 pages/],
    ['an unknown state', run(0, { state: 7 }), /state 7/],
    ['runs out of order', run(2, { frame: 1n }), /out of order/],
    ['pages without a state', run(2, { frame: 9n }), /not those of the memory/],
  ];

  it.each(cases)('%s', (_, spoil, message) => {
    const made = sample();
    spoil(made);
    expect(() => read(made.file)).toThrow(UserError);
    expect(() => read(made.file)).toThrow(message);
  });

  it('whatever its length is', () => {
    const { file } = sample();
    for (let length = 0; length < file.length; length += 7) {
      expect(() => read(file.subarray(0, length)), `${length} bytes`).toThrow(UserError);
    }
  });

  it('whatever single byte of its headers is another', () => {
    const clean = sample();
    const headers = clean.file.length - 3 * 4096;
    for (let at = 0; at < headers; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const file = clean.file.slice();
        file[at] = value;
        // It may still be a dump. It must not be anything but a dump or a UserError.
        try {
          read(file);
        } catch (error) {
          expect(error, `byte ${at} = ${value}`).toBeInstanceOf(UserError);
        }
      }
    }
  });
});
