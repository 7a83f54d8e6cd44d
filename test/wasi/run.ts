import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeExecutable } from '../../tools/compiler/linux/executable.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import type { Program, Use } from './programs.ts';

/** Paths of what a program is run from. */
export interface Files {
  readonly executable: string;
  readonly file: string;
  readonly links: readonly { readonly name: string; readonly file: string }[];
}

/** Compiles a program, and writes all that it is run from into a folder. */
export function prepare(program: Program, runtime: WasmObject, folder: string): Files {
  const wasm = program.wasm();
  const write = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes, { mode: 0o755 });
    return join(folder, name);
  };
  return {
    executable: write('program', makeExecutable({ wasm }, program.links ?? [], runtime)),
    file: write('program.wasm', wasm),
    links: (program.links ?? []).map(({ name, wasm }) => ({
      name,
      file: write(`${name}.link.wasm`, wasm),
    })),
  };
}

/** What a use of a program came to. */
export interface Result {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Each file of the folder afterwards, by path: its bytes in hexadecimal. */
  readonly files: ReadonlyMap<string, string>;
}

/** The name that every program is started under, argv[0]. */
const NAME = 'program';
/** How an executable ends after a trap, and what it adds to standard error then. (docs/executables.md) */
const TRAPPED = 134;
const TRAP_REPORT = /^trap: .*\n( {2}in .*\n)?$/m;
/** Where programs see the folder of their files. */
const GUEST_FOLDER = '/w';
const ENVIRONMENT = { HOME: GUEST_FOLDER, LANG: 'C.UTF-8' };

/** Runs the program's executable. It gets two minutes. */
export function runCompiled({ executable }: Files, program: Program, use: Use): Result {
  const result = withFolder(use, (folder, streams) => {
    const directories = Object.entries(preopens(folder, program)).flatMap(([guest, host]) => [
      '--dir',
      `${host}::${guest}`,
    ]);
    return exitCodeOf(executable, [...directories, '--', ...use.args], {
      argv0: NAME,
      env: ENVIRONMENT,
      stdio: [...streams],
    });
  });
  if (result.exitCode !== TRAPPED) return result;
  return { ...result, stderr: result.stderr.replace(TRAP_REPORT, '') };
}

/**
 * What node runs, given paths of the module, of the modules that meet its other imports by name, arguments,
 * and directories. In a process of its own: programs close standard streams.
 */
const IN_NODE = `
  import { readFileSync } from 'node:fs';
  import { WASI } from 'node:wasi';
  const { file, links, args, env, preopens } = JSON.parse(process.argv[1]);
  const wasi = new WASI({ version: 'preview1', args, env, preopens, returnOnExit: true });
  const compiled = (path) => new WebAssembly.Module(readFileSync(path));
  const imports = wasi.getImportObject();
  for (const { name, file } of links) {
    imports[name] = new WebAssembly.Instance(compiled(file)).exports;
  }
  try {
    process.exitCode = wasi.start(new WebAssembly.Instance(compiled(file), imports));
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    process.exitCode = ${TRAPPED};
  }
`;

/** Runs the program in V8 with node's own WASI; a trap is exit code 134. */
export function runInNode({ file, links }: Files, program: Program, use: Use): Result {
  return withFolder(use, (folder, streams) => {
    const given = JSON.stringify({
      file,
      links,
      args: [NAME, ...use.args],
      env: ENVIRONMENT,
      preopens: preopens(folder, program),
    });
    const args = ['--no-warnings', '--input-type=module', '--eval', IN_NODE, given];
    return exitCodeOf(process.execPath, args, { stdio: [...streams] });
  });
}

function exitCodeOf(command: string, args: readonly string[], options: SpawnSyncOptions) {
  const { status, error } = spawnSync(command, args, { ...options, timeout: 120_000 });
  if (error) throw error;
  return status;
}

function preopens(folder: string, program: Program): Record<string, string> {
  return { [GUEST_FOLDER]: folder, ...program.directories };
}

type Streams = readonly [stdin: number, stdout: number, stderr: number];

/** Files as standard streams: whether they are pipes or files, a program may see. */
function withFolder(use: Use, run: (folder: string, streams: Streams) => number | null): Result {
  const base = mkdtempSync(join(tmpdir(), 'tacit-wasi-'));
  try {
    const folder = join(base, 'w');
    mkdirSync(folder);
    for (const [path, contents] of Object.entries(use.files ?? {})) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), contents);
    }
    const [stdin, stdout, stderr] = ['stdin', 'stdout', 'stderr'].map((name) => join(base, name));
    writeFileSync(stdin as string, use.stdin ?? '');
    const streams: Streams = [
      openSync(stdin as string, 'r'),
      openSync(stdout as string, 'w'),
      openSync(stderr as string, 'w'),
    ];
    let exitCode: number | null;
    try {
      exitCode = run(folder, streams);
    } finally {
      for (const stream of streams) closeSync(stream);
    }
    return {
      exitCode,
      stdout: readFileSync(stdout as string, 'utf8'),
      stderr: readFileSync(stderr as string, 'utf8'),
      files: filesIn(folder),
    };
  } finally {
    rmSync(base, { recursive: true });
  }
}

function filesIn(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  return new Map(
    paths
      .toSorted()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('hex')]),
  );
}
