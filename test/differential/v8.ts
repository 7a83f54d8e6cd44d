import { createHash } from 'node:crypto';
import { wat } from '../wat.ts';
import { type Signatures, signaturesOf } from './signatures.ts';
import { formatComparable, formatValue, parseValue } from './values.ts';

/** What came of a module: an answer a line, what it logged, and how its executable has to end. */
export interface Outcome {
  readonly answers: readonly string[];
  readonly logs: readonly string[];
  readonly exitCode: 0 | 134;
}

/**
 * The module that logs vectors, as two i64: JavaScript has none. Lanes that are NaN as floats are logged as
 * 0, since --denan leaves those of vectors in.
 */
export const VECTOR_LOG = wat(`(module
  (import "fuzzing-support" "log-i64" (func $log (param i64)))
  (func (export "log-v128") (param v128)
    (local.set 0 (v128.and (local.get 0) (f32x4.eq (local.get 0) (local.get 0))))
    (local.set 0 (v128.and (local.get 0) (f64x2.eq (local.get 0) (local.get 0))))
    (call $log (i64x2.extract_lane 0 (local.get 0)))
    (call $log (i64x2.extract_lane 1 (local.get 0)))))`);

function vectorLog(imports: WebAssembly.Imports): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(VECTOR_LOG), imports).exports;
}

/** Answers the lines of --batch in V8, until an answer is `last`. Names are JSON strings. */
export function runInV8(
  wasm: Uint8Array<ArrayBuffer>,
  lines: readonly string[],
  last: RegExp,
): Outcome {
  const logs: string[] = [];
  const log = (type: 'i32' | 'i64' | 'f32' | 'f64') => (value: number | bigint) => {
    logs.push(formatValue(type, value));
  };
  const imports = {
    'fuzzing-support': {
      'log-i32': log('i32'),
      'log-i64': log('i64'),
      'log-f32': log('f32'),
      'log-f64': log('f64'),
    },
  };
  Object.assign(imports['fuzzing-support'], vectorLog(imports));
  const signatures = signaturesOf(wasm);
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports);
  } catch (error) {
    return { answers: [trapOf(error)], logs, exitCode: 134 };
  }
  const answers: string[] = [];
  for (const line of lines) {
    const logged = logs.length;
    const given = answer(instance, signatures, line);
    if (last.test(given)) return { answers, logs: logs.slice(0, logged), exitCode: 0 };
    answers.push(given);
  }
  return { answers, logs, exitCode: 0 };
}

function answer(
  { exports }: WebAssembly.Instance,
  { functions, globals }: Signatures,
  line: string,
): string {
  if (line === '!memory') {
    const memory = Object.values(exports).find((e) => e instanceof WebAssembly.Memory);
    if (!(memory instanceof WebAssembly.Memory)) return 'error: the module has no memory';
    // A copy, since the memory may be a shared one.
    const bytes = new Uint8Array(memory.buffer).slice();
    const hash = createHash('sha256').update(bytes).digest('hex');
    return `pages:${memory.buffer.byteLength / 0x1_0000} sha256:${hash}`;
  }
  const [, name = '', rest = ''] = /^(?:!get )?("(?:[^"\\]|\\.)*")(.*)$/.exec(line) ?? [];
  const exported = exports[JSON.parse(name)];
  const global = globals.get(JSON.parse(name));
  if (exported instanceof WebAssembly.Global && global)
    return formatComparable(global, exported.value);
  const type = functions.get(JSON.parse(name));
  if (typeof exported !== 'function' || !type) return `error: no exported function named ${name}`;
  try {
    const result = exported(...rest.split(' ').filter(Boolean).map(parseValue));
    const results = type.results.length === 1 ? [result] : (result ?? []);
    return type.results.map((t, i) => formatComparable(t, results[i])).join(' ');
  } catch (error) {
    return trapOf(error);
  }
}

/** V8's words for traps in the specification's. Where it has one for two, both stand, with `|`. */
const traps: readonly (readonly [v8: RegExp, words: string])[] = [
  [/^unreachable$/, 'unreachable'],
  [/^(divide|remainder) by zero$/, 'integer divide by zero'],
  [/^divide result unrepresentable$/, 'integer overflow'],
  [/^float unrepresentable/, 'integer overflow|invalid conversion to integer'],
  // An atomic access that is both is told as either.
  [/^memory access out of bounds$/, 'out of bounds memory access|unaligned atomic'],
  [/^operation does not support unaligned accesses$/, 'unaligned atomic'],
  [/^data segment .*out of bounds|^data segment is out of bounds/, 'out of bounds memory access'],
  [/^table index is out of bounds$/, 'undefined element'],
  [/^table access out of bounds$/, 'undefined element|out of bounds table access'],
  [/^null function or function signature/, 'uninitialized element|indirect call type mismatch'],
  [/^Maximum call stack size exceeded$/, 'call stack exhausted'],
];

function trapOf(error: unknown): string {
  const message = (error as Error).message.replace(/^WebAssembly\.\w+\(\): /, '');
  const found = traps.find(([v8]) => v8.test(message));
  if (!found) throw error;
  return `trap: ${found[1]}`;
}
