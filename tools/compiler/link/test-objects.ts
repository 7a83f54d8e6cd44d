import type { Linkable } from '../link-sections.ts';
import type { ObjectExport, WasmObject } from '../object.ts';

/** Objects made by hand, for the tests of this folder. */

const nothing = { bytes: new Uint8Array(), align: 1 };

export function emptyObject(instance: string): WasmObject {
  return {
    instance,
    sections: { text: nothing, rodata: nothing, data: nothing },
    symbols: [],
    relocations: [],
    imports: [],
    exports: new Map(),
    functions: [],
    traps: [],
    calls: [],
    intercepts: [],
    lines: new Int32Array(),
    memory: undefined,
    start: undefined,
    sourceMapUrl: undefined,
  };
}

/** An object with a function of 16 bytes (15 NOPs and RET) under each of its exports' names. */
export function objectWith(instance: string, exports: readonly string[]): WasmObject {
  const text = new Uint8Array(exports.length * 16).fill(0x90);
  for (let i = 0; i < exports.length; i++) text[i * 16 + 15] = 0xc3;
  const symbol = (name: string) => `${instance}!${name}`;
  return {
    ...emptyObject(instance),
    sections: { text: { bytes: text, align: 16 }, rodata: nothing, data: nothing },
    symbols: exports.map((name, i) => ({
      name: symbol(name),
      section: 'text',
      offset: i * 16,
      size: 16,
      kind: 'function',
    })),
    exports: new Map(
      exports.map((name): [string, ObjectExport] => [
        name,
        { kind: 'function', type: { params: [], results: [] }, symbol: symbol(name) },
      ]),
    ),
    functions: exports.map((name, i) => ({
      symbol: symbol(name),
      index: i,
      start: i * 16,
      end: (i + 1) * 16,
      frameSize: 8 * i,
      bodyStart: i * 16,
    })),
  };
}

/** Stubs that all are one HLT, under `names`. */
export function stubs(names: readonly string[]): Linkable {
  return {
    sections: { text: { bytes: new Uint8Array(names.length).fill(0xf4), align: 16 } },
    symbols: names.map((name, offset) => ({
      name,
      section: 'text',
      offset,
      size: 1,
      kind: 'function',
    })),
    relocations: [],
  };
}
