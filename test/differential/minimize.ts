import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { witness } from '../witness.ts';
import { type Case, compare, Difference } from './compare.ts';

/** Seconds that a module may take to be made smaller: what it is by then is good enough. */
const PATIENCE = 150;
/** Milliseconds for one smaller module, which may not end any more. */
const ATTEMPT = 5_000;

/**
 * A smaller case that fails too: first with fewer calls, then with what binaryen's wasm-reduce leaves of the
 * module.
 */
export async function minimize(found: Case, fails: (example: Case) => boolean): Promise<Case> {
  const fewer = withFewerCalls(found, fails);
  const reducer = witness('wasm-reduce');
  if (!reducer) return fewer;
  const wasm = await reduce(reducer, fewer.wasm, (smaller) => fails({ ...fewer, wasm: smaller }));
  return withFewerCalls({ ...fewer, wasm }, fails);
}

/** Tells of a case whether it fails in the way in which `found` does; undefined if that does not fail again. */
export function failsLike(
  found: Case,
  runtime: WasmObject,
): ((example: Case) => boolean) | undefined {
  const wanted = verdictOn(found, runtime);
  return wanted === SAME ? undefined : (example) => verdictOn(example, runtime) === wanted;
}

const SAME = 'no difference';

/** In what way a case fails: enough to tell one fault from another, and no more. */
function verdictOn(example: Case, runtime: WasmObject): string {
  try {
    const context = createContext({ run: () => compare(callable(example), runtime) });
    new Script('run()').runInContext(context, { timeout: ATTEMPT });
    return SAME;
  } catch (error) {
    if (error instanceof Difference) {
      // What lies around a memory that nothing guards is no fault of the code's.
      const leaves = example.atBase0 && /out of bounds memory|^null$/.test(error.got);
      return leaves ? 'memory is left' : 'difference';
    }
    return String(error).replaceAll(/[\dv]+/g, '#');
  }
}

/** Without the lines that name what the module does not export. */
function callable(example: Case): Case {
  const module = new WebAssembly.Module(example.wasm);
  const exports = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const lines = example.lines.filter((line) => {
    const name = /^(?:!get )?("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
    return name === undefined ? exports.has('memory') : exports.has(JSON.parse(name));
  });
  return { ...example, lines };
}

/** Leaves out runs of lines, shorter and shorter ones, as long as the case fails. */
function withFewerCalls(found: Case, fails: (example: Case) => boolean): Case {
  let { lines } = found;
  for (let run = lines.length >> 1; run > 0; run >>= 1) {
    for (let at = lines.length - run; at >= 0; at -= run) {
      const fewer = [...lines.slice(0, at), ...lines.slice(at + run)];
      if (fails({ ...found, lines: fewer })) lines = fewer;
    }
  }
  return { ...found, lines };
}

/**
 * Runs wasm-reduce, which asks a command about each smaller module: here one that asks this process, since starting
 * a compiler for each would take seconds.
 */
async function reduce(
  reducer: string,
  wasm: Uint8Array,
  fails: (smaller: Uint8Array<ArrayBuffer>) => boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-reduce-'));
  const [input, test, working] = ['input', 'test', 'working'].map((n) => join(folder, `${n}.wasm`));
  const server = createServer((socket) => {
    const smaller = Uint8Array.from(readFileSync(test as string));
    socket.end(fails(smaller) ? 'fails\n' : 'holds\n');
  });
  try {
    writeFileSync(input as string, wasm);
    writeFileSync(working as string, wasm);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const command = `bash -c 'cat < /dev/tcp/127.0.0.1/${port}'`;
    const options = [
      '--command',
      command,
      '--test',
      test as string,
      '--working',
      working as string,
    ];
    const child = spawn(reducer, [input as string, ...options, '--timeout', '60', '--force'], {
      stdio: 'ignore',
      timeout: PATIENCE * 1000,
    });
    await once(child, 'exit');
    const smallest = Uint8Array.from(readFileSync(working as string));
    return fails(smallest) ? smallest : Uint8Array.from(wasm);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}
