import { describe, expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { foldI32, foldI64, foldUnaryI32, foldUnaryI64 } from './fold.ts';
import { Simplifier } from './simplify.ts';
import { Fn, resolve, type Value } from './value.ts';

/** The value of a pure operation when `x` has the given value. */
function evaluate(value: Value, x: Value, given: number): number | bigint {
  const v = resolve(value);
  if (v === x) return given;
  if (v.op === Op.I32_CONST) return v.imm;
  if (v.op === Op.I64_CONST) return v.bits;
  const [a, b] = v.args.map((arg) => evaluate(arg, x, given));
  const result =
    b === undefined
      ? typeof a === 'bigint'
        ? foldUnaryI64(v.op, a)
        : foldUnaryI32(v.op, a as number)
      : typeof a === 'bigint'
        ? foldI64(v.op, a, b as bigint)
        : foldI32(v.op, a as number, b as number);
  if (result === undefined) throw new RangeError(`cannot evaluate ${v.op}`);
  return v.type === Type.I64 ? BigInt.asIntN(64, BigInt(result)) : Number(result);
}

const EDGES = [
  0, 1, 2, 3, 6, 7, 8, 9, 100, 0x7fff_fffe, 0x7fff_ffff, -1, -2, -7, -100, -0x8000_0000,
];
const DIVISORS = [
  2, 3, 5, 6, 7, 9, 10, 25, 64, 125, 641, 1000, 65537, 0x7fff_ffff, -2, -3, -7, -64,
];

describe('division by a constant', () => {
  const ops = [Op.I32_DIV_S, Op.I32_DIV_U, Op.I32_REM_S, Op.I32_REM_U];
  it.each(ops)('gives what the division gives (opcode %i)', (op) => {
    for (const d of [...DIVISORS, ...EDGES.filter((n) => n !== 0)]) {
      const fn = new Fn('f', 0, [], []);
      const block = fn.newBlock();
      const simplifier = new Simplifier(fn, (o, type, args) =>
        fn.value(o, type, args, 0, block, 0),
      );
      const x = fn.value(0x1001, Type.I32, [], 0, block, 0);
      const quotient = simplifier.make(op, Type.I32, [x, fn.i32(d)]);
      const multiples = EDGES.flatMap((n) => [Math.imul(n, d), Math.imul(n, d) - 1]);
      for (const n of [...EDGES, ...multiples]) {
        const expected = foldI32(op, n | 0, d);
        if (expected === undefined) continue;
        expect([d, n, evaluate(quotient, x, n | 0)]).toEqual([d, n, expected]);
      }
    }
  });
});

describe('an operation becomes', () => {
  const returned = (body: string, signature = '(param i32) (result i32)') =>
    afterPass('dce', moduleWith(signature, body)).slice(2);

  it.each([
    ['a constant', '(i32.mul (i32.const 6) (i32.const 7))', ['  return 42']],
    ['its operand', '(i32.add (local.get 0) (i32.const 0))', ['  return v0']],
    [
      'one addition',
      '(i32.add (i32.sub (local.get 0) (i32.const 5)) (i32.const 3))',
      ['i32.add v0, -2'],
    ],
    ['a shift', '(i32.mul (local.get 0) (i32.const 8))', ['i32.shl v0, 3']],
    ['a mask', '(i32.rem_u (local.get 0) (i32.const 16))', ['i32.and v0, 15']],
    [
      'the opposite comparison',
      '(i32.eqz (i32.lt_s (local.get 0) (i32.const 4)))',
      ['i32.ge_s v0, 4'],
    ],
    ['a comparison with zero', '(i32.eq (i32.const 0) (local.get 0))', ['i32.eqz v0']],
    [
      'a rotation',
      '(i32.or (i32.shl (local.get 0) (i32.const 5)) (i32.shr_u (local.get 0) (i32.const 27)))',
      ['i32.rotl v0, 5'],
    ],
    [
      'a sign extension',
      '(i32.shr_s (i32.shl (local.get 0) (i32.const 24)) (i32.const 24))',
      ['i32.extend8_s v0'],
    ],
    [
      'nothing, if it masks what is small',
      '(i32.and (i32.load8_u (local.get 0)) (i32.const 255))',
      ['load8_u'],
    ],
  ])('%s', (_, body, expected) => {
    const lines = returned(body).filter((line) => !line.includes('param'));
    for (const [i, text] of expected.entries()) expect(lines[i]).toContain(text);
    expect(lines.length - expected.length).toBeLessThanOrEqual(1);
  });

  it('never drops a division by zero, which traps', () => {
    expect(returned('(drop (i32.div_u (local.get 0) (i32.const 0))) (i32.const 1)')).toContainEqual(
      expect.stringContaining('i32.div_u v0, 0'),
    );
  });

  it('never drops a load, which may trap', () => {
    expect(returned('(drop (i32.load (local.get 0))) (i32.const 1)')).toContainEqual(
      expect.stringContaining('i32.load v0'),
    );
  });

  it('the same value as an equal one that dominates it, and not as one in another branch', () => {
    const body = `(drop (i32.mul (local.get 0) (local.get 0)))
      (if (local.get 0) (then (i32.store (i32.const 0) (i32.mul (local.get 0) (local.get 0)))
                              (i32.store (i32.const 4) (i32.add (local.get 0) (local.get 0)))))
      (i32.add (local.get 0) (local.get 0))`;
    const lines = returned(body);
    expect(lines.filter((line) => line.includes('mul'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('i32.add'))).toHaveLength(2);
  });
});
