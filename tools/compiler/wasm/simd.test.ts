import { describe, expect, it } from 'vitest';
import { wat } from '../../../test/wat.ts';
import { decode } from './decode.ts';
import { Type } from './opcodes.ts';
import { VECTOR_INSTRUCTIONS, vectorOp } from './simd.ts';
import { validate } from './validate.ts';

const NAMES: Readonly<Record<number, string>> = {
  [Type.I32]: 'i32',
  [Type.I64]: 'i64',
  [Type.F32]: 'f32',
  [Type.F64]: 'f64',
  [Type.V128]: 'v128',
};

const check = (text: string) => () => validate(decode(wat(text)));

describe('the vector instructions', () => {
  it('are the 236 of the specification', () => {
    expect(VECTOR_INSTRUCTIONS.size).toBe(236);
  });

  it('have the numbers, types and immediates that wabt gives them', () => {
    for (const { op, name, signature, immediate } of VECTOR_INSTRUCTIONS.values()) {
      const params = signature.params.map((type) => NAMES[type]);
      const result = signature.result === 0 ? '' : `(result ${NAMES[signature.result]})`;
      const operands = params.map((_, i) => `(local.get ${i})`).join(' ');
      const immediates = {
        none: '',
        memory: '',
        lane: '0',
        'memory and lane': '0',
        constant: 'i64x2 0 0',
        shuffle: '0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15',
      }[immediate];
      const body = `(${name} ${immediates} ${operands})`;
      const wasm = wat(`(module (memory 1) (func (param ${params.join(' ')}) ${result} ${body}))`);
      expect(() => validate(decode(wasm)), name).not.toThrow();
      const number = op - 0xfd00;
      const code = number < 0x80 ? [0xfd, number] : [0xfd, number, 1];
      expect(Buffer.from(wasm).includes(Buffer.from(code)), name).toBe(true);
    }
  });

  it('are refused with a lane that there is not', () => {
    const f = (body: string) => check(`(module (memory 1) (func (param v128) ${body}))`);
    const shuffle = `${'0 '.repeat(15)}32`;
    expect(f('(drop (i32x4.extract_lane 4 (local.get 0)))')).toThrow('invalid: invalid lane index');
    expect(f(`(drop (i8x16.shuffle ${shuffle} (local.get 0) (local.get 0)))`)).toThrow(
      'invalid: invalid lane index',
    );
    expect(f('(v128.store16_lane 8 (i32.const 0) (local.get 0))')).toThrow(
      'invalid: invalid lane index',
    );
  });

  it('are found by their names only', () => {
    expect(vectorOp('i8x16.add')).toBe(0xfd6e);
    expect(() => vectorOp('i8x16.mul')).toThrow('no vector instruction i8x16.mul');
  });
});
