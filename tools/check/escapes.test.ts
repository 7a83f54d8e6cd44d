import { beforeAll, describe, expect, it } from 'vitest';
import { linesOf, runExecutable } from '../../test/differential/native.ts';
import { wat } from '../../test/wat.ts';
import { makeExecutable } from '../compiler/linux/executable.ts';
import { compileRuntime } from '../compiler/linux/runtime.ts';
import type { WasmObject } from '../compiler/object.ts';
import { checkImage } from './check.ts';

/**
 * Classes of sandbox escape that were published for other compilers: what ours does on a real CPU, and
 * what the checker says of its code. What the checker does when the code is wrong: check.test.ts.
 */

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

const TRAP = 'trap: out of bounds memory access';

/** Answers of a module to calls in the batch language, after the checker has passed its code. */
function answers(module: string, ...lines: string[]): string[] {
  const program = makeExecutable({ wasm: wat(module) }, [], runtime);
  expect(checkImage(program).violations).toEqual([]);
  const { stdout } = runExecutable(program, ['--batch'], lines.map((line) => `${line}\n`).join(''));
  return linesOf(stdout);
}

const i32 = (value: number) => `i32:${(value >>> 0).toString(16).padStart(8, '0')}`;
const i64 = (value: bigint) => `i64:${BigInt.asUintN(64, value).toString(16).padStart(16, '0')}`;

describe('an index of 32 bits', () => {
  it('is not what 64 bits were before they were cut (CVE-2026-34987)', () => {
    const module = `(module (memory 1) (data (i32.const 8) "\\2a")
      (func (export "f") (param i64) (result i32) (i32.load8_u (i32.wrap_i64 (local.get 0))))
      (func $id (param i32) (result i32) (local.get 0))
      (func (export "call") (param i64) (result i32)
        (i32.load8_u (call $id (i32.wrap_i64 (local.get 0)))))
      (func (export "phi") (param i64 i32) (result i32) (local $p i32)
        (if (local.get 1) (then (local.set $p (i32.wrap_i64 (local.get 0)))))
        (i32.load8_u (local.get $p)))
      (func (export "select") (param i64 i32) (result i32)
        (i32.load8_u (select (i32.wrap_i64 (local.get 0)) (i32.const 0) (local.get 1)))))`;
    const dirty = i64(0x7fff_0000_0000_0008n);
    expect(
      answers(
        module,
        `f ${dirty}`,
        `call ${dirty}`,
        `phi ${dirty} ${i32(1)}`,
        `select ${dirty} ${i32(1)}`,
      ),
    ).toEqual(Array(4).fill(i32(42)));
  });

  it('is not sign-extended when it comes back from the stack (CVE-2021-32629)', () => {
    const params = Array.from({ length: 9 }, (_, i) => `(local.get ${i})`);
    const module = `(module (memory 1)
      (func $nothing (export "nothing"))
      (func (export "f") (param ${'i32 '.repeat(9)}) (result i32)
        (call $nothing) (call $nothing)
        ${params.map((p) => `(i32.load8_u ${p})`).join(' ')} ${'i32.add '.repeat(8)}))`;
    const far = Array(9).fill(i32(0x8000_0000)).join(' ');
    expect(answers(module, `f ${far}`, `f ${Array(9).fill(i32(4)).join(' ')}`)).toEqual([
      TRAP,
      i32(0),
    ]);
  });

  it('wraps when it is shifted, before it becomes an address (CVE-2023-26489)', () => {
    const module = `(module (memory 1) (data (i32.const 16) "\\2a")
      ${[1, 2, 3]
        .map(
          (n) => `(func (export "s${n}") (param i32) (result i32)
        (i32.load8_u (i32.shl (local.get 0) (i32.const ${n}))))`,
        )
        .join(' ')})`;
    const calls = [1, 2, 3].map((n) => `s${n} ${i32(2 ** (32 - n) + 16 / 2 ** n)}`);
    expect(answers(module, ...calls)).toEqual(Array(3).fill(i32(42)));
  });

  it('wraps when something is added, and does not when the offset is', () => {
    const module = `(module (memory 1) (data (i32.const 4) "\\2a")
      (func (export "add") (param i32) (result i32)
        (i32.load8_u (i32.add (local.get 0) (i32.const 8))))
      (func (export "offset") (param i32) (result i32) (i32.load8_u offset=8 (local.get 0)))
      (func (export "far") (param i32) (result i32) (i32.load8_u offset=0xffffffff (local.get 0)))
      (func (export "half") (param i32) (result i32) (i32.load8_u offset=0x80000000 (local.get 0))))`;
    const end = i32(-4);
    expect(
      answers(
        module,
        `add ${end}`,
        `offset ${end}`,
        `far ${i32(5)}`,
        `far ${end}`,
        `half ${i32(4)}`,
        `half ${end}`,
      ),
    ).toEqual([i32(42), ...Array(5).fill(TRAP)]);
  });
});

