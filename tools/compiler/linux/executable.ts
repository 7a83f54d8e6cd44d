import { UserError } from '../../errors.ts';
import { type CompileOptions, type Cpu, compile } from '../compile.ts';
import {
  type Linkable,
  type Placement,
  type Placements,
  place,
  relocate,
  symbolTable,
} from '../link-sections.ts';
import { TABLE_ENTRY, typeNumbers, type WasmObject } from '../object.ts';
import type { SourceMap } from '../source-map.ts';
import { binder } from './bind.ts';
import { type Segment, writeElf } from './elf.ts';
import { RUNTIME_DATA } from './runtime.ts';
import { SHARED_MEMORY, SPECTEST, sharedMemoryModule, spectestModule } from './spectest.ts';
import { runtimeSymbol, startUp } from './start-up.ts';
import { type Addresses, type NamedObject, runtimeTables } from './tables.ts';

export interface Module {
  readonly wasm: Uint8Array;
  /** Its source map (version 3), for the places of traps. */
  readonly sources?: SourceMap | undefined;
}

/** A module whose exports others may import under `name`. */
export interface LinkedModule extends Module {
  readonly name: string;
}

/**
 * Addresses that the memory of a module in the kernel's form has, page-aligned: its linear memory is
 * the low 4 GiB of the address space, of which the rest is ours or nobody's.
 */
export interface LowMemory {
  readonly start: number;
  readonly end: number;
}

/** Everything but the run-time's static data is linked from here on. */
const TEXT = 0x1000_0000;
const PAGE = 4096;

/**
 * Compiles `program` and the modules linked to it, which are instantiated first, in order, into a
 * static executable for x86-64 Linux, its code for processors from `cpu` on. `runtime` comes from compileRuntime.
 * With `lowMemory` the code has the kernel's form, and nothing keeps it from the rest of the process: for tests
 * of that form. `watch` is told what the passes do.
 *
 * @throws UserError `malformed: …`, `invalid: …`, `unsupported: …`, `unlinkable: …`
 */
export function makeExecutable(
  program: Module,
  links: readonly LinkedModule[],
  runtime: WasmObject,
  cpu: Cpu = 'x86-64',
  lowMemory?: LowMemory,
  watch: Pick<CompileOptions, 'print' | 'times'> = {},
): Uint8Array {
  const instances: NamedObject[] = [];
  const byName = new Map<string, WasmObject>();
  const modules: LinkedModule[] = [...links, { ...program, name: '' }];
  const needsSpectest = modules.some(({ wasm }) => importsFrom(wasm, SPECTEST));
  if (needsSpectest && !links.some(({ name }) => name === SPECTEST)) {
    modules.unshift({ name: SPECTEST, wasm: spectestModule() });
    if (modules.some(({ wasm }) => importsFrom(wasm, SHARED_MEMORY))) {
      modules.unshift({ name: SHARED_SPECTEST, wasm: sharedMemoryModule() });
    }
  }
  for (const { name, wasm, sources } of modules) {
    const bind = binder(instances.length, byName, runtime);
    const importedFunctions: (string | undefined)[] = [];
    const object = compile(wasm, {
      instance: name === '' ? 'main' : `link.${name}`,
      mode: lowMemory ? 'base0' : 'basereg',
      cpu,
      linked: modules.length > 1,
      bind: (wanted) => {
        const binding = bind(wanted);
        if (wanted.kind === 'function') {
          const isDirect = binding.kind === 'symbol' && !binding.leading;
          importedFunctions.push(isDirect ? binding.symbol : undefined);
        }
        return binding;
      },
      ...watch,
    });
    instances.push({ name, object, importedFunctions, sources });
    if (name !== '') byName.set(name, object);
    const shared = name === SPECTEST ? byName.get(SHARED_SPECTEST) : undefined;
    if (shared) {
      byName.set(name, { ...object, exports: new Map([...shared.exports, ...object.exports]) });
    }
  }
  return link(instances, runtime, lowMemory);
}

/** How the part of spectest with the shared memory is called. */
const SHARED_SPECTEST = `${SPECTEST} ${SHARED_MEMORY}`;

/** Whether the text of a module's or export's name stands in the binary at all: enough to leave spectest, or a part of it, out. */
function importsFrom(wasm: Uint8Array, name: string): boolean {
  return Buffer.from(wasm.buffer, wasm.byteOffset, wasm.byteLength).includes(name);
}

