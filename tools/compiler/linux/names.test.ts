import { beforeAll, describe, expect, it } from 'vitest';
import { runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import type { WasmObject } from '../object.ts';
import { makeExecutable } from './executable.ts';
import { compileRuntime } from './runtime.ts';

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

describe('a function may be called as a part of the module is:', () => {
  it.each([
    'start',
    'instance.start',
    'memory',
    'constants',
    'memory_grow',
    'table_grow',
    'global.1',
    'table.0',
    'data.0',
    'elem.0',
    'memory.copy',
    'memory.fill',
    'table.fill',
    'table.grow',
    'f.record',
    'table.0.entries',
    'data.0.size',
    'elem.0.size',
    'f.outer',
  ])('%s', (name) => {
    const wasm = wat(`(module
      (import "spectest" "global_i32" (global i32))
      (memory 1) (global (mut f64) (f64.const 2.5)) (table 2 funcref)
      (data "abc") (data (global.get 0) "d") (elem func $f) (elem (i32.const 0) $f)
      (func $f (param i32) (result i32) (local.get 0))
      (func $${name} (export "main") (result i32)
        (memory.copy (i32.const 0) (i32.const 8) (memory.grow (i32.const 1)))
        (memory.fill (i32.const 0) (i32.const 8) (i32.const 8))
        (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))
        (table.fill (i32.const 0) (ref.func $f) (table.grow (ref.null func) (i32.const 1)))
        (table.init 0 (i32.const 0) (i32.const 0) (i32.const 1))
        (global.set 1 (f64.add (global.get 1) (f64.const 1.5)))
        (call_indirect (param i32) (result i32) (i32.load8_u (i32.const 0)) (i32.const 0))))`);
    const program = makeExecutable({ wasm }, [], runtime);
    expect(runExecutable(program, ['--invoke', 'main'])).toMatchObject({
      stdout: '97\n',
      status: 0,
    });
  });
});
