import { buildCore } from '../tools/emulator/core/build.ts';

/** Once before all tests: a bare `npx vitest run` must not meet a core older than its sources. */
export async function setup(): Promise<void> {
  await buildCore();
}
