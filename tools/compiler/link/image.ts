import { IMAGE, PAGE_SIZE, SHIM, TOP } from '../../../boot/memory-map.ts';
import { BootRecord, ImageRange, MemoryRecord } from '../../../spec/abi/handoff.ts';
import * as Platform from '../../../spec/abi/platform.ts';
import { view } from '../../../spec/layout.ts';
import { type Linkable, type Placements, place, relocate, symbolTable } from '../link-sections.ts';
import { typeNumbers, type WasmObject } from '../object.ts';
import type { SourceMap } from '../source-map.ts';
import { kernelSymbol } from './bind.ts';
import { Blob } from './blob.ts';
import { addCompartments, type CompartmentImage } from './compartments.ts';
import * as Descriptors from './descriptors.ts';
import { growStub, tableStub } from './grow-stub.ts';
import { addImageInfo, completeImageInfo, type ImagePolicy, imageRanges } from './image-info.ts';
import {
  type ImageLayout,
  kernelMemoryRange,
  LAUNCH_PAGES,
  layOutImage,
  type Region,
  vaOf,
} from './image-layout.ts';
import { pageTables } from './page-tables.ts';
import { Places } from './places.ts';
import { checkStacks } from './stack-depth.ts';
import { addressTables, Strings } from './tables.ts';

/** What an image is linked from. */
export interface ImageParts {
  /** Code of the shim: text only, linked at its GPA. Defines `boot!pvh` and `boot!igvm`. */
  readonly shim: Linkable;
  /** Stubs in the high half: `boot!vector.0` to `boot!vector.255`, and what the kernel imports. */
  readonly stubs: readonly Linkable[];
  readonly kernel: WasmObject;
  readonly compartments: readonly CompartmentImage[];
  /** Where an object's instructions come from, by its instance. */
  readonly sourceMaps: ReadonlyMap<string, SourceMap>;
  readonly policy: ImagePolicy;
}

