/** Section ids, Wasm §5.5.2. */
const GLOBAL = 6;
const EXPORT = 7;
const IMPORT = 2;

/** `wasm` with each of its own globals exported as `global N`, N counting from 0. It has an export section. */
export function exportGlobals(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [wasm.subarray(0, 8)];
  let globals = 0;
  for (let at = 8; at < wasm.length; ) {
    const id = wasm[at] ?? 0;
    const [size, start] = readLeb(wasm, at + 1);
    const contents = wasm.subarray(start, start + size);
    if (id === IMPORT && importsGlobal(wasm)) throw new Error('the module imports a global');
    if (id === GLOBAL) [globals] = readLeb(contents, 0);
    parts.push(id === EXPORT ? withGlobals(contents, globals) : wasm.subarray(at, start + size));
    at = start + size;
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function importsGlobal(wasm: Uint8Array): boolean {
  const module = new WebAssembly.Module(Uint8Array.from(wasm));
  return WebAssembly.Module.imports(module).some(({ kind }) => kind === 'global');
}

function withGlobals(contents: Uint8Array, globals: number): Uint8Array {
  const [count, entries] = readLeb(contents, 0);
  const added = Array.from({ length: globals }, (_, i) => {
    const name = new TextEncoder().encode(`global ${i}`);
    return [name.length, ...name, 3, ...leb(i)];
  });
  const body = [
    Uint8Array.from(leb(count + globals)),
    contents.subarray(entries),
    Uint8Array.from(added.flat()),
  ];
  const size = body.reduce((total, { length }) => total + length, 0);
  return Buffer.concat([Uint8Array.of(EXPORT, ...leb(size)), ...body]);
}

/** An unsigned LEB128 and the offset after it. Wasm §5.2.2. */
function readLeb(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at] ?? 0;
    at += 1;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)];
}
