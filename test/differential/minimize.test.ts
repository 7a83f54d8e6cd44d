import { describe, expect, it } from 'vitest';
import { wat } from '../wat.ts';
import { witness } from '../witness.ts';
import type { Case } from './compare.ts';
import { minimize } from './minimize.ts';
import { runInV8 } from './v8.ts';

const others = Array.from(
  { length: 6 },
  (_, i) => `(func (export "other ${i}") (result i32) (i32.mul (global.get $g) (i32.const ${i})))`,
);

const found: Case = {
  wasm: wat(`(module (global $g (mut i32) (i32.const 7)) ${others.join('\n')}
    (func (export "set") (param i32) (global.set $g (i32.add (local.get 0) (i32.const 3))))
    (func (export "get") (result i32)
      (if (result i32) (i32.eq (global.get $g) (i32.const 8)) (then (i32.div_s (i32.const 1) (i32.const 0)))
        (else (i32.const 1)))))`),
  lines: [
    ...others.map((_, i) => `"other ${i}"`),
    ...['"set" i32:00000001', '"get"', '"set" i32:00000005', '"other 2"', '"get"', '"other 3"'],
  ],
  cpu: 'x86-64',
  atBase0: false,
  isChecked: false,
};

const divides = ({ wasm, lines }: Case) => {
  try {
    const { answers } = runInV8(wasm, lines, /(?!)/);
    return answers.includes('trap: integer divide by zero');
  } catch {
    return false;
  }
};

describe('the minimizer', () => {
  it.skipIf(!witness('wasm-reduce'))('keeps what a failure needs (wasm-reduce)', async () => {
    const { wasm, lines } = await minimize(found, divides);
    expect(divides({ ...found, wasm, lines })).toBe(true);
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(wasm.length).toBeLessThan(found.wasm.length / 3);
  });
});