export interface LinkedImage {
  /** In ascending order of their GPAs. */
  readonly regions: readonly Region[];
  /** GPAs of the shim's entries. */
  readonly pvhEntry: number;
  readonly igvmEntry: number;
  /** Every symbol with its value. */
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** Room for every range that {@link imageRanges} may list. */
const MOST_RANGES = 24;

/**
 * Puts an image together: the sections of all parts at their places, tables about them, descriptor
 * tables, stacks, the first page tables.
 *
 * @throws UserError `unlinkable: …` for parts that do not fit together.
 */
export function linkImage(parts: ImageParts): LinkedImage {
  const { kernel, compartments, shim } = parts;
  checkStacks(kernel);
  const growers = compartments.flatMap(({ object, index }) =>
    [growStub(object, index) ?? [], tableStub(object) ?? []].flat(),
  );
  const code = [...parts.stubs, ...growers, kernel, ...compartments.map(({ object }) => object)];
  const places = new Places(IMAGE, [kernelMemoryRange(kernel)]);
  const text = place('text', code, vaOf(places.take(place('text', code, 0n).bytes.length)));
  const all = [...code, ownSections(parts, code, text)];
  const sized = (section: 'rodata' | 'data') =>
    place(section, all, vaOf(places.take(place(section, all, 0n).bytes.length)));
  const placements: Placements = { text, rodata: sized('rodata'), data: sized('data') };
  const shimPlacements: Placements = {
    text: place('text', [shim], BigInt(SHIM)),
    rodata: place('rodata', [shim], 0n),
    data: place('data', [shim], 0n),
  };

  const layout = layOutImage(places, placements, shimPlacements.text.bytes, kernel);
  const tables = pageTables(layout.tables.gpa, [...layout.regions, ...LAUNCH_PAGES]);
  const symbols = symbolTable(
    placements,
    all,
    symbolTable(shimPlacements, [shim], linkerSymbols(parts, layout, tables.length)),
  );
  for (const [name, { kind, symbol }] of kernel.exports) {
    const value = symbols.get(symbol);
    if (kind === 'function' && value !== undefined) symbols.set(kernelSymbol(name), value);
  }
  relocate(shimPlacements, [shim], symbols);
  relocate(placements, all, symbols);
  complete(parts, placements, layout, tables.length, symbols);

  const regions = layout.regions.map((region) =>
    region === layout.tables ? { ...region, bytes: tables } : region,
  );
  return {
    regions,
    pvhEntry: Number(address(symbols, 'boot!pvh')),
    igvmEntry: Number(address(symbols, 'boot!igvm')),
    symbols,
  };
}

/** The linker's own rodata and data, addresses still to come. */
function ownSections(
  { compartments, sourceMaps, policy, kernel }: ImageParts,
  code: readonly Linkable[],
  text: Placements['text'],
): Linkable {
  const objects = new Map<Linkable, WasmObject>(
    [kernel, ...compartments.map(({ object }) => object)].map((object) => [object, object]),
  );
  const strings = new Strings();
  const tables = addressTables(
    code.map((part) => {
      const object = objects.get(part);
      return {
        place: Number(text.address - TOP) + (text.starts.get(part) ?? 0),
        symbols: part.symbols,
        object,
        sourceMap: object && sourceMaps.get(object.instance),
      };
    }),
    strings,
  );
  const rodata = new Blob('rodata');
  const data = new Blob('data');
  addCompartments(rodata, data, strings, compartments);
  addImageInfo(rodata, policy, tables, strings.bytes(), compartments.length);
  rodata.add('image.ranges', new Uint8Array(MOST_RANGES * ImageRange.size));
  rodata.add('image.idt', new Uint8Array(Descriptors.IDT_SIZE), 16);
  rodata.add('image.tss', new Uint8Array(Descriptors.TSS_SIZE), 16);
  rodata.add('image.gdtr', new Uint8Array(Descriptors.DESCRIPTOR_TABLE_POINTER_SIZE));
  rodata.add('image.idtr', new Uint8Array(Descriptors.DESCRIPTOR_TABLE_POINTER_SIZE));
  data.add('image.record', new Uint8Array(BootRecord.size));
  data.add('image.gdt', new Uint8Array(Descriptors.GDT_SIZE), 16);
  return {
    sections: { rodata: rodata.content, data: data.content },
    symbols: [...rodata.symbols, ...data.symbols],
    relocations: [...rodata.relocations, ...data.relocations],
  };
}

/** Symbols that stand for places and numbers rather than for something in a section. */
function linkerSymbols(
  { kernel, compartments }: ImageParts,
  { tables, stack }: ImageLayout,
  tablesSize: number,
): Map<string, bigint> {
  const numbers = typeNumbers([kernel, ...compartments.map(({ object }) => object)]);
  return new Map([
    ...[...numbers].map(([type, number]) => [type, BigInt(number)] as const),
    ['image.root', tables.va],
    ['image.tables', tables.va],
    ['image.tables.end', tables.va + BigInt(tablesSize)],
    ['image.pool', tables.va + BigInt(tablesSize)],
    ['image.stack', stack.va + BigInt(stack.size)],
  ]);
}

/** Writes what depends on addresses in ways that no relocation can say. */
function complete(
  { compartments }: ImageParts,
  placements: Placements,
  layout: ImageLayout,
  tablesSize: number,
  symbols: ReadonlyMap<string, bigint>,
): void {
  const at = (section: 'rodata' | 'data', symbol: string) => {
    const { address: start, bytes } = placements[section];
    return bytes.subarray(Number(address(symbols, symbol) - start));
  };
  const tops = layout.exceptionStacks.map(({ va, size }) => va + BigInt(size));
  const pointer = (table: string, size: number) =>
    Descriptors.descriptorTablePointer(address(symbols, table), size);
  at('rodata', 'image.tss').set(Descriptors.tss(tops));
  at('rodata', 'image.idt').set(
    Descriptors.idt((vector) => address(symbols, `boot!vector.${vector}`)),
  );
  at('rodata', 'image.gdtr').set(pointer('image.gdt', Descriptors.GDT_SIZE));
  at('rodata', 'image.idtr').set(pointer('image.idt', Descriptors.IDT_SIZE));
  at('data', 'image.gdt').set(Descriptors.gdt(address(symbols, 'image.tss')));

  for (const { object, index, maxPages } of compartments) {
    const symbol = object.memory?.symbol;
    if (symbol === undefined) continue;
    const record = view(MemoryRecord, at('data', symbol));
    record.base = BigInt(index) * BigInt(Platform.COMPARTMENT_STRIDE);
    record.maxPages = Math.min(record.maxPages, maxPages);
  }

  const ranges = imageRanges(layout);
  if (ranges.length > MOST_RANGES * ImageRange.size) throw new RangeError('ranges are too many');
  at('rodata', 'image.ranges').set(ranges);
  const rangeCount = ranges.length / ImageRange.size;
  completeImageInfo(at('rodata', 'image.info'), layout, tablesSize / PAGE_SIZE, rangeCount);
}

function address(symbols: ReadonlyMap<string, bigint>, symbol: string): bigint {
  const value = symbols.get(symbol);
  if (value === undefined) throw new TypeError(`symbol ${symbol} is not defined`);
  return value;
}
