import { readFileSync } from 'node:fs';
import type { Cpu } from '../../tools/compiler/compile.ts';
import { type LinkedModule, makeExecutable } from '../../tools/compiler/linux/executable.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { checkModules } from './check-modules.ts';
import { LOW_MEMORY } from './low-memory.ts';
import { linesOf, type Run, runExecutable } from './native.ts';
import { type Outcome, runInV8, VECTOR_LOG } from './v8.ts';
import { withoutNanBits, withoutReferences } from './values.ts';

/** A module, lines of --batch for it, and how it is compiled. */
export interface Case {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly lines: readonly string[];
  readonly cpu: Cpu;
  /** In the kernel's form, with its memory at LOW_MEMORY. */
  readonly atBase0: boolean;
  /** Whether check-image reads its code, too. */
  readonly isChecked: boolean;
}

/** Processors that code can be made for and that this one is. */
export const LEVELS: readonly Cpu[] = (['x86-64', 'x86-64-v2', 'x86-64-v3'] as const).filter(
  (cpu) => {
    const flag = { 'x86-64': 'sse2', 'x86-64-v2': 'sse4_2', 'x86-64-v3': 'avx2' }[cpu];
    return new RegExp(`\\b${flag}\\b`).test(readFileSync('/proc/cpuinfo', 'utf8'));
  },
);

/** What was compared of one module. */
export interface Tally {
  readonly calls: number;
  readonly traps: number;
  readonly logs: number;
}

/** What V8 and the compiled module do differently. */
export class Difference extends Error {
  /** What the executable answered. */
  readonly got: string;

  constructor(what: string, expected: string, got: string) {
    super(`${what}: V8 says ${expected}, the executable ${got}`);
    this.got = got;
  }
}

/**
 * Compares the answers, and the logs, of V8 and of the compiled module, up to where they cannot be the
 * same. Throws a Difference, whatever the compiler throws, or the rule by which check-image refuses its code.
 */
export function compare(
  { wasm, lines, cpu, atBase0, isChecked }: Case,
  runtime: WasmObject,
): Tally {
  const expected = runInV8(wasm, lines, atBase0 ? LEAVES_LOW_MEMORY : EXHAUSTED);
  const comparable = lines.slice(0, expected.answers.length);
  const input = comparable.map((line) => `${line}\n`).join('');
  const lowMemory = atBase0 ? LOW_MEMORY : undefined;
  const executable = makeExecutable({ wasm }, linksOf(wasm), runtime, cpu, lowMemory);
  checkRun(comparable, expected, runExecutable(executable, ['--batch'], input));
  const [violation] = isChecked ? checkModules(executable, atBase0) : [];
  if (violation) throw new Error(`check-image: ${violation.rule}`);
  return {
    calls: comparable.filter((line) => line.startsWith('"')).length,
    traps: expected.answers.filter((line) => line.startsWith('trap: ')).length,
    logs: expected.logs.length,
  };
}

/** V8's stack is smaller: what a module has done by then cannot be compared any more. */
const EXHAUSTED = /^trap: call stack exhausted$/;
/** Nor what lies around a memory that nothing guards. */
export const LEAVES_LOW_MEMORY = /^trap: (call stack exhausted|out of bounds memory access.*)$/;

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
  for (const [i, answer] of expected.answers.entries()) check(lines[i] ?? '', answer, answers[i]);
  check('number of answers', String(expected.answers.length), String(answers.length));
  check('exit code', String(expected.exitCode), String(run.status));
  const count = Math.max(expected.logs.length, logs.length);
  for (let i = 0; i < count; i++) check(`log line ${i + 1}`, expected.logs[i], logs[i]);
}

function check(what: string, expected: string | undefined, got: string | undefined): void {
  if (expected === got || (got !== undefined && isOneOf(expected, got))) return;
  throw new Difference(what, String(expected), String(got));
}

/** Whether V8's word for several traps covers this one. */
function isOneOf(expected: string | undefined, got: string): boolean {
  const words = /^trap: (.*\|.*)$/.exec(expected ?? '')?.[1];
  return words !== undefined && got.startsWith('trap: ') && words.split('|').includes(got.slice(6));
}
