import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { root } from '../../tools/root.ts';
import { random } from '../random.ts';
import { callsOf } from './calls.ts';
import { type Case, compare, LEAVES_LOW_MEMORY, LEVELS, type Tally } from './compare.ts';
import { atLowMemory, DIGEST } from './low-memory.ts';
import { failsLike, minimize } from './minimize.ts';
import { runInV8 } from './v8.ts';

/** How often each exported function is called. */
const CALLS = 3;
/** Every how manieth module check-image reads: TACIT_CHECK_EVERY, 1 in `make soak`. */
const checkEvery = Number(process.env.TACIT_CHECK_EVERY ?? 4);

/** Whether check-image reads what is made of the module of a seed: of two in a row, one has both forms. */
export const isCheckedSeed = (seed: number) => Math.floor(seed / 2) % checkEvery === 0;

/**
 * Runs the module of a seed in V8 and, compiled, on this CPU, and compares every answer and
 * every log line; check-image reads its code if `isChecked`. Throws at the first difference or broken rule,
 * leaving the module and the calls in build/differential, and a smaller module that shows the same.
 */
export async function compareModule(
  wasm: Uint8Array<ArrayBuffer>,
  seed: number,
  isChecked: boolean,
  runtime: WasmObject,
): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (const [form, example] of casesOf(wasm, seed, isChecked)) {
    try {
      tallies.push(compare(example, runtime));
    } catch (error) {
      const folder = join(root, 'build/differential');
      mkdirSync(folder, { recursive: true });
      const write = (name: string, { wasm, lines }: Case) => {
        writeFileSync(join(folder, `${name}.wasm`), wasm);
        writeFileSync(join(folder, `${name}.calls`), lines.map((line) => `${line}\n`).join(''));
      };
      write(`${seed}`, example);
      const fails = failsLike(example, runtime);
      if (fails) write(`${seed}.min`, await minimize(example, fails));
      const where = `TACIT_SEED=${seed} (${form}, ${example.cpu}, build/differential/${seed}*)`;
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${where}: ${text}`, { cause: error });
    }
  }
  return tallies;
}

/** A module with a base register and, for every other seed, if it has a memory, at base 0 too. */
function casesOf(
  wasm: Uint8Array<ArrayBuffer>,
  seed: number,
  isChecked: boolean,
): [form: string, example: Case][] {
  const next = random(seed ^ 0x5555_5555);
  const level = (i: number) => LEVELS[(seed + i) % LEVELS.length] ?? 'x86-64';
  const lines = callsOf(wasm, CALLS, next);
  const withRegister = { wasm, lines, cpu: level(0), atBase0: false, isChecked };
  const low = seed % 2 === 1 ? atLowMemory(wasm) : undefined;
  if (!low) return [['base register', withRegister]];
  const lowLines = insideMemory(wasm, callsOf(low, CALLS, next, JSON.stringify(DIGEST)));
  return [
    ['base register', withRegister],
    // The kernel's form, which may leave its memory.
    ['base 0', { wasm: low, lines: lowLines, cpu: level(1), atBase0: true, isChecked }],
  ];
}

/**
 * The lines up to the first that leaves the module's memory where it was: there V8 notices, but where it is moved
 * to it has addresses below it too.
 */
function insideMemory(wasm: Uint8Array<ArrayBuffer>, lines: readonly string[]): string[] {
  const digest = JSON.stringify(DIGEST);
  const original = lines.map((line) => (line === digest ? '!memory' : line));
  return lines.slice(0, runInV8(wasm, original, LEAVES_LOW_MEMORY).answers.length);
}
