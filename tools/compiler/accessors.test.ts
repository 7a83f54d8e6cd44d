import { describe, expect, it } from 'vitest';
import {
  array,
  bits,
  bytes,
  layout,
  sharedLayout,
  struct,
  u8,
  u16,
  u32,
  u64,
  view,
} from '../../spec/layout.ts';
import { accessors, type LayoutModule } from './accessors.ts';
import { assembleModule } from './assemblyscript.ts';

const Inner = layout('Inner', 8, { word: u64(0), low: bits(0, 4, 12), high: bits(0, 52, 4) });
const Outer = layout('Outer', 64, {
  byte: u8(0),
  half: u16(2),
  single: u32(4),
  name: bytes(8, 8),
  one: struct(16, () => Inner),
  many: array(24, () => Inner, 4),
});
const Shared = sharedLayout('Shared', 16, { flag: u32(0), word: u64(8), part: bits(8, 8, 8) });

/** The exports of `source`, which is compiled beside `made/layouts.ts`: the accessors of `tables`. */
async function compiled(tables: LayoutModule, source: string, imports = {}) {
  const text = accessors(tables, () => './elsewhere');
  const { wasm } = await assembleModule('made/use.ts', {
    sources: new Map([
      ['made/layouts.ts', text],
      ['made/use.ts', `import * as L from './layouts';\n${source}`],
    ]),
    flags: ['--initialMemory', '1'],
  });
  const { instance } = await WebAssembly.instantiate(wasm, imports);
  return instance.exports as { memory: WebAssembly.Memory } & Record<
    string,
    (...args: (number | bigint)[]) => number | bigint
  >;
}

describe('accessors', () => {
  it('write in AssemblyScript what TypeScript reads', async () => {
    const { memory, fill } = await compiled(
      { Inner, Outer },
      `export function fill(p: usize): usize {
        const outer = changetype<L.Outer>(p);
        outer.byte = 0x12; outer.half = 0x3456; outer.single = 0x789abcde;
        store<u8>(outer.name, 65, 7);
        outer.one.word = ~u64(0); outer.one.low = 0x123;
        outer.many(3).high = 5;
        return L.Outer.SIZE;
      }`,
    );
    expect(fill?.(1024)).toBe(64);
    const outer = view(Outer, new Uint8Array(memory.buffer), 1024);
    expect(outer).toMatchObject({ byte: 0x12, half: 0x3456, single: 0x789abcde });
    expect(outer.name[7]).toBe(65);
    expect(outer.one.word).toBe(0xffff_ffff_ffff_123fn);
    expect(outer.many[3]?.word).toBe(5n << 52n);
  });

  it('of shared memory look exactly as often as the source does', async () => {
    const looks: number[] = [];
    const { twice } = await compiled(
      { Shared },
      `export function twice(p: usize): u64 {
        const shared = changetype<L.Shared>(p);
        return shared.word + shared.word + shared.part;
      }`,
      {
        volatile: {
          load64: (p: number) => {
            looks.push(p);
            return BigInt(looks.length) << 8n;
          },
        },
      },
    );
    expect(twice?.(64)).toBe((1n << 8n) + (2n << 8n) + 3n);
    expect(looks).toEqual([72, 72, 72]);
  });

  it('of shared memory cannot set a part of a word, which would read it back', async () => {
    const failing = compiled(
      { Shared },
      'export function set(p: usize): void { changetype<L.Shared>(p).part = 1; }',
    );
    await expect(failing).rejects.toThrow(/part/);
  });

  it('give numbers beside layouts the type that holds them', async () => {
    const { sum } = await compiled(
      { SMALL: 7, LARGE: 0x1_0000_0000 },
      'export function sum(): u64 { return u64(L.SMALL) + L.LARGE; }',
    );
    expect(sum?.()).toBe(0x1_0000_0007n);
  });

  it('import the layouts that they take from another file', () => {
    const text = accessors({ Outer }, () => './elsewhere');
    expect(text).toContain("import { Inner } from './elsewhere';");
  });
});
