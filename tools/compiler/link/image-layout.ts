import {
  CPUID_PAGE,
  ENVIRONMENT_PAGE,
  EXCEPTION_STACK_SIZE,
  EXCEPTION_STACKS,
  KERNEL_MEMORY,
  KERNEL_STACK_SIZE,
  MEMORY_MAP_PAGE,
  PAGE_SIZE,
  SECRETS_PAGE,
  SHIM,
  SHIM_END,
  TOP,
} from '../../../boot/memory-map.ts';
import * as Platform from '../../../spec/abi/platform.ts';
import { UserError } from '../../errors.ts';
import type { Placements } from '../link-sections.ts';
import type { WasmObject } from '../object.ts';
import type { Mapping } from './page-tables.ts';
import { type Places, wholePages } from './places.ts';

/** Pages of the image that lie together and are mapped alike. */
export interface Region extends Mapping {
  /** As an ELF section is called. */
  readonly name: string;
  /** RANGE_* of spec/abi/platform.ts. */
  readonly kind: number;
  /** Contents; zeros follow up to `size`, which is whole pages. */
  readonly bytes: Uint8Array;
}

/** Pages that the launch fills in, not the image: mapped, and never to be used as RAM. */
export const LAUNCH_PAGES: readonly (Mapping & { readonly kind: number })[] = [
  launchPage(CPUID_PAGE, Platform.RANGE_CPUID, false),
  // The kernel wipes keys in it that it must not use again.
  launchPage(SECRETS_PAGE, Platform.RANGE_SECRETS, true),
  launchPage(MEMORY_MAP_PAGE, Platform.RANGE_PARAMETERS, false),
  launchPage(ENVIRONMENT_PAGE, Platform.RANGE_PARAMETERS, false),
];

export interface ImageLayout {
  /** In ascending order of GPAs; page tables are empty yet. */
  readonly regions: readonly Region[];
  readonly tables: Region;
  readonly stack: Region;
  /** One for each of EXCEPTION_STACKS. */
  readonly exceptionStacks: readonly Region[];
  readonly kernelMemory: Region;
}

/** Page-table pages that the kernel has to map RAM and compartments with. */
const POOL_PAGES = 64;
/** Root, and two levels below it for each of the shim, the kernel's memory and the top 2 GiB. */
const UPPER_TABLES = 7;
/** What one table of the last level maps. */
const TABLE_SPAN = 0x20_0000;

/** The address at which the linker maps the page at a place. */
export function vaOf(place: number): bigint {
  return TOP + BigInt(place);
}

/** Where the kernel's static data lies, by its own word. */
export function kernelMemoryRange({ memory }: WasmObject): { start: number; end: number } {
  const end = (memory?.minPages ?? 0) * 0x1_0000;
  return { start: KERNEL_MEMORY, end: Math.max(end, KERNEL_MEMORY) };
}

/** Lays out, from where `places` stands, all that is not a section, and lists the whole image. */
export function layOutImage(
  places: Places,
  placements: Placements,
  shim: Uint8Array,
  kernel: WasmObject,
): ImageLayout {
  if (shim.length > SHIM_END - SHIM) throw new RangeError(`the shim has ${shim.length} bytes`);
  const high = (name: string, kind: number, size: number, writable: boolean): Region => {
    const gpa = places.take(size);
    const bytes = new Uint8Array();
    const pages = wholePages(size);
    return { name, kind, gpa, va: vaOf(gpa), size: pages, bytes, writable, executable: false };
  };
  const stackOf = (name: string, size: number) => {
    places.skipPage();
    return high(name, Platform.RANGE_STACK, size, true);
  };
  const kernelMemory = kernelMemoryRegion(kernel);
  const tablePages = UPPER_TABLES + lastTables(placements, kernelMemory) + POOL_PAGES;
  const tables = high('.tables', Platform.RANGE_PAGE_TABLES, tablePages * PAGE_SIZE, true);
  const stack = stackOf('.stack', KERNEL_STACK_SIZE);
  const exceptionStacks = EXCEPTION_STACKS.map(([vector]) =>
    stackOf(`.stack.${vector}`, EXCEPTION_STACK_SIZE),
  );
  const regions: Region[] = [
    {
      name: '.shim',
      kind: Platform.RANGE_SHIM,
      gpa: SHIM,
      va: BigInt(SHIM),
      bytes: shim,
      size: wholePages(shim.length),
      writable: false,
      executable: true,
    },
    section('.text', Platform.RANGE_TEXT, placements.text, false, true),
    section('.rodata', Platform.RANGE_RODATA, placements.rodata, false, false),
    section('.data', Platform.RANGE_DATA, placements.data, true, false),
    tables,
    stack,
    ...exceptionStacks,
    kernelMemory,
  ];
  return {
    regions: regions.sort((a, b) => a.gpa - b.gpa),
    tables,
    stack,
    exceptionStacks,
    kernelMemory,
  };
}

/** At most so many tables of the last level are needed: those that the sections and stacks touch. */
function lastTables({ data }: Placements, kernelMemory: Region): number {
  const end = Math.max(
    Number(data.address - TOP) + data.bytes.length,
    kernelMemory.gpa + kernelMemory.size,
  );
  const low = Math.ceil((kernelMemory.gpa + kernelMemory.size) / TABLE_SPAN);
  return low + Math.ceil(end / TABLE_SPAN) + 1;
}

function section(
  name: string,
  kind: number,
  { address, bytes }: Placements['text'],
  writable: boolean,
  executable: boolean,
): Region {
  const gpa = Number(address - TOP);
  const size = wholePages(bytes.length);
  return { name, kind, gpa, va: address, bytes, size, writable, executable };
}

function kernelMemoryRegion(kernel: WasmObject): Region {
  const { start, end } = kernelMemoryRange(kernel);
  const segments = kernel.memory?.segments ?? [];
  const used = Math.max(start, ...segments.map(({ offset, bytes }) => offset + bytes.length));
  if (used > end || segments.some(({ offset }) => offset < start)) {
    throw new UserError(`unlinkable: ${kernel.instance} has data outside its static memory`);
  }
  const bytes = new Uint8Array(used - start);
  for (const segment of segments) bytes.set(segment.bytes, segment.offset - start);
  return {
    name: '.kernel',
    kind: Platform.RANGE_KERNEL_MEMORY,
    gpa: start,
    va: BigInt(start),
    bytes,
    size: end - start,
    writable: true,
    executable: false,
  };
}

function launchPage(gpa: number, kind: number, writable: boolean) {
  return { kind, gpa, va: vaOf(gpa), size: PAGE_SIZE, writable, executable: false };
}
