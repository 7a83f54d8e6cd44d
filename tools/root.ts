import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, from the sources as well as from the bundle in `build/`. */
export const root = find(dirname(fileURLToPath(import.meta.url)));

function find(folder: string): string {
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'tacit') {
    return folder;
  }
  const parent = dirname(folder);
  if (parent === folder) throw new Error('no package.json of tacit above the running program');
  return find(parent);
}
