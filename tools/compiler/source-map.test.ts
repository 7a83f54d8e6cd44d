import { describe, expect, it } from 'vitest';
import { assembleModule, flagsFor } from './assemblyscript.ts';
import { readSourceMap } from './source-map.ts';

describe('readSourceMap', () => {
  it('gives each column up to the next the place of its segment', () => {
    // Columns 0, 10 (source 1, line 7), 26 (no source), 27 (source 0, line 1).
    const map = readSourceMap(
      JSON.stringify({ version: 3, sources: ['a.ts', 'b.ts'], mappings: 'AAEA,UCIA,gB,CDNA' }),
    );
    expect(map(0)).toEqual({ file: 'a.ts', line: 3 });
    expect(map(9)).toEqual({ file: 'a.ts', line: 3 });
    expect(map(10)).toEqual({ file: 'b.ts', line: 7 });
    expect(map(400)).toEqual({ file: 'a.ts', line: 1 });
  });

  it('knows no place before the first segment', () => {
    const map = readSourceMap(JSON.stringify({ version: 3, sources: ['a.ts'], mappings: 'UAAA' }));
    expect(map(9)).toBeUndefined();
  });

  it('finds the line of a division that asc compiled', async () => {
    const text = 'export function f(n: i32): i32 {\n  n += 1;\n  return 100 / n;\n}\n';
    const { wasm, sourceMap } = await assembleModule('made.ts', {
      sources: new Map([['made.ts', text]]),
      flags: flagsFor.kernel,
    });
    const division = wasm.lastIndexOf(0x6d);
    expect(readSourceMap(sourceMap ?? '')(division)).toEqual({ file: 'made.ts', line: 3 });
  });

  it('refuses what is no source map', () => {
    expect(() => readSourceMap('{"version":2}')).toThrow(RangeError);
    expect(() => readSourceMap('{"version":3,"sources":[],"mappings":"A!"}')).toThrow(/"!"/);
    expect(() => readSourceMap('{"version":3,"sources":[],"mappings":"AAAA"}')).toThrow(RangeError);
  });
});
