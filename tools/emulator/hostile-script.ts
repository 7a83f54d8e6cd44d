import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../errors.ts';
import type { HostileScript } from './hostile.ts';

/**
 * Loads the script in `file`: a module of JavaScript (.mjs, .js) as it is, one of TypeScript (.ts) made
 * into one file first. UserError: there is none, or it does not export a function by default.
 */
export async function loadScript(file: string): Promise<HostileScript> {
  const typed = extname(file) === '.ts';
  const script = typed ? await importBundled(file) : await importModule(resolve(file), file);
  if (typeof script !== 'function') {
    throw new UserError(`${file} does not export a function as its default`);
  }
  return script as HostileScript;
}

async function importBundled(file: string): Promise<unknown> {
  const { build } = await import('esbuild');
  const folder = mkdtempSync(join(tmpdir(), 'tacit-hostile-'));
  try {
    const outfile = join(folder, 'script.mjs');
    await build({
      ...{ entryPoints: [file], outfile, bundle: true, logLevel: 'silent' },
      ...{ platform: 'node', format: 'esm', target: 'node20' },
    }).catch((error: Error) => {
      throw new UserError(`${file}: ${error.message}`);
    });
    return await importModule(outfile, file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function importModule(path: string, name: string): Promise<unknown> {
  try {
    const module: { default?: unknown } = await import(pathToFileURL(path).href);
    return module.default;
  } catch (error) {
    throw new UserError(`${name}: ${(error as Error).message}`);
  }
}
