import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wat } from '../../test/wat.ts';
import * as compiler from '../compiler/linux/executable.ts';
import { compileRuntime } from '../compiler/linux/runtime.ts';
import type { WasmObject } from '../compiler/object.ts';
import { root } from '../root.ts';
import { checkImage } from './check.ts';
import { printViolation } from './report.ts';

/**
 * Compilers that make the mistakes of the published escapes: each is ours but for one piece of one file, and
 * check-image must refuse what it makes of a module in which the mistake matters.
 */

const folder = join(root, 'build/mutants');
let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
  for (const part of ['boot', 'spec', 'tools']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Mutation {
  readonly file: string;
  /** What is replaced: there once. */
  readonly text: string;
  readonly instead: string;
}

const x86 = (file: string, text: string, instead: string): Mutation => ({
  file: `tools/compiler/x86/${file}`,
  text,
  instead,
});

const MUTATIONS = {
  'takes the low half of an i64 for all of it': x86(
    'selector.ts',
    `while (v.op === Op.I64_EXTEND_I32_U) v = v.args[0] as Value;
    if (isConstant(v)) return this.#loadConstant(v);`,
    `while (v.op === Op.I64_EXTEND_I32_U || v.op === Op.I32_WRAP_I64) v = v.args[0] as Value;
    if (isConstant(v)) return this.#loadConstant(v);`,
  ),
  'folds shifts that may wrap': x86(
    'select-address.ts',
    'const fits = upperBound(x) * 2 ** shift <= U32;',
    'const fits = true;',
  ),
  'folds offsets that turn negative': x86(
    'select-address.ts',
    'const MAX_DISPLACEMENT = 0x7fff_ffff;',
    'const MAX_DISPLACEMENT = 0xffff_ffff;',
  ),
  'chooses all 64 bits for an i32': x86(
    'select-control.ts',
    'cmov: CMOV[width] }',
    'cmov: CMOV[64] }',
  ),
  'spills half of a register': x86(
    'emit.ts',
    'this.source(from < XMM ? MOV_STORE[64] : MOVSD_STORE, from, to);',
    'this.source(from < XMM ? MOV_STORE[32] : MOVSD_STORE, from, to);',
  ),
  'gives a vector half of a slot': x86('resolve.ts', 'count += isWide ? 2 : 1;', 'count += 1;'),
  'compares an index in a table with its sign': x86(
    'kinds-call.ts',
    "asm.jcc(Cc.AE, out.trap('undefined element', inst.offset));",
    "asm.jcc(Cc.GE, out.trap('undefined element', inst.offset));",
  ),
  'leaves out the comparison of types': x86(
    'kinds-call.ts',
    `    Cc.NE,
    out.wrongType(`,
    `    Cc.P,
    out.wrongType(`,
  ),
  'probes every fourth page': x86(
    'frame.ts',
    'for (let at = PAGE; at <= bytes; at += PAGE)',
    'for (let at = PAGE; at <= bytes; at += 4 * PAGE)',
  ),
} satisfies Record<string, Mutation>;

const mutants = new Map<string, Promise<typeof compiler>>();

/** The compiler with a mutation, made from a copy of its sources. */
async function mutant(name: keyof typeof MUTATIONS): Promise<typeof compiler> {
  const { file, text, instead } = MUTATIONS[name];
  const source = readFileSync(join(root, file), 'utf8');
  const parts = source.split(text);
  if (parts.length !== 2) throw new RangeError(`${file} has ${parts.length - 1} times: ${text}`);
  const outfile = join(folder, `${Object.keys(MUTATIONS).indexOf(name)}.mjs`);
  writeFileSync(join(folder, file), parts.join(instead));
  buildSync({
    entryPoints: [join(folder, 'tools/compiler/linux/executable.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile,
    logLevel: 'error',
  });
  writeFileSync(join(folder, file), source);
  const made: Promise<typeof compiler> = import(pathToFileURL(outfile).href);
  mutants.set(name, made);
  return made;
}

const range = (count: number) => [...Array(count).keys()];
const sums = (type: string, count: number) => `${type}.add `.repeat(count - 1);

/** An index and vectors that are kept over a call, in slots one beside the other. */
const vectors = `(module (memory 1) (func $f (export "f") (param i32) (result v128)
  ${range(20)
    .map((i) => `(local $v${i} v128) (local $i${i} i32)`)
    .join(' ')}
  ${range(20)
    .map(
      (i) => `(local.set $v${i} (v128.load offset=${16 * i} (local.get 0)))
        (local.set $i${i} (i32.load offset=${4 * i} (local.get 0)))`,
    )
    .join(' ')}
  (drop (call $f (local.get 0)))
  ${range(20)
    .map((i) => `(local.get $v${i}) (v128.load (local.get $i${i}))`)
    .join(' ')}
  ${sums('i32x4', 40)}))`;

/** Vectors that are kept over a call, in frames of several sizes. */
const kept = `(module (memory 1) ${range(4)
  .map(
    (n) => `(func $f${n} (export "f${n}") (param i32) (result v128)
      ${range(n + 1)
        .map((i) => `(local $v${i} v128)`)
        .join(' ')}
      ${range(n + 1)
        .map((i) => `(local.set $v${i} (v128.load offset=${16 * i} (local.get 0)))`)
        .join(' ')}
      (drop (call $f${n} (i32.load (local.get 0))))
      ${range(n + 1)
        .map((i) => `(local.get $v${i})`)
        .join(' ')} ${sums('i32x4', n + 1)})`,
  )
  .join(' ')})`;

/** A frame of some pages. */
const frame = `(module (memory 1) (func $f (export "f") (param i32) (result i32)
  ${range(1700)
    .map((i) => `(local $l${i} i32)`)
    .join(' ')}
  ${range(1700)
    .map((i) => `(local.set $l${i} (i32.load offset=${4 * i} (local.get 0)))`)
    .join(' ')}
  (drop (call $f (local.get 0)))
  ${range(1700)
    .map((i) => `(local.get $l${i})`)
    .join(' ')} ${sums('i32', 1700)}))`;

const table = `(module (memory 1) (type $i (func (param i32) (result i32))) (table 2 funcref)
  (elem (i32.const 0) $narrow $wide)
  (func $narrow (param i32) (result i32) (i32.load (local.get 0)))
  (func $wide (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
  (func (export "f") (param i32 i64) (result i32)
    (call_indirect (type $i) (local.get 0) (i32.wrap_i64 (local.get 1)))))`;

const UNPROVEN = /not shown to lie within the sandbox/;

describe('a compiler that', () => {
  it.each<[keyof typeof MUTATIONS, string, string, RegExp]>([
    [
      'takes the low half of an i64 for all of it',
      'as an index',
      `(module (memory 1) (func (export "f") (param i64) (result i32)
        (i32.load (i32.wrap_i64 (local.get 0)))))`,
      UNPROVEN,
    ],
    [
      'takes the low half of an i64 for all of it',
      'in a spill slot',
      `(module (memory 1) (func $g) (func (export "f") (param i64) (result i32)
        (local $i i32) (local.set $i (i32.wrap_i64 (local.get 0)))
        (call $g) (call $g) (i32.add (i32.load (local.get $i)) (i32.wrap_i64 (local.get 0)))))`,
      UNPROVEN,
    ],
    [
      'takes the low half of an i64 for all of it',
      'as an argument',
      `(module (memory 1) (func $g (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "f") (param i64) (result i32) (call $g (i32.wrap_i64 (local.get 0)))))`,
      UNPROVEN,
    ],
    [
      'takes the low half of an i64 for all of it',
      'as an index in a table',
      table,
      /table|an indirect call/,
    ],
    [
      'folds shifts that may wrap',
      '(CVE-2023-26489)',
      `(module (memory 1) (func (export "f") (param i32) (result i32)
        (i32.load (i32.shl (local.get 0) (i32.const 3)))))`,
      UNPROVEN,
    ],
    [
      'folds offsets that turn negative',
      'above 2 GiB',
      `(module (memory 1) (func (export "f") (param i32) (result i32)
        (i32.load offset=0xfffffff0 (local.get 0))))`,
      UNPROVEN,
    ],
    [
      'chooses all 64 bits for an i32',
      'as an index',
      `(module (memory 1) (func (export "f") (param i64 i32 i32) (result i32)
        (i32.load (select (i32.wrap_i64 (local.get 0)) (local.get 1) (local.get 2)))))`,
      UNPROVEN,
    ],
    ['spills half of a register', 'over a call', vectors, UNPROVEN],
    ['gives a vector half of a slot', 'at the end of a frame', kept, /return address|not restored/],
    ['compares an index in a table with its sign', '', table, /table|an indirect call/],
    [
      'leaves out the comparison of types',
      '',
      table,
      /an indirect call without a check of the type/,
    ],
    ['probes every fourth page', '', frame, /beyond the guard page/],
  ])('%s is found out: %s', async (name, _, text, rule) => {
    const module = { wasm: wat(text) };
    expect(checkImage(compiler.makeExecutable(module, [], runtime)).violations).toEqual([]);
    const { makeExecutable } = await (mutants.get(name) ?? mutant(name));
    const { violations } = checkImage(makeExecutable(module, [], runtime));
    expect(violations.map(printViolation).join('\n')).toMatch(rule);
  });
});
