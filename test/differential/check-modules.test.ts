import { beforeAll, describe, expect, it } from 'vitest';
import { type LowMemory, makeExecutable } from '../../tools/compiler/linux/executable.ts';
import { compileRuntime } from '../../tools/compiler/linux/runtime.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { wat } from '../wat.ts';
import { checkModules } from './check-modules.ts';
import { LOW_MEMORY } from './low-memory.ts';

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

const rulesOf = (text: string, low: LowMemory | undefined) =>
  checkModules(makeExecutable({ wasm: wat(text) }, [], runtime, 'x86-64', low), true).map(
    ({ rule }) => rule,
  );

describe("a module in the kernel's form", () => {
  it.each([
    ['an address above 2^31', '(i32.load offset=16 (i32.const 0xfc000000))'],
    ['a sum that wraps', '(i32.load (i32.add (local.get 0) (i32.const -4)))'],
    ['an index that is scaled', '(i32.load (i32.shl (local.get 0) (i32.const 2)))'],
    ['a call of a table', '(call_indirect (type $t) (local.get 0) (local.get 0))'],
    [
      'a jump through a table with its frame gone',
      '(drop (call $f (local.get 0))) (return_call_indirect (type $t) (local.get 0) (local.get 0))',
    ],
    ['a fill', '(memory.fill (local.get 0) (local.get 0) (local.get 0)) (i32.const 0)'],
  ])('keeps the rules of the kernel: %s', (_, body) => {
    const text = `(module (memory 1) (type $t (func (param i32) (result i32))) (table 2 funcref)
      (elem (i32.const 0) $f $f)
      (func $f (export "f") (type $t) ${body}))`;
    expect(rulesOf(text, LOW_MEMORY)).toEqual([]);
  });

  it('breaks them where it needs a base register', () => {
    const text = `(module (memory 1) (func (export "f") (param i32) (result i32)
      (i32.load (local.get 0))))`;
    expect(rulesOf(text, undefined)).not.toEqual([]);
  });
});
