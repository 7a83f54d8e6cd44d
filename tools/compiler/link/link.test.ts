import { describe, expect, it } from 'vitest';
import type { ObjectRelocation, RelocationKind } from '../object.ts';
import { type LinkInput, place } from './place.ts';
import { relocate } from './relocate.ts';
import { defineSymbols, type SymbolTable } from './symbols.ts';

const TOP = -0x8000_0000;

/** An object of 16 bytes of text that starts with a field to relocate, against `symbol`. */
function object(instance: string, symbol?: string, kind: RelocationKind = 'rel32', addend = 0) {
  const relocation: ObjectRelocation | undefined = symbol
    ? { section: 'text', offset: 4, kind, symbol, addend }
    : undefined;
  return {
    instance,
    sections: { text: { bytes: new Uint8Array(16).fill(0x90), align: 16 } },
    symbols: [{ name: `${instance}!f`, section: 'text', offset: 2, size: 4, kind: 'function' }],
    relocations: relocation ? [relocation] : [],
  } as const satisfies LinkInput;
}

function link(inputs: LinkInput[], base: number, more: [string, number][] = []): DataView {
  const placement = place(inputs, 'text');
  const symbols: SymbolTable = new Map(more);
  defineSymbols(symbols, placement, base);
  return new DataView(relocate(placement, base, symbols).buffer);
}

describe('place', () => {
  it('lines up sections at the alignment that each asks for', () => {
    const small = { ...object('a'), sections: { text: { bytes: new Uint8Array(3), align: 1 } } };
    const large = { ...object('b'), sections: { text: { bytes: new Uint8Array(5), align: 64 } } };
    const placement = place([small, large], 'text');
    expect([...placement.offsets.values()]).toEqual([0, 64]);
    expect(placement).toMatchObject({ size: 69, align: 64 });
    expect(place([small], 'data')).toMatchObject({ size: 0, align: 1 });
  });

  it('fills the gaps in text with int3', () => {
    const small = { ...object('a'), sections: { text: { bytes: new Uint8Array(3), align: 1 } } };
    const view = link([small, object('b')], 0);
    expect(view.getUint8(2)).toBe(0);
    expect(view.getUint8(3)).toBe(0xcc);
  });
});

describe('relocate', () => {
  it('writes the distance from the field to a symbol of another object', () => {
    const view = link([object('a', 'b!f', 'rel32', -4), object('b')], TOP + 0x10_8000);
    expect(view.getInt32(4, true)).toBe(16 + 2 - 4 - 4);
  });

  it('writes the address of the high half in 64 bits', () => {
    const view = link([object('a', 'b!f', 'abs64'), object('b')], TOP + 0x10_8000);
    expect(view.getBigUint64(4, true)).toBe(0xffff_ffff_8010_8012n);
  });

  it('writes a high address sign-extended, and its place with 80000000h added', () => {
    const signed = link([object('a', 'b!f', 'abs32s'), object('b')], TOP + 0x10_8000);
    expect(signed.getUint32(4, true)).toBe(0x8010_8012);
    const inputs = [object('a', 'b!f', 'abs32', 0x8000_0000), object('b')];
    expect(link(inputs, TOP + 0x10_8000).getUint32(4, true)).toBe(0x10_8012);
  });

  it('refuses a value that the field cannot hold', () => {
    expect(() => link([object('a', 'b!f', 'abs32'), object('b')], TOP)).toThrow(
      'unlinkable: a refers to b!f, which is out of reach of abs32',
    );
    expect(() => link([object('a', 'far', 'rel32')], 0, [['far', TOP - 64]])).toThrow(
      'out of reach of rel32',
    );
    expect(() => link([object('a', 'far', 'abs32s')], 0, [['far', 0x8000_0000]])).toThrow(
      'out of reach of abs32s',
    );
  });

  it('names the object that refers to a symbol which is not there', () => {
    expect(() => link([object('a', 'b!g')], 0)).toThrow(
      'unlinkable: a refers to b!g, which is defined nowhere',
    );
  });

  it('refuses a symbol that two objects define', () => {
    expect(() => link([object('a'), object('a')], 0)).toThrow('unlinkable: a!f is defined twice');
  });
});
