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
import { assemble, flagsFor } from '../../tools/compiler/assemblyscript.ts';
import { root } from '../../tools/root.ts';

/**
 * The kernel as a Wasm module for V8. Compiled once for all test files: kept in build/ under the
 * hash of what it is made from.
 */
export async function kernelModule(): Promise<WebAssembly.Module> {
  const folder = join(root, 'build/test');
  const file = join(folder, `kernel-${hashOfSources()}.wasm`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    // Test files run side by side: each writes its own, and the last rename wins.
    const own = `${file}.${process.pid}`;
    writeFileSync(own, await assemble('kernel/main.ts', flagsFor.kernel));
    renameSync(own, file);
  }
  return WebAssembly.compile(readFileSync(file));
}

function hashOfSources(): string {
  const hash = createHash('sha256');
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
