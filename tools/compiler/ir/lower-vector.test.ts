import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';
import type { CompileOptions } from '../compile.ts';
import { VECTOR_INSTRUCTIONS } from '../wasm/simd.ts';

const lowered = (signature: string, body: string, options: Partial<CompileOptions> = {}) =>
  afterPass('vectors', moduleWith(signature, body), options)
    .map((line) => /= ?([a-z][\w.#>]*(?:\[\d+\])?)/.exec(line)?.[1] ?? '')
    .filter((name) => name !== '' && !name.startsWith('param'));

const two = '(param v128 v128) (result v128)';

describe('vector instructions', () => {
  it('become the one instruction that does the same', () => {
    expect(lowered(two, '(i16x8.add_sat_s (local.get 0) (local.get 1))')).toEqual(['paddsw']);
    expect(lowered(two, '(i32x4.dot_i16x8_s (local.get 0) (local.get 1))')).toEqual(['pmaddwd']);
  });

  it('become several without the extension that has one', () => {
    const body = '(i32x4.min_s (local.get 0) (local.get 1))';
    expect(lowered(two, body)).toEqual(['pcmpgtd', 'pand', 'pandn', 'por']);
    expect(lowered(two, body, { cpu: 'x86-64-v2' })).toEqual(['pminsd']);
  });

  it('shift by a constant without moving it to a vector', () => {
    const signature = '(param v128) (result v128)';
    expect(lowered(signature, '(i32x4.shl (local.get 0) (i32.const 35))')).toEqual(['pslld#[3]']);
  });

  it('read no more memory than Wasm does', () => {
    const signature = '(param i32 v128) (result v128)';
    const lane = '(v128.load8_lane offset=7 3 (local.get 0) (local.get 1))';
    expect(lowered(signature, lane)[0]).toBe('i32.load8_u[7]');
    expect(lowered(signature, '(v128.load64_splat offset=5 (local.get 0))')[0]).toBe('f64.load[5]');
    const extended = '(v128.load8x8_u offset=9 (local.get 0))';
    expect(lowered(signature, extended)[0]).toBe('v128.load64_zero[9]');
  });

  it('shuffle by the shortest way that fits', () => {
    const shuffle = (lanes: string, cpu: CompileOptions['cpu'] = 'x86-64') =>
      lowered(two, `(i8x16.shuffle ${lanes} (local.get 0) (local.get 1))`, { cpu });
    expect(shuffle('0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15')).toEqual([]);
    expect(shuffle('4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11')).toEqual(['pshufd[177]']);
    expect(shuffle('0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23')).toEqual(['punpcklbw']);
    expect(shuffle('3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18')).toEqual([
      'psrldq#[3]',
      'pslldq#[13]',
      'por',
    ]);
    const reversed = '15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0';
    expect(shuffle(reversed, 'x86-64-v2')).toEqual(['pshufb']);
    const neighbours = '3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18';
    expect(shuffle(neighbours, 'x86-64-v2')).toEqual(['palignr[3]']);
    expect(shuffle('0 1 2 3 8 9 10 11 16 17 18 19 28 29 30 31')).toEqual(['shufps[200]']);
    expect(shuffle('0 1 18 19 4 5 6 7 24 25 10 11 12 13 30 31', 'x86-64-v2')).toEqual([
      'pblendw[146]',
    ]);
  });

  it('are all known', () => {
    const names = [...VECTOR_INSTRUCTIONS.values()].filter(({ immediate }) => immediate === 'none');
    for (const { name, signature } of names) {
      const types: Record<number, string> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64' };
      const typeOf = (type: number) => types[type] ?? 'v128';
      const operands = signature.params.map((_, i) => `(local.get ${i})`).join(' ');
      const type = `(param ${signature.params.map(typeOf).join(' ')}) (result ${typeOf(signature.result)})`;
      expect(lowered(type, `(${name} ${operands})`), name).not.toContain(name);
    }
  });
});
