import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Layout, sizeOf } from '../spec/layout.ts';
import { assembleModule } from '../tools/compiler/assemblyscript.ts';
import { layoutModules } from '../tools/compiler/layouts.ts';
import { root } from '../tools/root.ts';

type Module = Readonly<Record<string, unknown>>;

/** Every file of spec/ and spec/abi/ that both languages read, and what it exports in TypeScript. */
const modules = new Map<string, Module>();
for (const folder of ['spec', 'spec/abi', 'spec/layouts']) {
  for (const name of readdirSync(join(root, folder))) {
    if (!/^(?!layout\.)[^.]+\.ts$/.test(name)) continue;
    modules.set(`${folder}/${name}`, await import(join(root, folder, name)));
  }
}

const isNumber = (value: unknown) => typeof value === 'number' || typeof value === 'bigint';
const numbersOf = (module: Module) =>
  Object.entries(module).filter((entry): entry is [string, number | bigint] => isNumber(entry[1]));
const withNumbers = [...modules].filter(([, module]) => numbersOf(module).length > 0);

describe('a number has one value in both languages', () => {
  const inWasm = new Map<string, unknown>();

  // One module that imports every file and gives each number by a function: asc needs a third of
  // a second a run, and there are thirty files.
  beforeAll(async () => {
    const lines = withNumbers.flatMap(([file, module], i) => [
      `import * as file${i} from './${file.replace(/\.ts$/, '')}';`,
      ...numbersOf(module).map(
        ([name]) => `export function ${key(i, name)}(): u64 { return u64(file${i}.${name}); }`,
      ),
    ]);
    const sources = new Map([['numbers.ts', lines.join('\n')]]);
    const { wasm } = await assembleModule('numbers.ts', { sources });
    const { instance } = await WebAssembly.instantiate(wasm, {});
    for (const [name, value] of Object.entries(instance.exports)) {
      if (typeof value === 'function') inWasm.set(name, value());
    }
  });

  const key = (i: number, name: string) => `file${i}_${name}`;

  it.each(withNumbers.map(([file, module], i) => [file, module, i] as const))(
    '%s',
    (_file, module, i) => {
      for (const [name, value] of numbersOf(module)) {
        const inAssemblyScript = inWasm.get(key(i, name));
        expect(BigInt.asUintN(64, inAssemblyScript as bigint), name).toBe(BigInt(value));
      }
    },
  );
});

const layouts = Object.values(layoutModules)
  .flatMap((module) => Object.values(module))
  .filter((value): value is Layout => typeof value === 'object');

describe('a layout', () => {
  it.each(layouts)('$name holds fields that neither overlap nor run over', (layout) => {
    let end = 0;
    const fields = Object.entries(layout.fields).toSorted(([, a], [, b]) => a.offset - b.offset);
    for (const [name, field] of fields) {
      if (field.kind === 'bits') continue;
      expect(field.offset, name).toBeGreaterThanOrEqual(end);
      end = field.offset + sizeOf(field);
    }
    expect(end).toBeLessThanOrEqual(layout.size);
  });

  it.each(layouts.filter(({ shared }) => shared))(
    '$name, which the hypervisor writes too, has no field that lies astride',
    (layout) => {
      // A misaligned access may be two on the bus, with the hypervisor in between.
      for (const [name, field] of Object.entries(layout.fields)) {
        if (field.kind.startsWith('u')) expect(field.offset % sizeOf(field), name).toBe(0);
      }
    },
  );

  it.each(layouts)('$name has bit fields that fit their word and do not overlap', (layout) => {
    const used = new Map<number, bigint>();
    for (const [name, field] of Object.entries(layout.fields)) {
      if (field.kind !== 'bits') continue;
      expect(field.shift + field.width, name).toBeLessThanOrEqual(64);
      const mask = ((1n << BigInt(field.width)) - 1n) << BigInt(field.shift);
      const before = used.get(field.offset) ?? 0n;
      expect(before & mask, name).toBe(0n);
      used.set(field.offset, before | mask);
    }
  });
});
