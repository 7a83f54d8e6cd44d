import { readFileSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { KERNEL_MEMORY } from '../../boot/memory-map.ts';
import type { Layout } from '../../spec/layout.ts';
import { UserError } from '../errors.ts';
import { root } from '../root.ts';
import { accessors } from './accessors.ts';
import { layoutModules } from './layouts.ts';

/** A compiled module. The map (Source Map version 3) is there when `--sourceMap` is in the flags. */
export interface Assembly {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly sourceMap: string | undefined;
}

export interface AssemblyOptions {
  /** Flags of asc, after those of asconfig.json; see {@link flagsFor}. */
  readonly flags?: readonly string[];
  /** The folder that the names of sources start from, in messages, symbols and maps: the repository. */
  readonly base?: string;
  /** Sources made in memory, by name. They come before files. */
  readonly sources?: ReadonlyMap<string, string>;
}

/** Names of functions and places in the source, for symbol maps and panics. */
const debugging = ['--debug', '--sourceMap'];

/**
 * What each kind of module is compiled with.
 *
 * - kernel: no heap of AssemblyScript's own; its static data where the image has it. asc reads
 *   `--memoryBase` in decimal only (hexadecimal is 0 without a word). Inlined only where that makes
 *   it smaller: a panic's backtrace shows the functions that are left.
 * - program: a heap and collection on request (`minimal`; `incremental` would keep a shadow
 *   stack at every access to a managed value), started through the export that WASI names.
 */
export const flagsFor = {
  kernel: [
    ...debugging,
    '--runtime',
    'stub',
    '--memoryBase',
    String(KERNEL_MEMORY),
    '--shrinkLevel',
    '1',
  ],
  program: [...debugging, '--runtime', 'minimal', '--exportStart', '_start'],
} as const satisfies Record<string, readonly string[]>;

/**
 * Compiles the AssemblyScript module `entry`, a path from `base`, with the options of
 * asconfig.json and then `flags`. Throws a UserError with asc's first complaint.
 */
export async function assembleModule(
  entry: string,
  { flags = [], base = root, sources = new Map() }: AssemblyOptions = {},
): Promise<Assembly> {
  // Loading asc takes most of a second, which commands that do not compile need not wait for.
  const { default: asc } = await import('assemblyscript/asc');
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  let sourceMap: string | undefined;
  const config = join(root, 'asconfig.json');
  const { error, stderr } = await asc.main(
    [entry, '--config', 'asconfig.json', '--noColors', '--outFile', 'module.wasm', ...flags],
    {
      readFile: (name) =>
        name === 'asconfig.json' ? readFileSync(config, 'utf8') : read(base, sources, name),
      writeFile: (name, contents) => {
        if (name.endsWith('.map')) sourceMap = String(contents);
        else wasm = Uint8Array.from(contents as Uint8Array);
      },
      listFiles: () => [],
    },
  );
  if (error || !wasm) throw new UserError(firstComplaint(entry, `${stderr}\n${error?.message}`));
  return { wasm, sourceMap };
}

/** The Wasm binary of {@link assembleModule} alone. */
export async function assemble(
  entry: string,
  flags: readonly string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  return (await assembleModule(entry, { flags })).wasm;
}

/** A source as asc sees it: a file of layouts, wherever it is imported from, is its accessors. */
function read(base: string, sources: ReadonlyMap<string, string>, name: string): string | null {
  const made = sources.get(name);
  if (made !== undefined) return made;
  const file = resolve(base, name);
  const inRepository = repositoryName(file);
  const module = inRepository === undefined ? undefined : layoutModules[inRepository];
  if (inRepository && module) {
    return accessors(module, (layout) => importName(inRepository, layout));
  }
  if (inRepository !== undefined && /^spec\/(layouts|abi)\/(?!.*\.test\.ts$)/.test(inRepository)) {
    const text = textOf(file);
    if (text?.includes('/layout.ts')) {
      throw new TypeError(`${inRepository} is not listed in tools/compiler/layouts.ts`);
    }
    return text;
  }
  return textOf(file);
}

/** asc asks for each place where an import may be found: null where there is none. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** The path of `file` from the repository's root, or undefined if it lies elsewhere. */
function repositoryName(file: string): string | undefined {
  const prefix = `${root}/`;
  return file.startsWith(prefix) ? file.slice(prefix.length) : undefined;
}

/** How the module `from` imports the file that holds `layout`. */
function importName(from: string, layout: Layout): string {
  for (const [file, module] of Object.entries(layoutModules)) {
    if (!Object.values(module).includes(layout)) continue;
    return `./${posix.relative(posix.dirname(from), file).replace(/\.ts$/, '')}`;
  }
  throw new TypeError(`layout ${layout.name} is in no file of tools/compiler/layouts.ts`);
}

/** One line of asc's report, which draws the source under each message: where, and what. */
function firstComplaint(entry: string, report: string): string {
  const lines = report.split('\n').map((line) => line.trim());
  const message = lines.find((line) => /^(ERROR|FAILURE)/.test(line)) ?? lines.find(Boolean) ?? '';
  const place = /\bin (\S+\(\d+,\d+\))$/m.exec(report)?.[1];
  return `${place ?? entry}: ${message}`;
}