describe('an access', () => {
  it('is as wide as its instruction says, at the last bytes too (CVE-2026-34944)', () => {
    const ops = ['f64.add', 'f64.sub', 'f64.mul', 'f64.min', 'f64.max', 'f64.copysign'];
    const functions = ops.map(
      (op, i) => `(func (export "f${i}") (param f64 i32) (result f64)
        (${op} (local.get 0) (f64.load (local.get 1))))`,
    );
    const others = ['f64.abs', 'f64.neg', 'f64.sqrt', 'f64.ceil'].map(
      (op, i) =>
        `(func (export "g${i}") (param i32) (result f64) (${op} (f64.load (local.get 0))))`,
    );
    const module = `(module (memory 1) ${[...functions, ...others].join(' ')})`;
    const lines = [
      ...ops.map((_, i) => `f${i} f64:0000000000000000 ${i32(0xfff8)}`),
      ...others.map((_, i) => `g${i} ${i32(0xfff8)}`),
    ];
    expect(answers(module, ...lines).filter((line) => !line.startsWith('f64:'))).toEqual([]);
    expect(answers(module, `f0 f64:0000000000000000 ${i32(0xfff9)}`)).toEqual([TRAP]);
  });
});

describe('a table', () => {
  const module = `(module (memory 1)
    (type $i (func (param i32) (result i32))) (type $l (func (param i64) (result i32)))
    (table 2 funcref) (elem (i32.const 0) $narrow $wide)
    (func $narrow (param i32) (result i32) (i32.load (local.get 0)))
    (func $wide (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
    (func (export "i") (param i32 i32) (result i32)
      (call_indirect (type $i) (local.get 0) (local.get 1)))
    (func (export "l") (param i64 i32) (result i32)
      (call_indirect (type $l) (local.get 0) (local.get 1))))`;

  it('takes an index of 32 bits, all of them', () => {
    const far = [2, 0x8000_0000, 0x1000_0000, 0xffff_ffff];
    expect(answers(module, ...far.map((index) => `i ${i32(0)} ${i32(index)}`))).toEqual(
      Array(far.length).fill('trap: undefined element'),
    );
  });

  it('lets nobody call a function by another signature', () => {
    const mismatch = 'trap: indirect call type mismatch';
    expect(
      answers(
        module,
        `l ${i64(1n << 40n)} ${i32(0)}`,
        `i ${i32(7)} ${i32(1)}`,
        `i ${i32(0)} ${i32(0)}`,
      ),
    ).toEqual([mismatch, mismatch, i32(0)]);
  });
});

describe('a spill slot', () => {
  it('has room for what it holds, beside others of other sizes', () => {
    const all = Array.from({ length: 6 }, (_, i) => i);
    const set = (i: number) => `
      (local.set $v${i} (i32x4.splat (i32.add (local.get 0) (i32.const ${i}))))
      (local.set $i${i} (i32.add (local.get 0) (i32.const ${16 * i})))
      (local.set $d${i} (f64.convert_i32_u (i32.add (local.get 0) (i32.const ${i}))))
      (local.set $l${i} (i64.extend_i32_u (i32.sub (local.get 0) (i32.const ${i}))))`;
    // The last lane of a vector, what lies at an index (zero), and a number of either kind.
    const use = (i: number) => `
      (i32x4.extract_lane 3 (local.get $v${i})) (i32.load (local.get $i${i})) i32.add
      (i32.trunc_f64_u (local.get $d${i})) i32.add (i32.wrap_i64 (local.get $l${i})) i32.add`;
    const module = `(module (memory 1)
      (func $touch (param i32) (result i32) (if (result i32) (local.get 0)
        (then (call $touch (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
      (func (export "f") (param i32) (result i32)
        ${all.map((i) => `(local $v${i} v128) (local $i${i} i32) (local $d${i} f64) (local $l${i} i64)`).join(' ')}
        ${all.map(set).join(' ')} (drop (call $touch (i32.const 3)))
        ${all.map(use).join(' ')} ${'i32.add '.repeat(all.length - 1)}))`;
    // Of each: (n + i) + 0 + (n + i) + (n - i).
    const expected = (n: number) => i32(all.reduce((sum, i) => sum + 3 * n + i, 0));
    expect(answers(module, `f ${i32(100)}`, `f ${i32(7)}`)).toEqual([expected(100), expected(7)]);
  });
});

describe('the stack', () => {
  it.each([40, 1200, 5000])('ends at its guard, with frames of %i numbers', (count) => {
    const all = Array.from({ length: count }, (_, i) => i);
    const module = `(module (memory 1)
      (func $f (export "f") (param i32) (result i32)
        ${all.map((i) => `(local $l${i} i32)`).join(' ')}
        ${all.map((i) => `(local.set $l${i} (i32.load offset=${4 * i} (local.get 0)))`).join(' ')}
        (call $f (local.get 0))
        ${all.map((i) => `(local.get $l${i}) i32.add`).join(' ')}))`;
    expect(answers(module, `f ${i32(0)}`)).toEqual(['trap: call stack exhausted']);
  });
});
