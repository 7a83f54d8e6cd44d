import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonReport } from '../inspect/json.ts';
import { root } from '../root.ts';

export const modes = ['none', 'sev', 'sev-es', 'snp'] as const;
export type Mode = (typeof modes)[number];

/** What luggage keeps, and that part of it which is in the image already. */
export const secrets = ['My luggage password is 12345', 'luggage password'] as const;

/** What a run, and a look into its dump, came to. */
export interface Outcome {
  readonly mode: Mode;
  /** What the guest wrote to its console. */
  readonly console: string;
  readonly statistics: {
    readonly instructions: number;
    readonly exits: { readonly total: number };
    readonly termination: string;
  };
  readonly report: JsonReport;
  /** Of `inspect --find`. */
  readonly exitCode: number;
  /** How many lines `strings DUMP` has with the password; undefined where there is no strings(1). */
  readonly strings: number | undefined;
}

const tacit = join(root, 'build/tools/tacit.mjs');
const folder = join(root, 'build/demo');

/** Boots luggage in `mode` with the commands that a user would type, dumps it, inspects the dump. */
export function boot(mode: Mode): Outcome {
  mkdirSync(folder, { recursive: true });
  const file = (kind: string) => join(folder, `${mode}.${kind}`);
  const image = join(root, 'build', mode === 'none' ? 'luggage.elf' : 'luggage.igvm');
  const run = call(
    tacit,
    'run',
    image,
    '--mode',
    mode,
    '--dump',
    file('core'),
    '--stats',
    file('json'),
  );
  const find = secrets.flatMap((text) => ['--find', text]);
  const look = call(tacit, 'inspect', file('core'), '--json', '--html', file('html'), ...find);
  return {
    mode,
    console: run.stdout.trim(),
    statistics: JSON.parse(readFileSync(file('json'), 'utf8')),
    report: JSON.parse(look.stdout),
    exitCode: look.status,
    strings: countStrings(file('core')),
  };
}

/** Runs one of our commands. Exit codes 0 and 1 are answers; another is an error with all it printed. */
function call(...args: readonly string[]): { stdout: string; status: number } {
  const result = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const { stdout, stderr, status } = result;
  if (status !== 0 && status !== 1) {
    throw new Error(`${args.slice(1).join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  }
  return { stdout, status };
}

/** What `strings DUMP | grep -c 'luggage password'` prints. */
function countStrings(dump: string): number | undefined {
  const { error, stdout } = spawnSync('strings', [dump], {
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
  });
  if (error) return undefined;
  return stdout.split('\n').filter((line) => line.includes(secrets[1])).length;
}
