import { type Constants, isNanPattern, isNumeric, wordsOf } from './constants.ts';
import type { List } from './expression.ts';

/** Whether a value of --batch is what an assert_return expects: one value, or a pattern of several. */
export function isExpected(expected: List, got: string, constants: Constants): boolean {
  const [operator = '', ...operands] = wordsOf(expected);
  if (isNumeric(expected)) return constants(expected) === got;
  switch (operator) {
    case 'either':
      return expected.items.some(
        (item) => item.kind === 'list' && isExpected(item, got, constants),
      );
    case 'f32.const':
      return isNan(operands[0] ?? '', bitsOf(got), 32);
    case 'f64.const':
      return isNan(operands[0] ?? '', bitsOf(got), 64);
    case 'v128.const':
      return lanesAreExpected(operands, bitsOf(got), expected, constants);
    case 'ref.func':
      return /^funcref:\d+$/.test(got);
    default:
      if (operands.length > 0) return constants(expected) === got;
      return operator === 'ref.null' ? got.endsWith('ref:null') : /^externref:[0-9a-f]+$/.test(got);
  }
}

const bitsOf = (got: string) => BigInt(`0x${got.split(':')[1] || '0'}`);

/** A vector with patterns: they stand in lanes, the other lanes are compared as numbers. */
function lanesAreExpected(
  [shape = '', ...lanes]: readonly string[],
  bits: bigint,
  expected: List,
  constants: Constants,
): boolean {
  const width = shape === 'f32x4' ? 32 : 64;
  const type = width === 32 ? 'f32' : 'f64';
  return lanes.every((text, lane) => {
    const part = BigInt.asUintN(width, bits >> BigInt(lane * width));
    if (isNanPattern(text)) return isNan(text, part, width);
    const source = `(${type}.const ${text})`;
    const items = [`${type}.const`, text].map((word) => ({ kind: 'word', text: word }) as const);
    return bitsOf(constants({ ...expected, items, source })) === part;
  });
}

/** The lanes of a vector with patterns as constants of their own, which must be evaluated too. */
export function laneConstants(expected: List): List[] {
  const [operator = '', shape = '', ...lanes] = wordsOf(expected);
  if (operator !== 'v128.const' || !lanes.some(isNanPattern)) return [];
  const type = shape === 'f32x4' ? 'f32' : 'f64';
  return lanes
    .filter((text) => !isNanPattern(text))
    .map((text) => ({
      ...expected,
      items: [`${type}.const`, text].map((word) => ({ kind: 'word', text: word }) as const),
      source: `(${type}.const ${text})`,
    }));
}

/** A canonical NaN has only the top payload bit, an arithmetic one at least that. Wasm §2.2.3. */
function isNan(pattern: string, bits: bigint, width: number): boolean {
  const mantissa = width === 32 ? 23n : 52n;
  const magnitude = BigInt.asUintN(width - 1, bits);
  const quiet = ((1n << BigInt(width - 1)) - 1n) ^ ((1n << (mantissa - 1n)) - 1n);
  return pattern === 'nan:canonical' ? magnitude === quiet : (magnitude & quiet) === quiet;
}
