import { describe, expect, it } from 'vitest';
import * as Note from '../../spec/abi/dump-note.ts';
import { PLATFORM_SNP } from '../../spec/abi/platform.ts';
import { type Dump, readDump } from './dump.ts';
import { htmlReport } from './html.ts';
import { sampleCore } from './sample-core.ts';
import { type Scan, scan } from './scan.ts';
import { bytesSource } from './source.ts';

const hostile = '<script>alert("1")</script>';

function report(words: string, find: string[], pages = 4): string {
  const shared = new Uint8Array(4096);
  shared.set(new TextEncoder().encode(words), 16);
  const { file } = sampleCore(PLATFORM_SNP, [
    { gpa: 0, bytes: shared, state: Note.PAGE_SHARED },
    { gpa: 0x1000, bytes: new Uint8Array(pages * 4096), state: Note.PAGE_PRIVATE },
  ]);
  const dump: Dump = readDump(bytesSource(file));
  const found: Scan = scan(dump, find);
  return htmlReport('a<b>.core', dump, found);
}

const count = (page: string, part: string) => page.split(part).length - 1;

describe('the page of inspect --html', () => {
  it('takes nothing from memory, file name or search text as markup', () => {
    const page = report(hostile, [hostile]);
    expect(page).not.toContain('<script');
    expect(page).not.toContain('a<b>');
    expect(page).toContain('&lt;script&gt;');
  });

  it('refers to nothing outside itself and runs no script', () => {
    const page = report('words here', ['words']);
    expect(page).not.toMatch(/\b(src|href|url)\s*[=(]|@import|https?:/);
    expect(page).toContain("default-src 'none'");
  });

  it('marks a page with a hit in every picture that shows it', () => {
    const page = report('words here', ['words'], 1024);
    expect(count(page, 'class="map"')).toBe(4);
    expect(count(page, '<circle class="mark"')).toBe(4);
    expect(count(report('words here', ['absent'], 1024), '<circle')).toBe(0);
  });

  it('draws every page in the map by state, once', () => {
    const [map] = report('words here', [], 300).match(/<svg class="map"[\s\S]*?<\/svg>/) ?? [''];
    const widths = [...map.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
    expect(widths.reduce((sum, width) => sum + width, 0)).toBe(301 * 4);
  });
});
