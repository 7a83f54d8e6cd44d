import type { Operation } from './operation.ts';
import { branch, immediate, kind, register, setRegister, top, type Width } from './parts.ts';

/** Conditions by code over the operands of a comparison, or over the result of a test. */
const COMPARED: Readonly<Record<number, string>> = {
  2: 'a < b',
  3: 'a >= b',
  4: 'a === b',
  5: 'a !== b',
  6: 'a <= b',
  7: 'a > b',
  12: 'S(a) < S(b)',
  13: 'S(a) >= S(b)',
  14: 'S(a) <= S(b)',
  15: 'S(a) > S(b)',
};
const TESTED: Readonly<Record<number, string>> = {
  4: 'c === 0',
  5: 'c !== 0',
  8: 'S(c) < 0',
  9: 'S(c) >= 0',
  14: 'S(c) <= 0',
  15: 'S(c) > 0',
};

/**
 * A comparison and the conditional branch right behind it, as one operation: the most frequent pair
 * of compiled code. Its record is that of the first; the branch's follows it, and is passed over.
 */
function fuse(
  first: string,
  work: string,
  width: Width,
  conditions: Readonly<Record<number, string>>,
): Operation[] {
  return Object.entries(conditions).map(([code, condition]) => ({
    key: `${first}+jcc${code}`,
    body: `${work}
      if (${condition.replaceAll('S(', `<i${width}>(`)}) { p += 32; ${branch(false)} }
      else { p += 64; continue; }`,
  }));
}

function compare(width: Width, form: string, b: string): Operation[] {
  const work = `const a: u${width} = ${register(width, 2)}; const b: u${width} = ${b};
    result = ${top(width, 'a - b')}; first = ${top(width, 'a')}; second = ${top(width, 'b')};
    kind = ${kind('SUB', width)};`;
  return fuse(`cmp.${width}.${form}`, work, width, COMPARED);
}

function test(width: Width, form: string, b: string): Operation[] {
  const work = `const c: u${width} = ${register(width, 2)} & ${b};
    result = ${top(width, 'c')}; first = 0; second = 0; kind = ${kind('LOGIC', width)};`;
  return fuse(`test.${width}.${form}`, work, width, TESTED);
}

function decrement(width: Width): Operation[] {
  const work = `const c: u${width} = ${register(width, 2)} - 1; ${setRegister(width, 'c')}
    result = ${top(width, 'c')}; kind = ${kind('DEC', width)};`;
  return fuse(`dec.${width}.r`, work, width, { 4: 'c === 0', 5: 'c !== 0' });
}

const WIDTHS: readonly Width[] = [32, 64];

export const fused: readonly Operation[] = WIDTHS.flatMap((width) => [
  ...compare(width, 'rr', register(width, 3)),
  ...compare(width, 'ri', immediate(width)),
  ...test(width, 'rr', register(width, 3)),
  ...test(width, 'ri', immediate(width)),
  ...decrement(width),
]);
