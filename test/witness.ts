import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * The path of a program that we did not write and that a test holds ours against, or undefined
 * where it is not installed. Such a test skips itself by name: `it.skipIf(!objdump)('… (objdump)')`.
 * With TACIT_WITNESSES=all, as CI sets it, an absent witness is an error.
 */
export function witness(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // npm's wasm-opt is another program than Debian's: made from JavaScript, and of another version.
    if (folder.includes('node_modules')) continue;
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder of PATH may have it.
    }
  }
  if (process.env.TACIT_WITNESSES === 'all') {
    throw new Error(`TACIT_WITNESSES=all, and ${program} is not installed`);
  }
  return undefined;
}
