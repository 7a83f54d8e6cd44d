import { describe, expect, it } from 'vitest';
import { type Linkable, type Placements, place, relocate, symbolTable } from './link-sections.ts';
import type { ObjectRelocation, RelocationKind } from './object.ts';

const empty = { bytes: new Uint8Array(), align: 1 };

/** A part with 16 bytes of text at the symbol `name`, and relocations at their start. */
function part(name: string, relocations: readonly ObjectRelocation[] = [], align = 16): Linkable {
  return {
    sections: { text: { bytes: new Uint8Array(16), align }, rodata: empty, data: empty },
    symbols: [{ name, section: 'text', offset: 4, size: 8, kind: 'function' }],
    relocations,
  };
}

const to = (symbol: string, kind: RelocationKind, addend = 0): ObjectRelocation => ({
  section: 'text',
  offset: 0,
  kind,
  symbol,
  addend,
});

function link(parts: readonly Linkable[], text: bigint, defined = new Map<string, bigint>()) {
  const placements: Placements = {
    text: place('text', parts, text),
    rodata: place('rodata', parts, 0n),
    data: place('data', parts, 0n),
  };
  const symbols = symbolTable(placements, parts, defined);
  relocate(placements, parts, symbols);
  return { bytes: new DataView(placements.text.bytes.buffer), symbols };
}

describe('linking sections', () => {
  it('places each part at its alignment and gives its symbols their addresses', () => {
    const small: Linkable = {
      sections: { text: { bytes: Uint8Array.of(0xc3), align: 1 } },
      symbols: [],
      relocations: [],
    };
    const { symbols } = link([small, part('a'), small, part('b', [], 64)], 0x40_0000n);
    expect(symbols.get('a')).toBe(0x40_0014n);
    expect(symbols.get('b')).toBe(0x40_0044n);
  });

  it('applies each kind of relocation with its addend', () => {
    const first = part('a', [to('b', 'rel32', -4)]);
    expect(link([first, part('b')], 0x40_0000n).bytes.getInt32(0, true)).toBe(0x14 - 4);
    const high = 0xffff_ffff_8000_0000n;
    const wide = link([part('a', [to('a', 'abs64', 1)])], high);
    expect(wide.bytes.getBigUint64(0, true)).toBe(high + 5n);
    const signed = link([part('a', [to('a', 'abs32s')])], high);
    expect(signed.bytes.getInt32(0, true)).toBe(-0x8000_0000 + 4);
    const number = new Map([['type!()->()', 7n]]);
    const unsigned = link([part('a', [to('type!()->()', 'abs32')])], high, number);
    expect(unsigned.bytes.getUint32(0, true)).toBe(7);
  });

  it('gives 32-bit code the distance from the top 2 GiB, and traps a jump into a gap', () => {
    const high = 0xffff_ffff_8000_0000n;
    const small: Linkable = {
      sections: { text: { bytes: Uint8Array.of(0xc3), align: 1 } },
      symbols: [],
      relocations: [],
    };
    const { bytes } = link([small, part('a', [to('a', 'abs32', 0x8000_0000)])], high);
    expect(bytes.getUint8(1)).toBe(0xcc);
    expect(bytes.getUint32(16, true)).toBe(0x14);
  });

  it('refuses a value that its field cannot hold', () => {
    const far = new Map([['far', 0x1_0000_0000n]]);
    for (const kind of ['rel32', 'abs32', 'abs32s'] as const) {
      expect(() => link([part('a', [to('far', kind)])], 0x1000n, far)).toThrow(RangeError);
    }
  });

  it('names a symbol that is missing, or defined twice', () => {
    expect(() => link([part('a', [to('b', 'rel32')])], 0n)).toThrow('symbol b is not defined');
    expect(() => link([part('a'), part('a')], 0n)).toThrow('symbol a is defined twice');
  });

  it('refuses an address that the parts are not aligned at', () => {
    expect(() => link([part('a', [], 64)], 0x1010n)).toThrow(RangeError);
  });
});
