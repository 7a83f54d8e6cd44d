import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Note from '../../spec/abi/dump-note.ts';
import { PLATFORM_SNP } from '../../spec/abi/platform.ts';
import { view } from '../../spec/layout.ts';
import { Ghcb } from '../../spec/layouts/ghcb.ts';
import { describeContent } from './content.ts';
import { type Dump, readDump } from './dump.ts';
import { pageEntropy } from './entropy.ts';
import { Finder } from './finder.ts';
import { sampleCore } from './sample-core.ts';
import { scan } from './scan.ts';
import { bytesSource } from './source.ts';
import { regions, summarize } from './summary.ts';

const PAGE = 4096;
const text = (at: number, words: string, pages = 1) => {
  const bytes = new Uint8Array(pages * PAGE);
  bytes.set(new TextEncoder().encode(words), at);
  return bytes;
};

describe('entropy of a page', () => {
  it('is 0 for one value and 8 for all values equally often', () => {
    expect(pageEntropy(new Uint8Array(PAGE).fill(7))).toBe(0);
    expect(pageEntropy(Uint8Array.from({ length: PAGE }, (_, i) => i))).toBeCloseTo(8, 12);
  });

  it('is 1 for two values equally often', () => {
    expect(pageEntropy(Uint8Array.from({ length: PAGE }, (_, i) => i % 2))).toBeCloseTo(1, 12);
  });

  it('is above 7.9 for random bytes', () => {
    expect(pageEntropy(randomFillSync(new Uint8Array(PAGE)))).toBeGreaterThan(7.9);
  });
});

describe('a text', () => {
  const places = (pieces: [number, string][], ...texts: string[]) => {
    const finder = new Finder(texts);
    for (const [gpa, piece] of pieces) finder.feed(gpa, new TextEncoder().encode(piece));
    return finder.found.map(({ gpa }) => gpa);
  };

  it('is found each time that it occurs, overlapping or not', () => {
    expect(places([[0, 'abaXaba.ababa']], 'aba')).toEqual([0, 4, 8, 10]);
  });

  it('is found where it runs from one piece of memory into the next, once', () => {
    const pieces: [number, string][] = [
      [0, 'xxpass'],
      [6, 'wo'],
      [8, 'rd.password'],
    ];
    expect(places(pieces, 'password')).toEqual([2, 11]);
  });

  it('is not found across a gap in memory', () => {
    const pieces: [number, string][] = [
      [0, 'xxpass'],
      [7, 'word'],
    ];
    expect(places(pieces, 'password')).toEqual([]);
  });

  it('may be given twice and is found once', () => {
    expect(places([[0, '..é']], 'é', 'é')).toEqual([2]);
  });
});

describe('what a shared page holds', () => {
  it('is nothing for zeros', () => {
    expect(describeContent(new Uint8Array(PAGE))).toBe('');
  });

  it('is its longest texts and how much is in use', () => {
    expect(describeContent(text(100, 'luggage\0\x01\x02packed now'))).toBe(
      '"packed now", "luggage", 19 bytes not zero',
    );
  });

  it.each([0, 0xffff_ffff])(
    'is a GHCB by version and usage %i, with the last event by name',
    (usage) => {
      const page = new Uint8Array(PAGE);
      Object.assign(view(Ghcb, page), { version: 2, usage, swExitCode: 0x8000_0010n });
      expect(describeContent(page)).toMatch(/^GHCB version 2, last event PAGE_STATE_CHANGE, /);
    },
  );
});

describe('one pass over a dump', () => {
  const dump = (): Dump =>
    readDump(
      bytesSource(
        sampleCore(PLATFORM_SNP, [
          { gpa: 0, bytes: text(4090, 'my password', 2), state: Note.PAGE_PRIVATE, flags: 1 },
          { gpa: 0x2000, bytes: text(0, '', 2), state: Note.PAGE_SHARED },
          { gpa: 0x4000, bytes: text(8, 'password'), state: Note.PAGE_SHARED },
          { gpa: 0x5000, bytes: text(0, 'ab'), state: Note.PAGE_HYPERVISOR },
        ]).file,
      ),
    );

  it('finds texts with the kind of their page', () => {
    const { hits, counts } = scan(dump(), ['password', 'absent']);
    expect(hits).toEqual([
      { text: 'password', gpa: 4093, kind: 'written' },
      { text: 'password', gpa: 0x4008, kind: 'shared' },
    ]);
    expect(Object.fromEntries(counts)).toEqual({ password: 2, absent: 0 });
  });

  it('lists what shared pages hold, zeros in one row', () => {
    const { shared } = scan(dump(), []);
    expect(shared).toMatchObject([
      { gpa: 0x2000, pages: 2, what: '' },
      { gpa: 0x4000, pages: 1, what: '"password", 8 bytes not zero' },
    ]);
  });

  it('gives sums for each kind, and regions that are as long as can be', () => {
    const made = dump();
    const found = scan(made, []);
    const pages = summarize(made, found).map(({ kind, pages }) => [kind, pages]);
    expect(Object.fromEntries(pages)).toEqual({
      written: 2,
      untouched: 0,
      shared: 3,
      unvalidated: 0,
      hypervisor: 1,
    });
    expect(regions(made, found).map(({ gpa, pages }) => [gpa, pages])).toEqual([
      [0, 2],
      [0x2000, 3],
      [0x5000, 1],
    ]);
    const [written] = summarize(made, found);
    const expected = [0, 1].map((i) =>
      pageEntropy(text(4090, 'my password', 2).subarray(i * PAGE, (i + 1) * PAGE)),
    );
    expect(written?.entropy.least).toBeCloseTo(Math.min(...expected), 5);
    expect(written?.entropy.most).toBeCloseTo(Math.max(...expected), 5);
  });
});
