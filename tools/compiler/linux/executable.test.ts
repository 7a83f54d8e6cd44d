import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { linesOf, type Run, runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import type { WasmObject } from '../object.ts';
import { makeExecutable } from './executable.ts';
import { compileRuntime } from './runtime.ts';

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

/** The executable of a module in text format; `links` by name. */
function build(module: string, links: Readonly<Record<string, string>> = {}): Uint8Array {
  const linked = Object.entries(links).map(([name, text]) => ({ name, wasm: wat(text) }));
  return makeExecutable({ wasm: wat(module) }, linked, runtime);
}

function batch(program: Uint8Array, ...lines: string[]): string[] {
  const { stdout } = runExecutable(program, ['--batch'], lines.map((l) => `${l}\n`).join(''));
  return linesOf(stdout);
}

const invoke = (program: Uint8Array, ...args: string[]): Run =>
  runExecutable(program, ['--invoke', ...args]);

/** A module that gives back what it is given, of every type. */
const echo = `(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "externref") (param externref) (result externref) local.get 0)
  (func (export "nothing"))
  (func (export "a name \\"quoted\\" \\c3\\a9 \\00") (result i32) i32.const 5)
  (func (export "many")
    (param i32 i64 f32 f64 i32 i64 i32 i64 i32 f64 i64)
    (result i32 i64 f32 f64 i32 i64 i32 i64 i32 f64 i64)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5
    local.get 6 local.get 7 local.get 8 local.get 9 local.get 10))`;

describe('--invoke', () => {
  it('takes and prints decimals', () => {
    const program = build(echo);
    const cases = [
      ['i32', '-1', '-1'],
      ['i32', '4294967295', '-1'],
      ['i64', '-9223372036854775808', '-9223372036854775808'],
      ['i64', '18446744073709551615', '-1'],
      ['f32', '0.1', '0.1'],
      ['f64', '0.1', '0.1'],
      ['f64', '1e300', '1e+300'],
      ['f64', '-inf', '-Infinity'],
      ['f32', 'nan', 'NaN'],
    ] as const;
    for (const [name, given, printed] of cases) {
      expect(invoke(program, name, given)).toEqual({
        stdout: `${printed}\n`,
        stderr: '',
        status: 0,
      });
    }
  });

  it('prints several results in one line, and none for none', () => {
    const program = build(echo);
    const values = ['1', '-2', '0.5', '1.25', '3', '4', '5', '6', '7', '-8.5', '9'];
    expect(invoke(program, 'many', ...values).stdout).toBe(`${values.join(' ')}\n`);
    expect(invoke(program, 'nothing')).toEqual({ stdout: '', stderr: '', status: 0 });
  });

  it.each([
    ['there is no such export', ['missing'], 'no exported function named "missing"'],
    ['arguments are missing', ['i32'], 'wrong number of arguments for "i32"'],
    ['there are too many', ['i32', '1', '2'], 'wrong number of arguments for "i32"'],
    ['an argument is no number', ['i32', 'x'], 'not a number of the type wanted: "x"'],
    ['an argument is out of range', ['i32', '4294967296'], 'not a number of the type wanted'],
    ['no name follows', [], '--invoke expects the name of an export'],
  ])('says in one line that %s, and exits with 2', (_, args, message) => {
    const { stdout, stderr, status } = invoke(build(echo), ...args);
    expect(stdout).toBe('');
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('quotes a name that has several lines in one', () => {
    expect(invoke(build(echo), 'a\nb "\\" \x7f\u00e9').stderr).toBe(
      'error: no exported function named "a\\u000ab \\"\\\\\\" \\u007f\u00e9"\n',
    );
  });
});

describe('--batch', () => {
  it('takes and gives bit patterns', () => {
    const lines = ['i32:fffffffe', 'i64:8000000000000001', 'f32:7fa00001', 'f64:fff4000000000001'];
    const calls = lines.map((value) => `${value.slice(0, 3)} ${value}`);
    expect(batch(build(echo), ...calls)).toEqual(lines);
  });

  it('passes values beyond the registers, in order', () => {
    const values =
      'i32:00000001 i64:0000000000000002 f32:00000003 f64:0000000000000004 i32:00000005 ' +
      'i64:0000000000000006 i32:00000007 i64:0000000000000008 i32:00000009 f64:000000000000000a ' +
      'i64:000000000000000b';
    expect(batch(build(echo), `many ${values}`)).toEqual([values]);
  });

  it('answers an empty line for no results, and takes any name as a JSON string', () => {
    const quoted = JSON.stringify('a name "quoted" \u00e9 \0');
    expect(batch(build(echo), 'nothing', quoted, '"\\u0069\\u0033\\u0032" i32:00000007')).toEqual([
      '',
      'i32:00000005',
      'i32:00000007',
    ]);
  });

  it('answers a line of error and goes on', () => {
    const answers = batch(
      build(echo),
      'missing',
      'i32',
      'i32 i64:0000000000000001',
      'i32 i32:1',
      'i32 i32:00000001 i32:00000002',
      '@missing i32',
      '!get missing',
      '!memory',
      '',
      'i32 i32:0000000a',
    );
    expect(answers.slice(0, -1).every((line) => line.startsWith('error: '))).toBe(true);
    expect(answers).toHaveLength(10);
    expect(answers.at(-1)).toBe('i32:0000000a');
  });

  it('answers one line, whatever a name holds', () => {
    const name = JSON.stringify('a\nb');
    expect(batch(build(echo), name, `@${name} f`, `!get ${name}`)).toEqual([
      'error: no exported function named "a\\u000ab"',
      'error: no module named "a\\u000ab"',
      'error: no exported global named "a\\u000ab"',
    ]);
  });

  it('takes every number of the host for an externref but the last', () => {
    const numbers = ['0', '123456789abcdef', '8000000000000000', 'fffffffffffffffe', 'null'];
    const values = numbers.map((number) => `externref:${number}`);
    expect(batch(build(echo), ...values.map((value) => `externref ${value}`))).toEqual(values);
    const wrong = ['ffffffffffffffff', '10000000000000000', '', '0x1'];
    const answers = batch(build(echo), ...wrong.map((number) => `externref externref:${number}`));
    expect(answers).toEqual(wrong.map(() => 'error: argument 1 expected externref:VALUE'));
  });

  it('takes ! only before what there is, and nothing after that', () => {
    const program = build(`(module (memory 1)
      (global (export "g") i32 (i32.const 5)) (global (export "g32") i32 (i32.const 6)))`);
    const wrong = ['!', '!memoryx', '!memory x', '!memory !memory', '!get', '!getg', '!get g x'];
    const answers = batch(program, ...wrong, '!get g32 x', '! get g', ' !get  g32 ', '!memory ');
    expect(answers).toHaveLength(wrong.length + 4);
    expect(answers.slice(0, -2).every((line) => line.startsWith('error: '))).toBe(true);
    expect(answers.at(-2)).toBe('i32:00000006');
    expect(answers.at(-1)).toMatch(/^pages:1 sha256:/);
  });

  it('shows the memory and exported globals as the calls leave them', () => {
    const program = build(`(module
      (memory 1 3)
      (global $g (export "g") (mut i64) (i64.const 5))
      (global (export "c") f32 (f32.const 1))
      (data (i32.const 65530) "abc")
      (func (export "set") (param i32 i64)
        (i64.store (local.get 0) (local.get 1))
        (global.set $g (local.get 1)))
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "size") (result i32) (memory.size)))`);
    const answers = batch(
      program,
      '!memory',
      'set i32:00000000 i64:0000000000000001',
      '!get g',
      '!get c',
      '!memory',
      'grow i32:00000001',
      'grow i32:00000002',
      'size',
      'set i32:0001fff8 i64:0000000000000000',
      'set i32:0001fff9 i64:0000000000000000',
      '!memory',
    );
    const memory = (pages: number, ...contents: [number, string][]) => {
      const bytes = Buffer.alloc(pages << 16);
      for (const [at, text] of contents) bytes.write(text, at, 'latin1');
      return `pages:${pages} sha256:${sha256(bytes)}`;
    };
    expect(answers).toEqual([
      memory(1, [65530, 'abc']),
      '',
      'i64:0000000000000001',
      'f32:3f800000',
      memory(1, [65530, 'abc'], [0, '\x01']),
      'i32:00000001',
      'i32:ffffffff',
      'i32:00000002',
      '',
      'trap: out of bounds memory access',
      memory(2, [65530, 'abc'], [0, '\x01']),
    ]);
  });
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('a trap', () => {
  let program: Uint8Array;
  beforeAll(() => {
    program = build(`(module
      (memory 1)
      (type $none (func))
      (type $number (func (result i32)))
      (table 3 funcref)
      (elem (i32.const 0) $number)
      (func $number (type $number) i32.const 7)
      (func (export "unreachable") unreachable)
      (func (export "divide") (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1)))
      (func (export "divide64") (param i64 i64) (result i64)
        (i64.div_s (local.get 0) (local.get 1)))
      (func (export "remainder") (param i32 i32) (result i32)
        (i32.rem_u (local.get 0) (local.get 1)))
      (func (export "remainder64") (param i64 i64) (result i64)
        (i64.rem_s (local.get 0) (local.get 1)))
      (func (export "truncate") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
      (func (export "truncate64") (param f32) (result i64) (i64.trunc_f32_u (local.get 0)))
      (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
      (func (export "far") (param i32) (result i32) (i32.load offset=4294967295 (local.get 0)))
      (func (export "store8") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
      (func (export "fill") (param i32 i32)
        (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
      (func (export "copy") (param i32 i32 i32)
        (memory.copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "indirect") (param i32) (result i32)
        (call_indirect (type $number) (local.get 0)))
      (func (export "other") (param i32) (call_indirect (type $none) (local.get 0)))
      (func $deeper (export "recurse") (param i64) (result i64)
        (i64.add (call $deeper (i64.add (local.get 0) (i64.const 1))) (local.get 0))))`);
  });

  it.each([
    ['unreachable', 'unreachable'],
    ['divide i32:00000001 i32:00000000', 'integer divide by zero'],
    ['divide i32:80000000 i32:ffffffff', 'integer overflow'],
    ['divide64 i64:8000000000000000 i64:ffffffffffffffff', 'integer overflow'],
    ['remainder i32:00000001 i32:00000000', 'integer divide by zero'],
    ['remainder64 i64:0000000000000001 i64:0000000000000000', 'integer divide by zero'],
    ['truncate f64:7ff8000000000000', 'invalid conversion to integer'],
    ['truncate f64:41e0000000000000', 'integer overflow'],
    ['truncate64 f32:bf800000', 'integer overflow'],
    ['load i32:0000fffd', 'out of bounds memory access'],
    ['load i32:ffffffff', 'out of bounds memory access'],
    ['far i32:00000000', 'out of bounds memory access'],
    ['far i32:ffffffff', 'out of bounds memory access'],
    ['store8 i32:00010000', 'out of bounds memory access'],
    ['fill i32:0000ffff i32:00000002', 'out of bounds memory access'],
    ['copy i32:00000000 i32:00008001 i32:00008000', 'out of bounds memory access'],
    ['indirect i32:00000003', 'undefined element'],
    ['indirect i32:ffffffff', 'undefined element'],
    ['indirect i32:00000001', 'uninitialized element'],
    ['other i32:00000000', 'indirect call type mismatch'],
    ['recurse i64:0000000000000000', 'call stack exhausted'],
  ])('%s: %s, after which calls go on', (call, words) => {
    expect(batch(program, call, 'indirect i32:00000000', call)).toEqual([
      `trap: ${words}`,
      'i32:00000007',
      `trap: ${words}`,
    ]);
  });

  it('ends --invoke and _start with 134 and its line on standard error', () => {
    const start = '(module (func (export "_start") unreachable))';
    const trapped = { stdout: '', stderr: 'trap: unreachable\n  in main!f0\n', status: 134 };
    expect(runExecutable(build(start))).toEqual(trapped);
    expect(invoke(build(start), '_start')).toEqual(trapped);
  });

  it('in instantiation is the only answer, and ends with 134', () => {
    const program = build(`(module
      (func $start unreachable)
      (start $start)
      (func (export "f")))`);
    expect(runExecutable(program, ['--batch'], 'f\n')).toEqual({
      stdout: 'trap: unreachable\n',
      stderr: '',
      status: 134,
    });
  });

  it.each([
    ['(memory 1) (data (i32.const 65535) "ab")', 'out of bounds memory access'],
    ['(table 1 funcref) (func $f) (elem (i32.const 1) $f)', 'out of bounds table access'],
  ])('of a segment that does not fit: %s', (fields, words) => {
    const { stdout, status } = runExecutable(build(`(module ${fields})`), ['--batch'], '');
    expect(stdout).toBe(`trap: ${words}\n`);
    expect(status).toBe(134);
  });
});

describe('modules linked to each other', () => {
  const counter = `(module
    (memory (export "memory") 1 4)
    (global $count (export "count") (mut i32) (i32.const 40))
    (global (export "answer") i64 (i64.const 42))
    (table (export "table") 4 funcref)
    (elem (i32.const 0) $next $store)
    (func $next (export "next") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count))
    (func $store (export "store") (param i32 i32) (result i32)
      (i32.store (local.get 0) (local.get 1))
      (i32.load (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "through") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
    (func (export "many") (param i32 i32 i32 i32 i32 i32 i64 f64 i64) (result i64 f64 i32 i64)
      local.get 6 local.get 7 local.get 0 local.get 8))`;

  it('call each other, each on its own memory', () => {
    const program = build(
      `(module
        (import "counter" "next" (func $next (result i32)))
        (import "counter" "store" (func $store (param i32 i32) (result i32)))
        (import "counter" "many" (func $many
          (param i32 i32 i32 i32 i32 i32 i64 f64 i64) (result i64 f64 i32 i64)))
        (memory 1)
        (func (export "run") (param i32) (result i32 i32)
          (i32.store (i32.const 8) (local.get 0))
          (i32.add (call $next) (call $store (i32.const 8) (i32.const 100)))
          (i32.load (i32.const 8)))
        (func (export "many") (result i64 f64 i32 i64)
          (call $many (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
            (i32.const 6) (i64.const 7) (f64.const 8) (i64.const 9))))`,
      { counter },
    );
    expect(
      batch(program, 'run i32:00000005', '@counter load i32:00000008', '@counter next', 'many'),
    ).toEqual([
      'i32:0000008d i32:00000005',
      'i32:00000064',
      'i32:0000002a',
      'i64:0000000000000007 f64:4020000000000000 i32:00000001 i64:0000000000000009',
    ]);
  });

  it('share memories, tables and globals', () => {
    const program = build(
      `(module
        (import "counter" "memory" (memory 1))
        (import "counter" "count" (global $count (mut i32)))
        (import "counter" "answer" (global $answer i64))
        (import "counter" "table" (table 2 funcref))
        (global $copy (export "copy") i64 (global.get $answer))
        (elem (i32.const 2) $own)
        (data (i32.const 16) "\\07")
        (func $own (result i32) (i32.load8_u (i32.const 16)))
        (func (export "grow") (result i32) (memory.grow (i32.const 2)))
        (func (export "size") (result i32) (memory.size))
        (func (export "set") (global.set $count (i32.const 7)))
        (func (export "next") (result i32) (call_indirect (result i32) (i32.const 0)))
        (func (export "answer") (result i64) (global.get $answer)))`,
      { counter },
    );
    expect(
      batch(
        program,
        'answer',
        '!get copy',
        'set',
        'next',
        '@counter through i32:00000002',
        'grow',
        '@counter store i32:0002fffc i32:00000003',
        'grow',
        'size',
      ),
    ).toEqual([
      'i64:000000000000002a',
      'i64:000000000000002a',
      '',
      'i32:00000008',
      'i32:00000007',
      'i32:00000001',
      'i32:00000003',
      'i32:ffffffff',
      'i32:00000003',
    ]);
  });

  it('number functions by their own imports, and take those numbers', () => {
    const quiet = '(module (func (export "seven") (result i32) i32.const 7))';
    const shared = `(module
      (import "quiet" "seven" (func $seven (result i32)))
      (table (export "table") 4 funcref)
      (elem (i32.const 0) func $hidden $known $seven)
      (func $hidden (result i32) i32.const 1)
      (func $known (export "known") (result i32) i32.const 2))`;
    const program = build(
      `(module
        (import "shared" "table" (table 4 funcref))
        (import "quiet" "seven" (func $seven (result i32)))
        (import "shared" "known" (func $known (result i32)))
        (import "shared" "known" (func (result i32)))
        (elem declare func $known)
        (func (export "get") (param i32) (result funcref) (table.get (local.get 0)))
        (func (export "refer") (result funcref) (ref.func $known))
        (func (export "id") (param funcref) (result funcref) (local.get 0))
        (func (export "call") (param funcref) (result i32)
          (table.set (i32.const 3) (local.get 0))
          (call_indirect (result i32) (i32.const 3))))`,
      { quiet, shared },
    );
    const ids = [0, 1, 4].map((index) => `id funcref:${index}`);
    const calls = ['call funcref:0', 'call funcref:1', 'id funcref:2'];
    const gets = ['get i32:00000000', 'get i32:00000001', 'get i32:00000002'];
    expect(batch(program, ...ids, ...calls, ...gets, 'refer', 'id funcref:4294967295')).toEqual([
      'funcref:0',
      'funcref:1',
      'funcref:4',
      'i32:00000007',
      'i32:00000002',
      'funcref:1',
      'funcref:4294967295',
      'funcref:1',
      'funcref:0',
      'funcref:1',
      'error: argument 1 expected funcref:VALUE',
    ]);
  });

  it('are instantiated in order, and what one did before another trapped stands', () => {
    const program = build('(module (import "b" "f" (func)) (func (export "g")))', {
      a: '(module (memory (export "m") 1) (func $s (i32.store8 (i32.const 0) (i32.const 1))) (start $s))',
      b: `(module
        (import "a" "m" (memory 1))
        (func (export "f"))
        (func $s (if (i32.load8_u (i32.const 0)) (then unreachable)))
        (start $s))`,
    });
    expect(runExecutable(program, ['--batch'], 'g\n').stdout).toBe('trap: unreachable\n');
  });

  it.each([
    ['(func)', 'nowhere', 'f', 'unknown import "nowhere" "f"'],
    ['(func)', 'counter', 'missing', 'unknown import "counter" "missing"'],
    ['(func)', 'counter', 'next', 'incompatible import type for "counter" "next"'],
    ['(global i32)', 'counter', 'count', 'incompatible import type for "counter" "count"'],
    ['(memory 2)', 'counter', 'memory', 'incompatible import type for "counter" "memory"'],
    ['(memory 1 3)', 'counter', 'memory', 'incompatible import type for "counter" "memory"'],
    ['(table 5 funcref)', 'counter', 'table', 'incompatible import type for "counter" "table"'],
    ['(func (param i64))', 'fuzzing-support', 'log-i32', 'incompatible import type'],
  ])('are refused as unlinkable: %s from %s %s', (type, module, name, message) => {
    const text = `(module (import "${module}" "${name}" ${type}))`;
    expect(() => build(text, { counter })).toThrow(`unlinkable: ${message}`);
  });
});

describe('host modules', () => {
  it('log on standard error', () => {
    const program = build(`(module
      (import "fuzzing-support" "log-i32" (func $i32 (param i32)))
      (import "fuzzing-support" "log-f64" (func $f64 (param f64)))
      (func (export "f") (call $i32 (i32.const -2)) (call $f64 (f64.const 1))))`);
    expect(runExecutable(program, ['--batch'], 'f\n')).toEqual({
      stdout: '\n',
      stderr: 'i32:fffffffe\nf64:3ff0000000000000\n',
      status: 0,
    });
  });

  it('include spectest with its globals, table and memory', () => {
    const program = build(`(module
      (import "spectest" "global_i32" (global $i i32))
      (import "spectest" "global_f64" (global $d f64))
      (import "spectest" "memory" (memory 1 2))
      (import "spectest" "table" (table 10 20 funcref))
      (import "spectest" "print_i32_f32" (func $print (param i32 f32)))
      (func (export "f") (result i32 f64 i32)
        (call $print (i32.const 1) (f32.const 2))
        (global.get $i) (global.get $d) (memory.grow (i32.const 2))))`);
    const { stdout, stderr } = runExecutable(program, ['--batch'], 'f\n');
    expect(stdout).toBe('i32:0000029a f64:4084d4cccccccccd i32:ffffffff\n');
    expect(stderr).toBe('i32:00000001 f32:40000000\n');
  });

  it('include the shared memory of spectest', () => {
    const sharing = (type: string) =>
      build(`(module (import "spectest" "shared_memory" (memory ${type}))
        (import "spectest" "global_i32" (global $i i32))
        (func (export "f") (result i32 i32)
          (i32.atomic.rmw.add (i32.const 8) (i32.const 1))
          (memory.size)))`);
    const { stdout } = runExecutable(sharing('1 2 shared'), ['--batch'], 'f\nf\n');
    expect(stdout).toBe('i32:00000000 i32:00000001\ni32:00000001 i32:00000001\n');
    expect(() => sharing('1 2')).toThrow('unlinkable: incompatible import type');
  });
});

describe('a WASI program', () => {
  const hello = `(module
    (import "wasi_snapshot_preview1" "fd_write"
      (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "hello\\n")
    (func $put (param $at i32) (param $size i32)
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $size))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))))
    (func (export "_start")
      (call $put (i32.const 8) (i32.const 6))
      (drop (call $sizes (i32.const 100) (i32.const 104)))
      (drop (call $args (i32.const 200) (i32.const 1024)))
      (call $put (i32.load (i32.const 204))
        (i32.sub (i32.add (i32.const 1024) (i32.load (i32.const 104))) (i32.load (i32.const 204))))
      (call $exit (i32.load (i32.const 100)))))`;

  it('writes, has its arguments, and chooses its exit code', () => {
    expect(runExecutable(build(hello), ['one', 'two'])).toEqual({
      stdout: 'hello\none\0two\0',
      stderr: '',
      status: 3,
    });
  });

  it('gets FAULT for buffers outside its memory, and BADF for what is not open', () => {
    const program = build(`(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "random") (param i32 i32) (result i32)
        (call $random (local.get 0) (local.get 1)))
      (func (export "write") (param i32 i32 i32 i32) (result i32)
        (call $write (local.get 0) (local.get 1) (local.get 2) (local.get 3))))`);
    expect(
      batch(
        program,
        'random i32:0000fff0 i32:00000010',
        'random i32:0000fff1 i32:00000010',
        'random i32:ffffffff i32:ffffffff',
        'write i32:00000009 i32:00000000 i32:00000000 i32:00000000',
        'write i32:00000001 i32:0000fff9 i32:00000001 i32:00000000',
        'write i32:00000001 i32:00000000 i32:ffffffff i32:00000000',
      ),
    ).toEqual([0, 21, 21, 8, 21, 21].map((n) => `i32:${n.toString(16).padStart(8, '0')}`));
  });

  it('without _start asks for --invoke or --batch', () => {
    const { stderr, status } = runExecutable(build('(module (func (export "f")))'));
    expect(stderr).toContain('no _start');
    expect(status).toBe(2);
  });
});

describe('an executable', () => {
  it('is the same, byte for byte, each time it is made', () => {
    expect(build(echo)).toEqual(build(echo));
  });
});
