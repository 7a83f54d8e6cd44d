import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Layout } from '../../../spec/layout.ts';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';
import { root } from '../../root.ts';
import { decoderTables } from './decoder-tables.ts';
import { interpreterSource } from './interpreter.ts';
import * as Region from './memory-map.ts';
import { CORE_FILE, DECODER_SECTION, ROWS_SECTION } from './module.ts';
import { FIRST_OPERATION, operationsOf, traits } from './operations/table.ts';
import { Control, CpuState } from './state.ts';

const ROOM = 'tools/emulator/core/as';

/** Options of asc for the core: its memory comes from outside, its static data lies as memory-map.ts says. */
const OPTIONS = [
  ...['-O3', '--noAssert', '--uncheckedBehavior', 'always', '--runtime', 'stub'],
  ...[
    '--importMemory',
    '--memoryBase',
    String(Region.STATIC_DATA),
    '--use',
    'abort=',
    '--disableWarning',
    '201',
    '--enable',
    'simd',
  ],
];

const effects = [...new Set(INSTRUCTIONS.map((row) => row.effect.name))].sort();

/** Sources that are made from tables, by the name under which the others import them. */
function madeSources(): Map<string, string> {
  return new Map([
    [`${ROOM}/cpu.ts`, offsets(CpuState, Region.CPU)],
    [`${ROOM}/control.ts`, offsets(Control, Region.CONTROL)],
    [
      `${ROOM}/effects.ts`,
      effects.map((name, i) => `export const ${constant(name)}: u32 = ${i};`).join('\n'),
    ],
    [`${ROOM}/interpreter.ts`, interpreterSource()],
  ]);
}

/** The address of each field as a constant; of a segment's parts too. */
function offsets(layout: Layout, base: number): string {
  const lines = [`export const FIRST: usize = ${base};`];
  for (const [name, field] of Object.entries(layout.fields)) {
    if (field.kind === 'bits') continue;
    lines.push(`export const ${constant(name)}: usize = ${base + field.offset};`);
    if (field.kind !== 'struct') continue;
    for (const [part, inner] of Object.entries(field.of().fields)) {
      const address = base + field.offset + inner.offset;
      lines.push(`export const ${constant(name)}_${constant(part)}: usize = ${address};`);
    }
  }
  return lines.join('\n');
}

/** `kernelGsBase` as `KERNEL_GS_BASE`. */
function constant(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

/** Compiles the core into `build/`, unless what is there was made from the same sources. */
export async function buildCore(): Promise<void> {
  const sources = madeSources();
  const numbering = { effect: (name: string) => effects.indexOf(name), operations: operationsOf };
  const tables = decoderTables(INSTRUCTIONS, numbering, FIRST_OPERATION, traits());
  if (tables.length > Region.DECODER_SIZE) throw new RangeError('decoder tables exceed their room');
  const read = new Map<string, string>();
  const stamp = `${CORE_FILE}.json`;
  if (await isFresh(stamp, sources, tables)) return;
  const wasm = await assemble(sources, read);
  const rows = INSTRUCTIONS.map((row) => row.id).join('\n');
  const whole = Buffer.concat([
    wasm,
    customSection(DECODER_SECTION, tables),
    customSection(ROWS_SECTION, new TextEncoder().encode(rows)),
  ]);
  mkdirSync(dirname(CORE_FILE), { recursive: true });
  // Several test processes may build at once: each puts a whole file in place.
  const own = `${CORE_FILE}.${process.pid}`;
  writeFileSync(own, whole);
  renameSync(own, CORE_FILE);
  const files = [...read.keys()].sort();
  writeFileSync(own, JSON.stringify({ files, hash: hash(sources, tables, read) }));
  renameSync(own, stamp);
}

/** Whether the files that the last build read, and the made ones, are still the same. */
async function isFresh(
  stamp: string,
  sources: ReadonlyMap<string, string>,
  tables: Uint8Array,
): Promise<boolean> {
  if (!existsSync(stamp) || !existsSync(CORE_FILE)) return false;
  const last: { files: string[]; hash: string } = JSON.parse(readFileSync(stamp, 'utf8'));
  const read = new Map<string, string>();
  for (const name of last.files) {
    const text = await readFile(resolve(root, name), 'utf8').catch(() => '');
    read.set(name, text);
  }
  return last.hash === hash(sources, tables, read);
}

function hash(
  sources: ReadonlyMap<string, string>,
  tables: Uint8Array,
  read: ReadonlyMap<string, string>,
): string {
  const sum = createHash('sha256').update(JSON.stringify(OPTIONS)).update(tables);
  for (const text of sources.values()) sum.update(text);
  for (const name of [...read.keys()].sort()) sum.update(name).update(read.get(name) ?? '');
  return sum.digest('hex');
}

async function assemble(
  sources: ReadonlyMap<string, string>,
  files: Map<string, string>,
): Promise<Uint8Array> {
  const { default: asc } = await import('assemblyscript/asc');
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [`${ROOM}/index.ts`, ...OPTIONS, '--outFile', 'core.wasm'],
    {
      readFile: async (name) => {
        const made = sources.get(name);
        if (made !== undefined) return made;
        const text = await readFile(join(root, name), 'utf8').catch(() => null);
        if (text !== null) files.set(name, text);
        return text;
      },
      writeFile: (name, contents) => {
        if (name.endsWith('.wasm')) wasm = Uint8Array.from(contents as Uint8Array);
      },
      listFiles: () => [],
    },
  );
  if (error || !wasm) throw new Error(`${error?.message}\n${stderr}`);
  return wasm;
}

/** A custom section of a Wasm binary: id 0, size, name, content. */
function customSection(name: string, content: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode(name);
  const body = [...leb(label.length), ...label];
  return Uint8Array.from([0, ...leb(body.length + content.length), ...body, ...content]);
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}
