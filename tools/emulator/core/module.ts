import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import { root } from '../../root.ts';
import type { CoreMemory } from './layout.ts';
import * as Region from './memory-map.ts';
import type { SnapshotExports } from './snapshots.ts';

/** Where `make` puts the compiled core. */
export const CORE_FILE = join(root, 'build', 'emulator-core.wasm');

/** Custom sections that build.ts adds to the compiled core. */
export const DECODER_SECTION = 'tacit.decoder';
export const ROWS_SECTION = 'tacit.rows';

/** Answers accesses to pages with a reserved bit in the nested table while no #VC can be raised. */
export interface MmioBus {
  read(gpa: bigint, size: 1 | 2 | 4 | 8): bigint;
  write(gpa: bigint, size: 1 | 2 | 4 | 8, value: bigint): void;
}

/** Sees what happens in the guest without an exit. */
export interface Observer {
  /** A #VC was raised for the instruction at `rip`. */
  vc?(rip: bigint, exitCode: number): void;
  /** A PVALIDATE was carried out; `unchanged` is the CF it answered with. */
  pvalidate?(gpa: bigint, huge: boolean, validate: boolean, unchanged: boolean): void;
  /** The guest is about to access a frame that is watched ({@link FrameTable.watch}). */
  access?(gpa: bigint, size: number, write: boolean): void;
}

interface CoreExports extends SnapshotExports {
  init(systemFrames: number, gpaFrames: number, nested: number, code: number, frames: number): void;
  run(maxInstructions: number): number;
  /** Forgets the translations for writes. */
  flushWrites(): void;
  readUnder(spa: number, size: number, slot: number, buffer: number): void;
  writeUnder(spa: number, size: number, slot: number, buffer: number): void;
  setKey(id: number, buffer: number): number;
  keySlot(id: number): number;
  expandKey(key: number, schedule: number): void;
  invertSchedule(schedule: number, inverse: number): void;
  encryptBlock(schedule: number, block: number): void;
  decryptBlock(inverse: number, block: number): void;
}

/** The compiled core and the tables that were made with it. */
export interface CoreModule {
  readonly module: WebAssembly.Module;
  readonly decoder: Uint8Array;
  /** Text of each row of the instruction table, by number. */
  readonly rowNames: readonly string[];
}

const loaded: { core?: CoreModule } = {};

/** The core, compiled once in a process. Throws a UserError if it was never built. */
export function loadCore(): CoreModule {
  if (loaded.core) return loaded.core;
  if (!existsSync(CORE_FILE)) {
    throw new UserError(`${CORE_FILE} is missing: build it with make`);
  }
  const module = new WebAssembly.Module(readFileSync(CORE_FILE));
  const section = (name: string) => {
    const [content] = WebAssembly.Module.customSections(module, name);
    if (!content) throw new UserError(`${CORE_FILE} has no section ${name}: build it with make`);
    return new Uint8Array(content);
  };
  const rowNames = new TextDecoder().decode(section(ROWS_SECTION)).split('\n');
  loaded.core = { module, decoder: section(DECODER_SECTION), rowNames };
  return loaded.core;
}

/** A new processor over `memory`. */
export function instantiate(
  core: CoreModule,
  memory: CoreMemory,
  mmio?: MmioBus,
  observer: Observer = {},
): CoreExports {
  const size = (n: number) => n as 1 | 2 | 4 | 8;
  const bus = {
    read: (gpa: bigint, n: number) =>
      BigInt.asIntN(64, mmio ? mmio.read(BigInt.asUintN(64, gpa), size(n)) : -1n),
    write: (gpa: bigint, n: number, value: bigint) =>
      mmio?.write(BigInt.asUintN(64, gpa), size(n), BigInt.asUintN(64, value)),
  };
  const watch = {
    vc: (rip: bigint, code: number) => observer.vc?.(BigInt.asUintN(64, rip), code),
    pvalidate: (gpa: bigint, huge: number, validate: number, unchanged: number) =>
      observer.pvalidate?.(gpa, huge !== 0, validate !== 0, unchanged !== 0),
    access: (gpa: bigint, size: number, write: number) => observer.access?.(gpa, size, write !== 0),
  };
  const { exports } = new WebAssembly.Instance(core.module, {
    env: { memory: memory.memory },
    bus,
    observer: watch,
  });
  const wasm = exports as unknown as CoreExports;
  memory.bytes.set(core.decoder, Region.DECODER);
  wasm.init(memory.systemFrames, memory.gpaFrames, memory.nested, memory.code, memory.frames);
  return wasm;
}
