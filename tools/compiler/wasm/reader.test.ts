import { describe, expect, it } from 'vitest';
import { Reader } from './reader.ts';

const reader = (...bytes: number[]) => new Reader(Uint8Array.from(bytes));

describe('the reader', () => {
  it.each([
    [[0x00], 0],
    [[0x7f], 0x7f],
    [[0x80, 0x01], 0x80],
    [[0x80, 0x80, 0x80, 0x80, 0x00], 0],
    [[0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff],
  ])('reads the unsigned number %j', (bytes, value) => {
    expect(reader(...bytes).u32()).toBe(value);
  });

  it.each([
    [[0x00], 0],
    [[0x7f], -1],
    [[0x3f], 63],
    [[0x40], -64],
    [[0xff, 0xff, 0xff, 0xff, 0x07], 0x7fff_ffff],
    [[0x80, 0x80, 0x80, 0x80, 0x78], -0x8000_0000],
  ])('reads the signed number %j', (bytes, value) => {
    expect(reader(...bytes).s32()).toBe(value);
    expect(reader(...bytes).s64()).toBe(BigInt(value));
    expect(reader(...bytes).s33()).toBe(value);
  });

  it('reads block types of 33 bits', () => {
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).s33()).toBe(0xffff_ffff);
    expect(reader(0x40).s33()).toBe(-0x40);
  });

  it('reads the ends of the range of i64', () => {
    expect(reader(...Array(9).fill(0x80), 0x7f).s64()).toBe(-(1n << 63n));
    expect(reader(...Array(9).fill(0xff), 0x00).s64()).toBe((1n << 63n) - 1n);
  });

  it.each([
    ['u32', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'integer representation too long'],
    ['u32', [0x80, 0x80, 0x80, 0x80, 0x10], 'integer too large'],
    ['s32', [0x80, 0x80, 0x80, 0x80, 0x70], 'integer too large'],
    ['s32', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'integer representation too long'],
    ['s64', [...Array(9).fill(0x80), 0x7e], 'integer too large'],
    ['s64', [...Array(10).fill(0x80), 0x00], 'integer representation too long'],
    ['u32', [0x80], 'unexpected end'],
    ['f32', [0, 0, 0], 'unexpected end'],
    ['name', [0x02, 0x61], 'unexpected end'],
    ['name', [0x01, 0xff], 'malformed UTF-8 encoding'],
  ] as const)('refuses the %s %j', (method, bytes, message) => {
    expect(() => reader(...bytes)[method]()).toThrow(`malformed: ${message} at offset`);
  });
});
