import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Assembly, assembleModule, flagsFor } from '../../tools/compiler/assemblyscript.ts';
import { root } from '../../tools/root.ts';

/** The kernel as a Wasm module for V8. */
export async function kernelModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile((await assembledKernel('kernel/main.ts')).wasm);
}

/**
 * A kernel's Wasm, from its entry file; `sources` stand for files of the same name. Compiled once for
 * all test files: kept in build/ under the hash of what it is made from.
 */
export async function assembledKernel(
  entry: string,
  sources: ReadonlyMap<string, string> = new Map(),
): Promise<Assembly> {
  const folder = join(root, 'build/test');
  const file = join(folder, `kernel-${hashOfSources(entry, sources)}`);
  if (!existsSync(`${file}.wasm`)) {
    mkdirSync(folder, { recursive: true });
    const made = await assembleModule(entry, { flags: flagsFor.kernel, sources });
    // Test files run side by side: each writes its own, and the last rename wins. The module comes
    // last, so that where it is its map is too.
    for (const [kind, content] of [
      ['map', made.sourceMap ?? ''],
      ['wasm', made.wasm],
    ] as const) {
      const own = `${file}.${process.pid}.${kind}`;
      writeFileSync(own, content);
      renameSync(own, `${file}.${kind}`);
    }
  }
  const wasm = Uint8Array.from(readFileSync(`${file}.wasm`));
  return { wasm, sourceMap: readFileSync(`${file}.map`, 'utf8') };
}

function hashOfSources(entry: string, sources: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
    .update(entry)
    .update(readFileSync(join(root, entry)));
  for (const [name, text] of sources) hash.update(`${name}\0${text}`);
  for (const folder of ['kernel', 'spec']) {
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort()) {
      if (/(?<!\.test)\.ts$/.test(String(name))) {
        hash.update(`${name}\0`).update(readFileSync(join(root, folder, String(name))));
      }
    }
  }
  for (const name of ['assemblyscript', 'accessors', 'layouts']) {
    hash.update(readFileSync(join(root, `tools/compiler/${name}.ts`)));
  }
  return hash
    .update(readFileSync(join(root, 'asconfig.json')))
    .digest('hex')
    .slice(0, 16);
}