function link(
  instances: readonly NamedObject[],
  runtime: WasmObject,
  lowMemory: LowMemory | undefined,
): Uint8Array {
  const objects = instances.map(({ object }) => object);
  const memories = objects.flatMap(({ memory }) =>
    memory && !memory.imported && memory.symbol !== undefined ? [memory.symbol] : [],
  );
  const start = startUp(
    memories,
    objects.map(({ instance }) => instance),
  );
  // The instances come first, so that their text is one range and its tables are sorted.
  const parts: readonly Linkable[] = [...objects, start, runtime];
  const text = place('text', parts, BigInt(TEXT));
  const rodata = place('rodata', parts, nextPage(text));
  const data = place('data', parts, nextPage(rodata));
  const placements: Placements = { text, rodata, data };
  const tableAddress = Number(nextPage(data));
  const symbols = symbolTable(placements, parts, linkerSymbols(objects, runtime, tableAddress));
  for (const [name, { symbol }] of runtime.exports) {
    const address = symbols.get(symbol);
    if (address !== undefined) symbols.set(runtimeSymbol(name), address);
  }
  relocate(placements, parts, symbols);
  const addresses: Addresses = {
    of: (symbol) => Number(required(symbols, symbol)),
    find: (symbol) => {
      const address = symbols.get(symbol);
      return address === undefined ? undefined : Number(address);
    },
    codeOf: (record) => Number(wordAt(rodata, record + TABLE_ENTRY.code)),
    textOf: (object) => TEXT + (text.starts.get(object) ?? 0),
    textStart: TEXT,
    textEnd: TEXT + (text.starts.get(start) ?? 0),
  };
  const tables = runtimeTables(instances, addresses, tableAddress);
  return writeElf(
    addresses.of('_start'),
    [
      ...runtimeData(runtime),
      ...(lowMemory ? [lowSegment(objects, lowMemory)] : []),
      segment('.text', text, 'rx'),
      segment('.rodata', rodata, 'r'),
      segment('.data', data, 'rw'),
      {
        name: '.tables',
        address: tableAddress,
        bytes: tables,
        memorySize: tables.length,
        access: 'r',
      },
    ].filter(({ memorySize }) => memorySize > 0) as Segment[],
    parts.flatMap((part) =>
      part.symbols
        .filter(({ kind }) => kind === 'function')
        .map(({ name, size }) => ({ name, address: addresses.of(name), size })),
    ),
  );
}

function wordAt({ address, bytes }: Placement, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getBigUint64(at - Number(address), true);
}

function required(symbols: ReadonlyMap<string, bigint>, symbol: string): bigint {
  const address = symbols.get(symbol);
  if (address === undefined) throw new TypeError(`symbol ${symbol} is not defined`);
  return address;
}

/** Symbols that are numbers, and the place of the tables. */
function linkerSymbols(
  objects: readonly WasmObject[],
  runtime: WasmObject,
  tables: number,
): Map<string, bigint> {
  const symbols = new Map([['linux.executable', BigInt(tables)]]);
  for (const [symbol, number] of typeNumbers([...objects, runtime])) {
    symbols.set(symbol, BigInt(number));
  }
  return symbols;
}

function nextPage({ address, bytes }: { address: bigint; bytes: Uint8Array }): bigint {
  const end = Number(address) + bytes.length;
  if (end > 0x7fff_0000) throw new UserError('unsupported: more than 2 GiB of code and data');
  return BigInt(Math.ceil(end / PAGE) * PAGE);
}

function segment(
  name: string,
  { address, bytes }: { address: bigint; bytes: Uint8Array },
  access: Segment['access'],
): Segment {
  return { name, address: Number(address), bytes, memorySize: bytes.length, access };
}

function lowSegment(objects: readonly WasmObject[], { start, end }: LowMemory): Segment {
  const contents = objects.flatMap(({ memory }) => memory?.segments ?? []);
  const last = Math.max(start, ...contents.map(({ offset, bytes }) => offset + bytes.length));
  const bytes = new Uint8Array(last - start);
  for (const data of contents) bytes.set(data.bytes, data.offset - start);
  return { name: '.memory', address: start, bytes, memorySize: end - start, access: 'rw' };
}

/** A run of zeros that is worth a segment of its own, as files hold none at a segment's end. */
const WORTHWHILE_GAP = 4 * PAGE;

/**
 * The run-time's static data, at the addresses that its linear memory gives it: its buffers are zeros,
 * which the file leaves out.
 */
function runtimeData({ memory }: WasmObject): Segment[] {
  const contents = (memory?.segments ?? [])
    .filter(({ bytes }) => bytes.length > 0)
    .toSorted((a, b) => a.offset - b.offset);
  // The first group is empty: what comes before the first data.
  const groups: (typeof contents)[] = [[]];
  let end = RUNTIME_DATA;
  for (const data of contents) {
    if (data.offset - end >= WORTHWHILE_GAP) groups.push([]);
    groups.at(-1)?.push(data);
    end = data.offset + data.bytes.length;
  }
  const starts = groups.map((group, i) =>
    i === 0 ? RUNTIME_DATA : Math.floor((group[0]?.offset ?? 0) / PAGE) * PAGE,
  );
  return groups.map((group, i) => {
    const address = starts[i] ?? 0;
    const last = group.at(-1);
    const bytes = new Uint8Array((last ? last.offset + last.bytes.length : address) - address);
    for (const data of group) bytes.set(data.bytes, data.offset - address);
    const next = starts[i + 1] ?? (memory?.minPages ?? 0) * 0x1_0000;
    return { name: '.runtime', address, bytes, memorySize: next - address, access: 'rw' };
  });
}
