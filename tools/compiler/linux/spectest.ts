/**
 * The module `spectest` of the specification's tests, without its functions, which are the
 * run-time's: four globals, a table and a memory. (WebAssembly/spec, interpreter/README.md, "Spectest".)
 */

export const SPECTEST = 'spectest';
/** The threads proposal's addition to it. */
export const SHARED_MEMORY = 'shared_memory';

/** The module as Wasm. */
export function spectestModule(): Uint8Array {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(4, [[0x70, 1, ...leb128(10), ...leb128(20)]]),
    ...section(5, [[1, ...leb128(1), ...leb128(2)]]),
    ...section(6, [
      [0x7f, 0, 0x41, ...leb128(666), 0x0b],
      [0x7e, 0, 0x42, ...leb128(666), 0x0b],
      [0x7d, 0, 0x43, ...new Uint8Array(Float32Array.of(666.6).buffer), 0x0b],
      [0x7c, 0, 0x44, ...new Uint8Array(Float64Array.of(666.6).buffer), 0x0b],
    ]),
    ...section(7, [
      exported('table', 1, 0),
      exported('memory', 2, 0),
      exported('global_i32', 3, 0),
      exported('global_i64', 3, 1),
      exported('global_f32', 3, 2),
      exported('global_f64', 3, 3),
    ]),
  ]);
}

/** Its shared memory, a module of its own: a module has one memory. */
export function sharedMemoryModule(): Uint8Array {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(5, [[3, ...leb128(1), ...leb128(2)]]),
    ...section(7, [exported(SHARED_MEMORY, 2, 0)]),
  ]);
}

/** A section with a vector of entries. Wasm §5.5.2. */
function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const contents = [...leb128(entries.length), ...entries.flat()];
  return [id, ...leb128(contents.length), ...contents];
}

function exported(name: string, kind: number, index: number): number[] {
  const bytes = new TextEncoder().encode(name);
  return [...leb128(bytes.length), ...bytes, kind, index];
}

/** A number that is not negative, signed or unsigned: a bit of sign is left free. Wasm §5.2.2. */
function leb128(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...leb128(value >> 7)];
}
