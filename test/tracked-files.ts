import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/root.ts';

/** Paths, from the repository's root, of the files that git knows and that are there. */
export function trackedFiles(): string[] {
  // CI may check out as somebody else than it tests as, which git otherwise refuses to look at.
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' });
  return listed.split('\0').filter((name) => name !== '' && existsSync(join(root, name)));
}
