import { expect, it } from 'vitest';
import { afterPass, moduleWith } from '../../../test/compiled.ts';

const OPERATIONS = 6;

/** An interpreter: the bytes from the pointer on say what happens to a number. */
const interpreter = moduleWith(
  '(param $at i32) (result i32) (local $sum i32)',
  `(loop $next
    ${'(block '.repeat(OPERATIONS)}
    (br_table ${Array.from({ length: OPERATIONS }, (_, i) => i).join(' ')}
      (i32.load8_u (local.get $at)))
    ${Array.from({ length: OPERATIONS - 1 }, (_, i) => {
      return `) (local.set $sum (i32.mul (local.get $sum) (i32.const ${i + 11})))
        (local.set $at (i32.add (local.get $at) (i32.const ${i + 1}))) (br $next)`;
    }).join('\n')}
    ) (return (local.get $sum)))
  (unreachable)`,
);

it('each operation of an interpreter goes on to the next one by a jump of its own, in a line of its own', () => {
  const code = afterPass('object', interpreter);
  const jumps = code.filter((line) => /jmp QWORD PTR/.test(line));
  expect(jumps).toHaveLength(OPERATIONS);
  const starts = code.filter((line) => /imul/.test(line)).map((line) => Number.parseInt(line, 16));
  expect(starts).toHaveLength(OPERATIONS - 1);
  expect(starts.map((start) => start % 64)).toEqual(starts.map(() => 0));
});
