import { beforeAll, describe, expect, it } from 'vitest';
import { linesOf, runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import type { WasmObject } from '../object.ts';
import { makeExecutable } from './executable.ts';
import { compileRuntime } from './runtime.ts';

let runtime: WasmObject;
/** Gives back what it is given. */
let same: Uint8Array;
beforeAll(async () => {
  runtime = await compileRuntime();
  same = build('(module (func (export "i32") (param i32) (result i32) local.get 0))');
});

const build = (module: string) => makeExecutable({ wasm: wat(module) }, [], runtime);

describe('what Linux does not write or read', () => {
  const unwritten = 'error: standard output cannot be written: error 28 of Linux\n';

  it.each([['--invoke', 'i32', '1'], ['--batch']])('ends %s with 74 and a line', (...args) => {
    const run = runExecutable(same, args, 'i32 i32:00000001\n', '> /dev/full');
    expect(run).toEqual({ stdout: '', stderr: unwritten, status: 74 });
  });

  it('ends --batch at once, and is not hidden by a program that exits', () => {
    const program = build(`(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "fuzzing-support" "log-i32" (func $log (param i32)))
      (memory (export "memory") 1)
      (func (export "f") (result i64) i64.const 0)
      (func (export "log") (call $log (i32.const 1)))
      (func (export "exit") (param i32) (call $exit (local.get 0))))`);
    const full = (input: string) => runExecutable(program, ['--batch'], input, '> /dev/full');
    expect(full('f\nexit i32:00000000\n')).toEqual({ stdout: '', stderr: unwritten, status: 74 });
    expect(full('f\nexit i32:00000003\n')).toEqual({ stdout: '', stderr: unwritten, status: 3 });
    expect(full(`${'f\n'.repeat(10_000)}log\n`).stderr).toBe(unwritten);
  });

  it('at once, as the program has asked for, it does later', () => {
    const program = build(`(module
      (import "wasi_snapshot_preview1" "fd_fdstat_set_flags"
        (func $set (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "hurry") (result i32) (call $set (i32.const 1) (i32.const 4)))
      (func (export "f") (result v128) (v128.const i64x2 1 2)))`);
    const calls = 20_000;
    const input = `hurry\n${'f\n'.repeat(calls)}`;
    // More than a pipe holds, before anyone reads.
    const { stdout, stderr } = runExecutable(program, ['--batch'], input, '| (sleep 0.2; cat)');
    expect(stderr).toBe('');
    const [first, ...others] = linesOf(stdout);
    expect(first).toBe('i32:00000000');
    expect(others).toEqual(
      Array.from({ length: calls }, () => `v128:${'2'.padStart(16, '0')}${'1'.padStart(16, '0')}`),
    );
  });

  it('ends --batch with 74 and a line if it is standard input', () => {
    expect(runExecutable(same, ['--batch'], '', '< /')).toEqual({
      stdout: '',
      stderr: 'error: standard input cannot be read: error 21 of Linux\n',
      status: 74,
    });
  });
});
