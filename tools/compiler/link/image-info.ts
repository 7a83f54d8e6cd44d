import {
  CPUID_PAGE,
  ENVIRONMENT_PAGE,
  MEMORY_MAP_PAGE,
  PAGE_SIZE,
  SECRETS_PAGE,
  WINDOW,
  WINDOW_END,
} from '../../../boot/memory-map.ts';
import {
  FunctionEntry,
  ImageInfo,
  ImageRange,
  InterceptSite,
  LineEntry,
  TrapSite,
} from '../../../spec/abi/handoff.ts';
import * as Platform from '../../../spec/abi/platform.ts';
import * as Launch from '../../../spec/launch.ts';
import { type Layout, view } from '../../../spec/layout.ts';
import type { Blob } from './blob.ts';
import { type ImageLayout, LAUNCH_PAGES } from './image-layout.ts';
import type { AddressTables } from './tables.ts';

/** What is measured of the manifest. */
export interface ImagePolicy {
  /** Bit PLATFORM_x (spec/abi/platform.ts) set: the image may run there. */
  readonly modes: number;
  /** HOST_*. */
  readonly host: number;
  /** SEV_STATUS bits that must be set under SNP, and those that may. */
  readonly featuresRequired: bigint;
  readonly featuresAllowed: bigint;
  /** RAM beyond this many bytes is accepted on first use; absent: all is accepted at once. */
  readonly lazyAbove?: bigint;
}

/** ImageInfo.lazyAbove that no amount of RAM is above. */
const NEVER = 0xffff_ffff_ffff_ffffn;

/** Adds ImageInfo, and the tables that it points at, to `rodata`; addresses come with the link. */
export function addImageInfo(
  rodata: Blob,
  policy: ImagePolicy,
  tables: AddressTables,
  strings: Uint8Array,
  compartmentCount: number,
): void {
  const bytes = new Uint8Array(ImageInfo.size);
  const info = view(ImageInfo, bytes);
  Object.assign(info, policy);
  info.magic = BigInt(Platform.IMAGE_MAGIC);
  info.lazyAbove = policy.lazyAbove ?? NEVER;
  info.vmsaGpa = BigInt(Launch.VMSA_GPA);
  info.cpuidPage = CPUID_PAGE;
  info.secretsPage = SECRETS_PAGE;
  info.memoryMapPage = MEMORY_MAP_PAGE;
  info.environmentPage = ENVIRONMENT_PAGE;
  info.windowStart = WINDOW;
  info.windowEnd = WINDOW_END;
  info.functionCount = count(tables.functions, FunctionEntry);
  info.lineCount = count(tables.lines, LineEntry);
  info.trapCount = count(tables.traps, TrapSite);
  info.interceptCount = count(tables.intercepts, InterceptSite);
  info.fileCount = tables.files.length / 4;
  info.compartmentCount = compartmentCount;
  const at = rodata.add('image.info', bytes);

  const contents = { ...tables, strings };
  for (const [name, content] of Object.entries(contents)) {
    rodata.add(`image.${name}`, content);
    rodata.point(at + ImageInfo.fields[name as keyof typeof contents].offset, `image.${name}`);
  }
  rodata.point(at + ImageInfo.fields.compartments.offset, 'image.compartments');
  rodata.point(at + ImageInfo.fields.ranges.offset, 'image.ranges');
}

/** Fills in what only the finished layout tells: `tablePages` of the page tables are in use. */
export function completeImageInfo(
  bytes: Uint8Array,
  { tables, stack, kernelMemory }: ImageLayout,
  tablePages: number,
  rangeCount: number,
): void {
  const info = view(ImageInfo, bytes);
  if (tablePages * PAGE_SIZE >= tables.size) throw new RangeError('page tables are too many');
  info.pageTableRoot = tables.gpa;
  info.pool = tables.gpa + tablePages * PAGE_SIZE;
  info.poolPages = tables.size / PAGE_SIZE - tablePages;
  info.kernelMemory = kernelMemory.gpa;
  info.kernelMemoryEnd = kernelMemory.gpa + kernelMemory.size;
  info.stackBottom = stack.va;
  info.stackTop = stack.va + BigInt(stack.size);
  info.rangeCount = rangeCount;
}

/** The ImageRanges of all pages that are the image's or the launch's, ascending. */
export function imageRanges({ regions }: ImageLayout): Uint8Array {
  const all = [...regions, ...LAUNCH_PAGES].sort((a, b) => a.gpa - b.gpa);
  const bytes = new Uint8Array(all.length * ImageRange.size);
  for (const [i, { gpa, size, kind }] of all.entries()) {
    const range = view(ImageRange, bytes, i * ImageRange.size);
    range.start = BigInt(gpa);
    range.end = BigInt(gpa + size);
    range.kind = kind;
  }
  return bytes;
}

function count(bytes: Uint8Array, layout: Layout): number {
  return bytes.length / layout.size;
}
