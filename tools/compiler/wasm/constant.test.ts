import { describe, expect, it } from 'vitest';
import { readConstant } from './constant.ts';
import { Reader } from './reader.ts';

const END = 0x0b;
const read = (...bytes: number[]) => readConstant(new Reader(Uint8Array.from([...bytes, END])));

describe('a constant expression', () => {
  it('is evaluated where it needs no global', () => {
    // 3 * (4 - 5), modulo 2^32
    const bytes = [0x41, 3, 0x41, 4, 0x41, 5, 0x6b, 0x6c];
    expect(read(...bytes)).toMatchObject({ kind: 'i32', bits: 0xffff_fffdn });
  });

  it('stays a sequence where it does', () => {
    const expression = read(0x23, 1, 0x42, 2, 0x7c);
    expect(expression).toMatchObject({ kind: 'sequence', offset: 0 });
    expect(expression.kind === 'sequence' && expression.instructions).toMatchObject([
      { kind: 'global', index: 1 },
      { kind: 'i64', bits: 2n },
      { kind: 'operation', op: 0x7c },
    ]);
  });

  it('is left to validation where types do not match', () => {
    expect(read(0x41, 1, 0x42, 2, 0x6a).kind).toBe('sequence');
    expect(read(0x41, 1, 0x41, 2).kind).toBe('sequence');
    expect(read().kind).toBe('sequence');
  });

  it('is read to its own end, past those of blocks in it', () => {
    const reader = new Reader(Uint8Array.of(0x02, 0x7f, 0x41, 1, END, END, 0xaa));
    expect(readConstant(reader).kind).toBe('sequence');
    expect(reader.offset).toBe(6);
  });

  it('has a vector as one number, lane 0 lowest', () => {
    const lanes = Array.from({ length: 16 }, (_, i) => i);
    expect(read(0xfd, 0x0c, ...lanes)).toMatchObject({
      kind: 'v128',
      bits: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100n,
    });
  });
});
