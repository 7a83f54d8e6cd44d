import { describe, expect, it } from 'vitest';
import { typeSymbol } from './object.ts';
import { callingSequence } from './x86/abi.ts';

describe('the name of a function type', () => {
  it('tells any two types apart', () => {
    const types = [
      { params: [], results: [] },
      { params: ['i32'], results: [] },
      { params: [], results: ['i32'] },
      { params: ['i32', 'i32'], results: [] },
      { params: ['i32'], results: ['i32'] },
      { params: ['i64'], results: ['i32'] },
    ] as const;
    expect(new Set(types.map(typeSymbol)).size).toBe(types.length);
  });
});

describe('the calling sequence', () => {
  it('puts six integers and eight floats in registers, the rest on the stack in order', () => {
    const { params, stackSize } = callingSequence({
      params: [...Array(8).fill('i32'), ...Array(9).fill('f64')],
      results: [],
    });
    expect(params.slice(0, 8)).toEqual([
      ...[7, 6, 2, 1, 8, 9].map((register) => ({ kind: 'integer', register })),
      { kind: 'stack', offset: 0 },
      { kind: 'stack', offset: 8 },
    ]);
    expect(params.at(-1)).toEqual({ kind: 'stack', offset: 16 });
    expect(stackSize).toBe(32);
  });

  it('returns two integers and two floats in registers, the rest after the stack arguments', () => {
    const { results } = callingSequence({
      params: Array(7).fill('i64'),
      results: ['i32', 'f32', 'i64', 'f64', 'i32', 'f64'],
    });
    expect(results).toEqual([
      { kind: 'integer', register: 0 },
      { kind: 'float', register: 0 },
      { kind: 'integer', register: 2 },
      { kind: 'float', register: 1 },
      // One stack argument of 8 bytes, in an area that is a multiple of 16.
      { kind: 'stack', offset: 16 },
      { kind: 'stack', offset: 24 },
    ]);
  });

  it('aligns a vector on the stack', () => {
    const { params } = callingSequence({
      params: [...Array(7).fill('i32'), ...Array(9).fill('v128')],
      results: [],
    });
    expect(params.at(-1)).toEqual({ kind: 'stack', offset: 16 });
  });
});
