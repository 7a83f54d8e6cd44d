import { describe, expect, it } from 'vitest';
import { random } from '../../../test/random.ts';
import { wat } from '../../../test/wat.ts';
import { UserError } from '../../errors.ts';
import { decode } from './decode.ts';
import { validate } from './validate.ts';

function check(wasm: Uint8Array): void {
  validate(decode(wasm));
}

const body = (text: string) => `(module (memory 1) (func (param i32) (result i32) ${text}))`;

describe('a module is refused as invalid', () => {
  it.each([
    ['an operand of another type', body('f32.const 1'), 'type mismatch'],
    ['a missing operand', body('i32.add'), 'type mismatch'],
    ['an operand left over', body('i32.const 1 i32.const 2'), 'type mismatch'],
    ['operands of an outer block', body('i32.const 1 block drop end i32.const 1'), 'type mismatch'],
    ['branches of two types', body('i32.const 1 if (result i32) i32.const 1 end'), 'type mismatch'],
    ['an unknown label', body('br 2'), 'unknown label 2'],
    ['an unknown local', body('local.get 1'), 'unknown local 1'],
    ['an unknown global', body('global.get 0'), 'unknown global 0'],
    ['an unknown function', body('call 7'), 'unknown function 7'],
    ['an alignment above the natural', body('local.get 0 i32.load8_u align=2'), 'alignment'],
    [
      'a table that is not there',
      body('local.get 0 call_indirect (result i32)'),
      'unknown table 0',
    ],
    ['labels of two types', body('i32.const 1 block br_table 0 1 end'), 'type mismatch'],
    [
      'a load without memory',
      '(module (func (drop (i32.load (i32.const 0)))))',
      'unknown memory 0',
    ],
    [
      'an assignment to a constant global',
      '(module (global i32 (i32.const 0)) (func (global.set 0 (i32.const 1))))',
      'global is immutable',
    ],
    ['two memories', '(module (memory 1) (memory 1))', 'multiple memories'],
    ['a memory beyond 4 GiB', '(module (memory 65537))', 'memory size must be at most 65536 pages'],
    ['limits that cross', '(module (table 3 2 funcref))', 'size minimum must not be greater'],
    ['an export that is not there', '(module (export "a" (func 0)))', 'unknown function 0'],
    [
      'two exports of one name',
      '(module (func) (export "a" (func 0)) (export "a" (func 0)))',
      'duplicate export name',
    ],
    [
      'a start function with a result',
      '(module (func (result i32) unreachable) (start 0))',
      'start',
    ],
    ['an initializer of another type', '(module (global i64 (i32.const 0)))', 'type mismatch'],
    [
      'an initializer that is not constant',
      '(module (global i32 (i32.ctz (i32.const 0))))',
      'constant expression required',
    ],
    ['an empty initializer', '(module (global i32))', 'type mismatch'],
    ['an initializer of two', '(module (global i32 (i32.const 1) (i32.const 2)))', 'type mismatch'],
    [
      'an initializer by an own global',
      '(module (global i32 (i32.const 0)) (global i32 (global.get 0)))',
      'unknown global 0',
    ],
  ])('for %s', (_, text, message) => {
    expect(() => check(wat(text))).toThrow(UserError);
    expect(() => check(wat(text))).toThrow(`invalid: ${message}`);
  });

  it('unless the code cannot be reached, where operands may be anything', () => {
    check(wat(body('unreachable i32.add')));
    check(wat(body('local.get 0 br 0 f32.add drop')));
    check(wat(body('local.get 0 return select drop i32.const 0')));
  });
});

