import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

const text = (signature: string, body: string, pass = 'phis') =>
  afterPass(pass, moduleWith(signature, body));

describe('SSA from structured control flow', () => {
  it('gives a merge a phi for what differs between its predecessors', () => {
    const lines = text(
      '(param i32 i32) (result i32)',
      `(if (local.get 0) (then (local.set 1 (i32.const 7))))
       (i32.add (local.get 0) (local.get 1))`,
    );
    expect(lines).toEqual([
      'function f(i32, i32) -> (i32)',
      'b0:',
      '  v0: i32 = param',
      '  v1: i32 = param[1]',
      '  branch v0, b1, b2',
      'b1:  ; from b0',
      '  jump b3',
      'b2:  ; from b0',
      '  jump b3',
      'b3:  ; from b1 b2',
      '  v3: i32 = phi 7, v1',
      '  v4: i32 = i32.add v0, v3',
      '  return v4',
    ]);
  });

  it('gives a loop a phi for what it assigns, and none for what it only seems to', () => {
    const lines = text(
      '(param i32 i32)',
      `(loop
         (local.set 1 (local.get 1))
         (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))`,
    );
    expect(lines.filter((line) => line.includes('phi'))).toEqual([
      expect.stringMatching(/v\d+: i32 = phi v0, v\d+/),
    ]);
  });

  it('carries operands over the edges of blocks with parameters', () => {
    const lines = text(
      '(param i32) (result i32)',
      `(i32.const 5) (loop (param i32) (result i32)
         (i32.add (i32.const 1)) (br_if 0 (local.get 0)))`,
    );
    expect(lines.join('\n')).toMatch(
      /b1:.*loop\n {2}v\d+: i32 = phi 5, v(\d+)\n.*v\1: i32 = i32.add/,
    );
  });

  it('switches once to each distinct label', () => {
    const lines = text(
      '(param i32) (result i32)',
      `(block (block (br_table 0 1 0 1 0 (local.get 0))) (return (i32.const 1))) (i32.const 2)`,
    );
    expect(lines).toContain('  switch v0, b1 b2 b1 b2 b1');
  });

  it('leaves out what cannot be reached', () => {
    const lines = text('(result i32)', '(return (i32.const 1)) (i32.mul (i32.const 2)) (br 0)');
    expect(lines.slice(1)).toEqual(['b0:', '  return 1']);
  });

  it('knows what a global holds until something is called', () => {
    const lines = text(
      '(result i32)',
      `(global.set $g (i32.const 3)) (drop (global.get $g)) (call $other)
       (i32.add (global.get $g) (global.get $g))`,
    );
    expect(lines.filter((line) => line.includes('global.get'))).toHaveLength(1);
    expect(lines.at(-2)).toMatch(/i32.add v(\d+), v\1/);
  });

  it('does not know it in a loop that may change it', () => {
    const lines = text(
      '(param i32) (result i32)',
      `(global.set $g (i32.const 3))
       (loop (global.set $g (i32.add (global.get $g) (i32.const 1))) (br_if 0 (local.get 0)))
       (global.get $g)`,
    );
    expect(lines.filter((line) => line.includes('global.get'))).toHaveLength(1);
  });
});
