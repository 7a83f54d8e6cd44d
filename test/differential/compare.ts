import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cpu } from '../../tools/compiler/compile.ts';
import { type LinkedModule, makeExecutable } from '../../tools/compiler/linux/executable.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { root } from '../../tools/root.ts';
import { random } from '../random.ts';
import { callsOf } from './calls.ts';
import { generateModule } from './generate.ts';
import { linesOf, type Run, runExecutable } from './native.ts';
import { type Outcome, runInV8, VECTOR_LOG } from './v8.ts';
import { withoutNanBits, withoutReferences } from './values.ts';

/** How often each exported function is called. */
const CALLS = 3;

/** Processors that code can be made for and that this one is. */
const levels: readonly Cpu[] = (['x86-64', 'x86-64-v2', 'x86-64-v3'] as const).filter((cpu) => {
  const flag = { 'x86-64': 'sse2', 'x86-64-v2': 'sse4_2', 'x86-64-v3': 'avx2' }[cpu];
  return new RegExp(`\\b${flag}\\b`).test(readFileSync('/proc/cpuinfo', 'utf8'));
});

/** What was compared of one module. */
export interface Tally {
  readonly calls: number;
  readonly traps: number;
  readonly logs: number;
}

/**
 * Makes the module of a seed, runs it in V8 and, compiled, on this CPU, and compares every answer and
 * every log line. Throws at the first difference, leaving the module and the calls in build/differential.
 */
export function compareSeed(wasmOpt: string, seed: number, runtime: WasmObject): Tally {
  const wasm = generateModule(wasmOpt, seed);
  const lines = callsOf(wasm, CALLS, random(seed ^ 0x5555_5555));
  const cpu = levels[seed % levels.length];
  try {
    return compare(wasm, lines, runtime, cpu);
  } catch (error) {
    const folder = join(root, 'build/differential');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${seed}.wasm`), wasm);
    writeFileSync(join(folder, `${seed}.calls`), lines.map((line) => `${line}\n`).join(''));
    throw new Error(`TACIT_SEED=${seed} (build/differential/${seed}.wasm): ${text(error)}`, {
      cause: error,
    });
  }
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Compares the answers to `lines`, and the logs, of V8 and of the compiled module. */
export function compare(
  wasm: Uint8Array<ArrayBuffer>,
  lines: readonly string[],
  runtime: WasmObject,
  cpu?: Cpu,
): Tally {
  const expected = runInV8(wasm, lines);
  const input = lines.map((line) => `${line}\n`).join('');
  checkRun(
    lines,
    expected,
    runExecutable(makeExecutable({ wasm }, linksOf(wasm), runtime, cpu), ['--batch'], input),
  );
  return {
    calls: lines.filter((line) => line.startsWith('"')).length,
    traps: expected.answers.filter((line) => line.startsWith('trap: ')).length,
    logs: expected.logs.length,
  };
}

/** What logs vectors, if the module logs any. */
export function linksOf(wasm: Uint8Array<ArrayBuffer>): LinkedModule[] {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm));
  const logsVectors = imports.some(({ name }) => name === 'log-v128');
  return logsVectors ? [{ name: 'fuzzing-support', wasm: VECTOR_LOG }] : [];
}

/** Throws at the first difference between what V8 answered to `lines` and what an executable did. */
export function checkRun(lines: readonly string[], expected: Outcome, run: Run): void {
  const answers = linesOf(run.stdout).map(withoutNanBits).map(withoutReferences);
  const logs = linesOf(run.stderr).map(withoutNanBits);
  // V8's stack is smaller: what a module has done by then cannot be compared any more.
  const exhausted = expected.answers.indexOf('trap: call stack exhausted');
  const comparable = exhausted < 0 ? expected.answers.length : exhausted;
  for (let i = 0; i < comparable; i++) check(lines[i] ?? '', expected.answers[i], answers[i]);
  if (exhausted >= 0) return;
  check('number of answers', String(expected.answers.length), String(answers.length));
  const trapped = expected.answers.length < lines.length;
  check('exit code', trapped ? '134' : '0', String(run.status));
  const count = Math.max(expected.logs.length, logs.length);
  for (let i = 0; i < count; i++) check(`log line ${i + 1}`, expected.logs[i], logs[i]);
}

function check(what: string, expected: string | undefined, got: string | undefined): void {
  if (expected === got || (got !== undefined && isOneOf(expected, got))) return;
  throw new Error(`${what}: V8 says ${expected}, the executable ${got}`);
}

/** Whether V8's word for several traps covers this one. */
function isOneOf(expected: string | undefined, got: string): boolean {
  const words = /^trap: (.*\|.*)$/.exec(expected ?? '')?.[1];
  return words !== undefined && got.startsWith('trap: ') && words.split('|').includes(got.slice(6));
}
