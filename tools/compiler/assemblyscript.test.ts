import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../errors.ts';
import { root } from '../root.ts';
import { assemble, assembleModule, flagsFor } from './assemblyscript.ts';
import { layoutModules } from './layouts.ts';

const entry = 'test/made/entry.ts';
const made = (text: string) => ({ sources: new Map([[entry, text]]) });

describe('the list of layout files', () => {
  it('has every file of spec/layouts and spec/abi that holds layouts, and no other', () => {
    const files = ['spec/layouts', 'spec/abi'].flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
        .map((file) => `${folder}/${file}`)
        .filter((file) => readFileSync(join(root, file), 'utf8').includes('/layout.ts')),
    );
    expect(Object.keys(layoutModules).sort()).toEqual(files.sort());
  });
});

describe('assembleModule', () => {
  it('gives AssemblyScript the fields of a layout', async () => {
    const { wasm } = await assembleModule(
      entry,
      made(`
        import { TrapFrame } from '../../spec/abi/trap-frame';
        export function size(): usize { return TrapFrame.SIZE; }
        export function take(p: usize): u64 {
          const frame = changetype<TrapFrame>(p);
          frame.rax = frame.vector + 1;
          return frame.rip;
        }`),
    );
    const { instance } = await WebAssembly.instantiate(wasm);
    const { memory, size, take } = instance.exports as {
      memory: WebAssembly.Memory;
      size(): number;
      take(p: number): bigint;
    };
    if (memory.buffer.byteLength === 0) memory.grow(1);
    const data = new DataView(memory.buffer);
    data.setBigUint64(64 + 0x78, 13n, true);
    data.setBigUint64(64 + 0x88, 0x1234n, true);
    expect(size()).toBe(0xb0);
    expect(take(64)).toBe(0x1234n);
    expect(data.getBigUint64(64 + 0x70, true)).toBe(14n);
  });

  it('makes a map whose sources are named from the base folder', async () => {
    const { sourceMap } = await assembleModule(entry, {
      ...made('export function f(n: i32): i32 { return 100 / n; }'),
      flags: flagsFor.kernel,
    });
    expect(JSON.parse(sourceMap ?? '{}').sources).toContain(entry);
    expect(sourceMap).not.toContain(root);
  });

  it('puts the kernel’s static data where the image has it', async () => {
    const { wasm } = await assembleModule(entry, {
      ...made(
        'const page: usize = memory.data(4096, 4096); export function f(): usize { return page; }',
      ),
      flags: flagsFor.kernel,
    });
    const { instance } = await WebAssembly.instantiate(wasm);
    expect((instance.exports as { f(): number }).f()).toBe(0x18_0000);
  });

  it('answers a mistake in the source with one line that says where', async () => {
    const failing = assembleModule(entry, made('export function f(): i32 { return nothing; }'));
    await expect(failing).rejects.toThrow(UserError);
    await expect(failing).rejects.toThrow(/^test\/made\/entry.ts\(1,35\): ERROR .*'nothing'/);
    await expect(failing).rejects.not.toThrow(/\n/);
  });

  it('answers a missing source with its name', async () => {
    await expect(assemble('kernel/nowhere.ts')).rejects.toThrow(/kernel\/nowhere.ts/);
  });
});
