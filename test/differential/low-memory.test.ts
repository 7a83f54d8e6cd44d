import { describe, expect, it } from 'vitest';
import { wat } from '../wat.ts';
import { atLowMemory, DIGEST } from './low-memory.ts';
import { runInV8 } from './v8.ts';

const NEVER = /(?!)/;

/** Everything that has to do with the memory, with offsets and without. */
const MODULE = `(module
  (memory 1 3 shared)
  (global (export "g") (mut i32) (i32.const 1))
  (data (i32.const 16) "\\01\\02\\03\\04\\05\\06\\07\\08\\09")
  (data $passive "abcdefgh")
  (func (export "loads") (param i32) (result i64)
    (i64.add (i64.load (local.get 0)) (i64.load32_s offset=4 (local.get 0))))
  (func (export "stores") (param i32 i64)
    (i64.store (local.get 0) (local.get 1))
    (f64.store offset=8 (local.get 0) (f64.convert_i64_s (local.get 1))))
  (func (export "vectors") (param i32) (result i64)
    (v128.store offset=32 (local.get 0) (v128.load8_splat (local.get 0)))
    (v128.store64_lane 1 (local.get 0) (v128.load (local.get 0)))
    (i64x2.extract_lane 0 (v128.load16_lane offset=2 3 (local.get 0) (v128.load (local.get 0)))))
  (func (export "atomics") (param i32 i64) (result i64)
    (i64.atomic.store offset=8 (local.get 0) (local.get 1))
    (i64.add (i64.atomic.rmw.cmpxchg (local.get 0) (local.get 1) (i64.const 5))
      (i64.atomic.rmw.xchg offset=8 (local.get 0) (local.get 1))))
  (func (export "bulk") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2))
    (memory.copy (local.get 1) (local.get 0) (local.get 2))
    (memory.init $passive (local.get 0) (i32.const 1) (i32.const 7)))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`;

const LINES = [
  '"loads" i32:00000010',
  '"stores" i32:00000040 i64:0123456789abcdef',
  '"loads" i32:00000043',
  '"vectors" i32:00000010',
  '"atomics" i32:00000100 i64:0000000000000000',
  '"atomics" i32:00000100 i64:0000000000000005',
  '"bulk" i32:00000200 i32:00000041 i32:00000020',
  '"loads" i32:00000041',
  '"loads" i32:00000203',
  '"size"',
  '"grow" i32:00000001',
  '"grow" i32:00000002',
  '"grow" i32:ffffffff',
  '"size"',
  '"stores" i32:0001fff0 i64:0000000000000001',
];

describe('a module whose memory is moved up', () => {
  const original = wat(MODULE);
  const moved = atLowMemory(original) ?? original;

  it('answers as before', () => {
    const { answers } = runInV8(original, LINES, NEVER);
    expect(runInV8(moved, LINES, NEVER).answers).toEqual(answers);
    expect(answers).not.toContainEqual(expect.stringMatching(/trap|error/));
  });

  it('tells of each change in its memory', () => {
    const digest = JSON.stringify(DIGEST);
    const lines = [
      '"stores" i32:0001fff0 i64:0000000000000000',
      digest,
      ...LINES.slice(1, 2),
      digest,
    ];
    const { answers } = runInV8(moved, ['"grow" i32:00000001', ...lines, digest], NEVER);
    expect(answers[2]).not.toBe(answers[4]);
    expect(answers[4]).toBe(answers[5]);
  });
});
