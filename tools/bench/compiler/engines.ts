import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { witness } from '../../../test/witness.ts';
import { compile } from '../../compiler/compile.ts';
import { makeExecutable } from '../../compiler/linux/executable.ts';
import { compileRuntime } from '../../compiler/linux/runtime.ts';
import type { WasmObject } from '../../compiler/object.ts';
import { root } from '../../root.ts';
import { base0Executable, compileBase0 } from './base0.ts';
import { BATCH, BINARY, Worker } from './worker.ts';

/** A workload's module, made ready for one engine. */
export interface Prepared {
  start(): Worker;
  /** Bytes of machine code, where they can be told. */
  readonly codeSize?: number;
}

/** What runs workloads. `folder` is a place for files; undefined: the engine cannot run such a module. */
export type Engine = (wasm: Uint8Array, folder: string, isSimd: boolean) => Prepared | undefined;

/** Ours as a compartment's code is: an executable of the `linux` target. */
export async function baseRegister(): Promise<Engine> {
  const runtime = await compileRuntime();
  return (wasm, folder) => {
    const exe = makeExecutable({ wasm }, [], runtime, 'x86-64-v3');
    const object = compile(wasm, {
      instance: 'main',
      mode: 'basereg',
      cpu: 'x86-64-v3',
      bind: () => undefined,
    });
    const file = executableFile(folder, 'base-register', exe);
    return { start: () => new Worker(file, ['--batch'], BATCH), codeSize: codeSize(object) };
  };
}

/** Ours as the kernel's code is. */
export const base0: Engine = (wasm, folder) => {
  const object = compileBase0(wasm);
  const file = executableFile(folder, 'base0', base0Executable(object));
  return { start: () => new Worker(file, [], BINARY), codeSize: codeSize(object) };
};

function codeSize({ functions }: WasmObject): number {
  return functions.reduce((sum, { start, end }) => sum + end - start, 0);
}

function executableFile(folder: string, name: string, bytes: Uint8Array): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, bytes, { mode: 0o755 });
  return file;
}

/** TurboFan from the first call on; `script` is v8-worker.ts as Node takes it. */
export function v8(script: string): Engine {
  return (wasm, folder) => {
    mkdirSync(folder, { recursive: true });
    // A file of its own: it may not have been read yet when another engine writes one.
    const file = join(folder, 'v8.wasm');
    writeFileSync(file, wasm);
    const args = ['--no-liftoff', '--no-wasm-tier-up', script, file];
    return { start: () => new Worker(process.execPath, args, BINARY) };
  };
}

/** wasm2c and gcc, or what of them is not installed. */
export type C = { readonly wasm2c: string; readonly gcc: string } | { readonly missing: string };

/** Debian's; the wasm2c of npm's wabt comes without its run-time. */
export function findC(): C {
  const wasm2c = witness('wasm2c');
  const gcc = witness('gcc');
  if (wasm2c && gcc) return { wasm2c, gcc };
  return { missing: wasm2c ? 'gcc' : 'wasm2c' };
}

/** The run-time that Debian's wabt brings. */
const RUNTIME = '/usr/share/wabt/wasm2c';
/** Without contraction, which rounds once where Wasm rounds twice, and gives other checksums. */
export const GCC_FLAGS = ['-O2', '-march=x86-64-v3', '-ffp-contract=off'];

/** wasm2c with gcc -O2. */
export function wasm2c(c: C): Engine {
  return (wasm, folder, isSimd) => {
    if (isSimd || 'missing' in c) return undefined;
    mkdirSync(folder, { recursive: true });
    const at = (name: string) => join(folder, name);
    writeFileSync(at('workload.wasm'), wasm);
    execFileSync(c.wasm2c, [at('workload.wasm'), '-n', 'workload', '-o', at('workload.c')]);
    copyFileSync(join(root, 'tools/bench/compiler/wasm2c-worker.c'), at('worker.c'));
    execFileSync(c.gcc, [
      ...GCC_FLAGS,
      `-I${RUNTIME}`,
      '-c',
      at('workload.c'),
      '-o',
      at('workload.o'),
    ]);
    const sources = [at('worker.c'), join(RUNTIME, 'wasm-rt-impl.c'), at('workload.o')];
    execFileSync(c.gcc, [...GCC_FLAGS, `-I${RUNTIME}`, ...sources, '-lm', '-o', at('wasm2c')]);
    return {
      start: () => new Worker(at('wasm2c'), [], BINARY),
      codeSize: gccCodeSize(at('workload.o')),
    };
  };
}

/** What instantiates a module: an object of ours has no such code. */
const INSTANTIATION = /^(Z_workload_|Z_workloadZ_memory$|init_)/;

/** Sizes of an object file's functions. nm(1): value, size, type, name. */
function gccCodeSize(file: string): number {
  const lines = execFileSync('nm', ['-S', '--defined-only', file], { encoding: 'latin1' });
  let sum = 0;
  for (const [, size = '', name = ''] of lines.matchAll(/^\S+ (\S+) [tT] (\S+)$/gm)) {
    if (!INSTANTIATION.test(name)) sum += Number.parseInt(size, 16);
  }
  return sum;
}
