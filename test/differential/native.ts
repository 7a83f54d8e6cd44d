import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a process wrote and how it ended. */
export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; null if a signal ended it. */
  readonly status: number | null;
}

/**
 * Runs the executable `bytes` on this CPU, its streams redirected as a shell would do it where that is asked for.
 * It gets 60 seconds.
 */
export function runExecutable(
  bytes: Uint8Array,
  args: readonly string[] = [],
  input: string | Uint8Array = '',
  redirections = '',
): Run {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-exe-'));
  try {
    const file = join(folder, 'program');
    writeFileSync(file, bytes, { mode: 0o755 });
    const [command, ...before] =
      redirections === '' ? [file] : ['sh', '-c', `exec "$0" "$@" ${redirections}`, file];
    const { stdout, stderr, status, error } = spawnSync(command as string, [...before, ...args], {
      input,
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 1 << 28,
    });
    // A program that ends without reading its input is no error.
    if (error && !('code' in error && error.code === 'EPIPE')) throw error;
    return { stdout, stderr, status };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The lines of a text, each of which ends with a line feed. */
export function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1);
}
