import { describe, expect, it } from 'vitest';
import { wat } from '../../../test/wat.ts';
import { ATOMIC_INSTRUCTIONS } from './atomics.ts';
import { decode } from './decode.ts';
import { Type } from './opcodes.ts';
import { validate } from './validate.ts';

const moduleOf = (name: string, params: readonly string[], result: string, align = '') => {
  const operands = params.map((_, i) => `(local.get ${i})`).join(' ');
  return wat(
    `(module (memory 1) (func (param ${params.join(' ')}) ${result} (${name} ${align} ${operands})))`,
  );
};

const typeName = (type: number) => (type === Type.I64 ? 'i64' : 'i32');

describe('the atomic instructions', () => {
  it('are the 67 of the threads proposal', () => {
    expect(ATOMIC_INSTRUCTIONS.size).toBe(67);
  });

  it('have the numbers, types and alignments that wabt gives them', () => {
    for (const { op, name, signature } of ATOMIC_INSTRUCTIONS.values()) {
      const result = signature.result === 0 ? '' : `(result ${typeName(signature.result)})`;
      const wasm = moduleOf(name, signature.params.map(typeName), result);
      expect(() => validate(decode(wasm)), name).not.toThrow();
      expect(Buffer.from(wasm).includes(Buffer.from([0xfe, op - 0xfe00])), name).toBe(true);
    }
  });

  it('are refused with any alignment but the natural one', () => {
    const wasm = moduleOf('i64.atomic.load', ['i32'], '(result i64)', 'align=4');
    expect(() => validate(decode(wasm))).toThrow('invalid: atomic alignment must be natural');
  });
});
