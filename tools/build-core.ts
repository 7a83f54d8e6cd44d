import { buildCore } from './emulator/core/build.ts';

/** `make core`: the machine's processor into build/emulator-core.wasm, unless it is there already. */
await buildCore();
