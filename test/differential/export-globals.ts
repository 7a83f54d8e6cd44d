import { leb, readLeb, sections, withSections } from './sections.ts';

/** Id of the global section. Wasm §5.5.2. */
const GLOBAL = 6;

/** `wasm` with each of its own globals exported as `global N`, N counting from 0. It has an export section. */
export function exportGlobals(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  if (importsGlobal(wasm)) throw new Error('the module imports a global');
  const own = [...sections(wasm)].find(([id]) => id === GLOBAL);
  const globals = own ? readLeb(own[1], 0)[0] : 0;
  const added = Array.from({ length: globals }, (_, i) => {
    const name = new TextEncoder().encode(`global ${i}`);
    return [name.length, ...name, 3, ...leb(i)];
  });
  return withSections(wasm, {
    export: ({ count, entries }) => [...leb(count + globals), ...entries, ...added.flat()],
  });
}

function importsGlobal(wasm: Uint8Array): boolean {
  const module = new WebAssembly.Module(Uint8Array.from(wasm));
  return WebAssembly.Module.imports(module).some(({ kind }) => kind === 'global');
}
