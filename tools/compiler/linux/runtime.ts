import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { root } from '../../root.ts';
import { assembleModule } from '../assemblyscript.ts';
import { compile } from '../compile.ts';
import type { Binding, ObjectImport, WasmObject } from '../object.ts';

/** Where the run-time's static data lies: its linear memory is the low 4 GiB of the address space. */
export const RUNTIME_DATA = 0x10_0000;

const ROOM = 'tools/compiler/linux/runtime';
const FLAGS = ['--debug', '--runtime', 'stub', '--memoryBase', String(RUNTIME_DATA)];

/** What the run-time is made from, beside the files of its room. */
const INPUTS = [
  'asconfig.json',
  'node_modules/assemblyscript/package.json',
  'spec/abi/executable.ts',
  'spec/abi/handoff.ts',
  'spec/abi/trap-reason.ts',
  'tools/compiler/accessors.ts',
  'tools/compiler/assemblyscript.ts',
];

/** Compiles the run-time: one object serves any number of executables. */
export async function compileRuntime(): Promise<WasmObject> {
  return compile(await runtimeModule(), { instance: 'runtime', mode: 'base0', bind });
}

/**
 * The run-time as Wasm. Loading asc and compiling takes seconds, so the module is kept in build/ under
 * the hash of its sources.
 */
async function runtimeModule(): Promise<Uint8Array> {
  const folder = join(root, 'build');
  const file = join(folder, `linux-runtime-${hashOfSources()}.wasm`);
  if (existsSync(file)) return readFileSync(file);
  const { wasm } = await assembleModule(`${ROOM}/index.ts`, { flags: FLAGS });
  mkdirSync(folder, { recursive: true });
  // Several processes may do this at once: each puts a whole file in place.
  const own = `${file}.${process.pid}`;
  writeFileSync(own, wasm);
  renameSync(own, file);
  return wasm;
}

function hashOfSources(): string {
  const sources = readdirSync(join(root, ROOM), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${ROOM}/${name}`);
  const hash = createHash('sha256').update(JSON.stringify(FLAGS));
  for (const name of [...sources.sort(), ...INPUTS]) {
    hash.update(`${name}\0`).update(readFileSync(join(root, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Functions of start-up.ts that the run-time calls; of the others it wants the address. */
const CALLED = ['syscall', 'call'];

function bind({ module, name }: ObjectImport): Binding {
  if (module === 'cpu') return { kind: 'intrinsic', name: `cpu.${name}` };
  return { kind: CALLED.includes(name) ? 'symbol' : 'address', symbol: `linux.${name}` };
}
