import { expect, it } from 'vitest';
import { runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import { makeExecutable } from '../linux/executable.ts';
import { compileRuntime } from '../linux/runtime.ts';

/**
 * `copy` and `fill` do what they are named after in one half of 8 KiB, and byte by byte in the other, and
 * answer how many bytes then differ. The halves are made alike before.
 */
const module = wat(`(module (memory 1)
  (func $prepare (local $i i32)
    (loop $next
      (i32.store8 (local.get $i) (i32.mul (local.get $i) (i32.const 167)))
      (i32.store8 offset=4096 (local.get $i) (i32.mul (local.get $i) (i32.const 167)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 4096)))))
  (func $differences (result i32) (local $i i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum)
        (i32.ne (i32.load8_u (local.get $i)) (i32.load8_u offset=4096 (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 4096))))
    (local.get $sum))
  (func (export "copy") (param $to i32) (param $from i32) (param $size i32) (result i32)
    (local $i i32) (local $step i32)
    (call $prepare)
    (memory.copy (local.get $to) (local.get $from) (local.get $size))
    ;; From the end if the destination comes later.
    (local.set $step (i32.const 1))
    (if (i32.gt_u (local.get $to) (local.get $from))
      (then (local.set $step (i32.const -1))
        (local.set $i (i32.sub (local.get $size) (i32.const 1)))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $size)))
      (i32.store8 offset=4096 (i32.add (local.get $to) (local.get $i))
        (i32.load8_u offset=4096 (i32.add (local.get $from) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (local.get $step)))
      (br $next)))
    (call $differences))
  (func (export "fill") (param $to i32) (param $byte i32) (param $size i32) (result i32)
    (local $i i32)
    (call $prepare)
    (memory.fill (local.get $to) (local.get $byte) (local.get $size))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $size)))
      (i32.store8 offset=4096 (i32.add (local.get $to) (local.get $i)) (local.get $byte))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (call $differences)))`);

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const SIZES = [...range(0, 70), ...range(94, 100), 500, 511, 512, 1023, 1024, 1025, 1500];
const DISTANCES = [0, 1, 7, 15, 16, 17, 31, 33, 63, 64, 65, 130, 1024];

const hex = (n: number) => `i32:${n.toString(16).padStart(8, '0')}`;

it.each(['x86-64', 'x86-64-v3'] as const)(
  'the routines copy and fill what is asked for, and nothing else (%s)',
  async (cpu) => {
    const exe = makeExecutable({ wasm: module }, [], await compileRuntime(), cpu);
    const calls = SIZES.flatMap((size) => [
      ...DISTANCES.flatMap((distance) => [
        `copy ${hex(200 + distance)} ${hex(200)} ${hex(size)}`,
        `copy ${hex(201)} ${hex(201 + distance)} ${hex(size)}`,
      ]),
      `fill ${hex(203)} ${hex(0x1a5)} ${hex(size)}`,
    ]);
    const { stdout } = runExecutable(exe, ['--batch'], calls.map((call) => `${call}\n`).join(''));
    const answers = stdout.trimEnd().split('\n');
    expect(answers).toHaveLength(calls.length);
    expect(calls.filter((_, i) => answers[i] !== hex(0))).toEqual([]);
  },
);
