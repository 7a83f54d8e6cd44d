import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/root.ts';

/** What a command printed and how it ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Runs the command line that `make` has built, in the folder `cwd`, as a user would. */
export function tacit(args: readonly string[], cwd = root): Ended {
  const program = join(root, 'build/tools/tacit.mjs');
  if (!existsSync(program)) throw new Error('build/tools/tacit.mjs is not there: run make first');
  const result = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    cwd,
    maxBuffer: 2 ** 28,
  });
  if (result.error) throw result.error;
  return { stdout: result.stdout, stderr: result.stderr, status: result.status ?? -1 };
}