describe('a module is refused as unsupported', () => {
  it.each([
    ['exception handling', [0x06, 0x40, 0x0b, 0x0b]],
    ['function references', [0x14, 0x00, 0x0b]],
    ['garbage collection', [0xfb, 0x00, 0x00, 0x0b]],
    ['relaxed SIMD', [0xfd, 0x80, 0x02, 0x0b]],
    ['wide arithmetic or memory control', [0xfc, 0x13, 0x0b]],
  ])('for an instruction of %s', (feature, code) => {
    const type = [1, 4, 1, 0x60, 0, 0];
    const body = [10, code.length + 3, 1, code.length + 1, 0, ...code];
    const wasm = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, 3, 2, 1, 0, ...body]);
    expect(() => check(wasm)).toThrow(`unsupported: ${feature} at offset 0x`);
  });

  it.each([
    ['memory64', [5, 3, 1, 4, 1]],
    ['exception handling', [13, 3, 1, 0, 0]],
    ['garbage collection', [1, 3, 1, 0x5f, 0]],
    ['function references', [4, 4, 1, 0x40, 0, 0x70]],
  ])('for a section of %s', (feature, section) => {
    const wasm = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section]);
    expect(() => check(wasm)).toThrow(`unsupported: ${feature} at offset 0x`);
  });
});

describe('a module is refused as malformed', () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  it.each([
    ['magic header not detected', [0, 1, 2, 3, 1, 0, 0, 0]],
    ['magic header not detected', []],
    ['unknown binary version', [0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]],
    ['unknown binary version', [0, 0x61, 0x73, 0x6d]],
    ['malformed section id', [...header, 14, 0]],
    // Shared, without a maximum.
    ['malformed limits flags', [...header, 5, 3, 1, 2, 1]],
    ['length out of bounds', [...header, 1, 5, 0]],
    ['section size mismatch', [...header, 1, 2, 0, 0]],
    ['unexpected content after last section', [...header, 3, 1, 0, 1, 1, 0]],
    [
      'function and code section have inconsistent lengths',
      [...header, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0],
    ],
    ['END opcode expected', [...header, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 1]],
    ['illegal opcode', [...header, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 5, 1, 3, 0, 0xff, 0x0b]],
  ])('%s: %j', (message, bytes) => {
    expect(() => check(Uint8Array.from(bytes))).toThrow(`malformed: ${message} at offset 0x`);
  });
});

const sample = wat(`(module
  (import "a" "b" (func (param i32 f64)))
  (memory 1 2) (table 3 funcref) (global (mut i64) (i64.const -5))
  (elem (i32.const 0) func 0 1) (data (i32.const 8) "abc") (data "passive")
  (func (export "x") (param i32 i64) (result i32) (local f32 f64)
    (block (result i32)
      (loop (br_if 0 (i32.eqz (local.get 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))))
      (if (result i32) (local.get 0) (then (br 1 (i32.const 3))) (else (i32.wrap_i64 (local.get 1)))))
    (br_table 0 0 (i32.const 1) (i32.const 2)))
  (func (param i32) (result i32)
    (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop 1)
    (call_indirect (param i32 i64) (result i32) (local.get 0) (i64.const 1) (i32.const 1))))`);

describe('of damaged modules', () => {
  it('those are accepted that V8 accepts, unless they use a later feature', () => {
    const next = random();
    let valid = 0;
    for (let round = 0; round < 4000; round++) {
      const wasm = sample.slice();
      for (let n = next() % 3; n >= 0; n--) wasm[8 + (next() % (wasm.length - 8))] = next() >>> 13;
      const refusal = refusalOf(wasm);
      const theirs = WebAssembly.validate(wasm);
      if (refusal.startsWith('unsupported:')) continue;
      expect([refusal, Buffer.from(wasm).toString('hex'), next.seed]).toEqual([
        theirs ? '' : expect.stringMatching(/^(malformed|invalid): /),
        expect.anything(),
        next.seed,
      ]);
      if (theirs) valid++;
    }
    expect(valid).toBeGreaterThan(0);
  });
});

/** How the module is refused; empty if it is not. */
function refusalOf(wasm: Uint8Array): string {
  try {
    check(wasm);
    return '';
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}
