import { wat } from '../wat.ts';
import type { List } from './expression.ts';

/** Reads constants such as `(i32.const -1)` as --batch writes them. */
export type Constants = (constant: List) => string;

/** Words of a constant's operator, and of its operands. */
export function wordsOf({ items }: List): string[] {
  return items.map((item) => (item.kind === 'word' ? item.text : item.kind));
}

/**
 * Evaluates the numeric constants among `lists`, all at once, by a module that gives back their bits:
 * wabt reads the numbers, V8 runs it.
 */
export function evaluateConstants(lists: readonly List[]): Constants {
  const numeric = new Map<string, number>();
  for (const list of lists) {
    if (isNumeric(list) && !numeric.has(list.source)) numeric.set(list.source, numeric.size);
  }
  const functions = [...numeric].map(([source, i]) => bitsFunction(source, i));
  const module = new WebAssembly.Module(wat(`(module ${functions.join('\n')})`));
  const { exports } = new WebAssembly.Instance(module);
  return (constant) => {
    const i = numeric.get(constant.source);
    const bits = exports[String(i)];
    return typeof bits === 'function' ? formatBits(constant, bits()) : reference(constant);
  };
}

/** Whether a list is a number with bits of its own: not a reference, not a pattern of NaNs. */
export function isNumeric(list: List): boolean {
  const [operator = '', ...operands] = wordsOf(list);
  return /^(i32|i64|f32|f64|v128)\.const$/.test(operator) && !operands.some(isNanPattern);
}

export const isNanPattern = (word: string) => /^nan:(canonical|arithmetic)$/.test(word);

/** A function that returns the bits of a constant as one or two i64. */
function bitsFunction(source: string, i: number): string {
  const type = /^\((\w+)/.exec(source)?.[1] ?? '';
  const bits: Readonly<Record<string, string>> = {
    i32: `(i64.extend_i32_u ${source})`,
    i64: source,
    f32: `(i64.extend_i32_u (i32.reinterpret_f32 ${source}))`,
    f64: `(i64.reinterpret_f64 ${source})`,
    v128: `(i64x2.extract_lane 0 ${source}) (i64x2.extract_lane 1 ${source})`,
  };
  const results = type === 'v128' ? 'i64 i64' : 'i64';
  return `(func (export "${i}") (result ${results}) ${bits[type]})`;
}

function formatBits(constant: List, bits: bigint | readonly [bigint, bigint]): string {
  const type = (wordsOf(constant)[0] ?? '').replace('.const', '');
  const digits = { i32: 8, i64: 16, f32: 8, f64: 16, v128: 32 }[type] ?? 0;
  const value =
    typeof bits === 'bigint'
      ? BigInt.asUintN(64, bits)
      : BigInt.asUintN(64, bits[0]) | (BigInt.asUintN(64, bits[1]) << 64n);
  return `${type}:${value.toString(16).padStart(digits, '0')}`;
}

/** `(ref.extern N)` is the host's number N. */
function reference(constant: List): string {
  const [operator = '', operand = ''] = wordsOf(constant);
  if (operator === 'ref.null') return `${operand.replace(/ref$/, '')}ref:null`;
  if (operator === 'ref.extern') return `externref:${Number(operand).toString(16)}`;
  throw new SyntaxError(`line ${constant.line}: no constant: ${constant.source}`);
}
