import {
  CompartmentInfo,
  GrantInfo,
  MemoryRecord,
  SegmentInfo,
} from '../../../spec/abi/handoff.ts';
import { view } from '../../../spec/layout.ts';
import { UserError } from '../../errors.ts';
import type { WasmObject } from '../object.ts';
import type { Grant } from './bind.ts';
import type { Blob } from './blob.ts';
import type { Strings } from './tables.ts';

/** A module that is to run in a memory of its own. */
export interface CompartmentImage {
  readonly object: WasmObject;
  readonly index: number;
  /** Export that starts it. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The most 64 KiB pages that its memory may have, whatever the module says. */
  readonly maxPages: number;
  /** 4 KiB pages of stack. */
  readonly stackPages: number;
  /** What it may call of the kernel. */
  readonly grants: readonly Grant[];
}

/** Bytes of WASI's argument or environment block: each text with its NUL. */
function texts(values: readonly string[]): Uint8Array {
  return new TextEncoder().encode(values.map((value) => `${value}\0`).join(''));
}

/**
 * Adds the CompartmentInfos and all that they point at to `rodata`, under `image.compartments`. A
 * module without a memory gets a record of its size in `data` all the same: the kernel knows no
 * compartments without.
 *
 * @throws UserError for a module that cannot be a compartment.
 */
export function addCompartments(
  rodata: Blob,
  data: Blob,
  strings: Strings,
  compartments: readonly CompartmentImage[],
): void {
  const { size } = CompartmentInfo;
  const table = rodata.add('image.compartments', new Uint8Array(compartments.length * size));
  // The table's bytes are written last, once all of it is known.
  const written = compartments.map((compartment, i) => {
    const at = table + i * size;
    const prefix = `image.compartment.${compartment.index}`;
    if (!compartment.object.memory) data.add(`${prefix}.memory`, new Uint8Array(MemoryRecord.size));
    return describe(rodata, strings, compartment, at, prefix);
  });
  for (const [i, info] of written.entries()) rodata.write(table + i * size, info);
}

function describe(
  rodata: Blob,
  strings: Strings,
  { object, index, entry, args, env, maxPages, stackPages, grants }: CompartmentImage,
  at: number,
  prefix: string,
): Uint8Array {
  const { instance, memory, exports, start } = object;
  const entryExport = exports.get(entry);
  if (entryExport?.kind !== 'function' || entryExport.type.params.length > 0) {
    throw new UserError(`unlinkable: ${instance} has no function ${entry} without parameters`);
  }
  if (memory && memory.minPages > maxPages) {
    const needed = `${memory.minPages * 64}K of memory`;
    throw new UserError(`unlinkable: ${instance} needs ${needed}, "memory" is ${maxPages * 64}K`);
  }
  const bytes = new Uint8Array(CompartmentInfo.size);
  const info = view(CompartmentInfo, bytes);
  const { fields } = CompartmentInfo;
  const point = (field: { readonly offset: number }, symbol: string) =>
    rodata.point(at + field.offset, symbol);

  info.name = strings.add(instance);
  info.index = index;
  point(fields.entry, entryExport.symbol);
  if (start !== undefined) point(fields.initialize, start);
  point(fields.memoryRecord, memory?.symbol ?? `${prefix}.memory`);
  info.minPages = memory?.minPages ?? 0;
  info.maxPages = Math.min(memory?.maxPages ?? 0, maxPages);
  info.stackPages = stackPages;

  const segments = memory?.segments ?? [];
  const list = new Uint8Array(segments.length * SegmentInfo.size);
  const listAt = rodata.add(`${prefix}.segments`, list);
  point(fields.segments, `${prefix}.segments`);
  info.segmentCount = segments.length;
  for (const [i, segment] of segments.entries()) {
    rodata.add(`${prefix}.segment.${i}`, segment.bytes, 16);
    const segmentInfo = new Uint8Array(SegmentInfo.size);
    const fieldsOfSegment = view(SegmentInfo, segmentInfo);
    fieldsOfSegment.offset = segment.offset;
    fieldsOfSegment.size = segment.bytes.length;
    rodata.write(listAt + i * SegmentInfo.size, segmentInfo);
    rodata.point(listAt + i * SegmentInfo.size, `${prefix}.segment.${i}`);
  }

  const argumentBytes = texts([instance, ...args]);
  rodata.add(`${prefix}.arguments`, argumentBytes);
  point(fields.arguments, `${prefix}.arguments`);
  info.argumentCount = args.length + 1;
  info.argumentsSize = argumentBytes.length;

  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const environmentBytes = texts(variables);
  rodata.add(`${prefix}.environment`, environmentBytes);
  point(fields.environment, `${prefix}.environment`);
  info.environmentCount = variables.length;
  info.environmentSize = environmentBytes.length;

  const { size } = GrantInfo;
  const grantsAt = rodata.add(`${prefix}.grants`, new Uint8Array((grants.length + 1) * size));
  point(fields.grants, `${prefix}.grants`);
  for (const [i, { name, symbol }] of grants.entries()) {
    const grant = new Uint8Array(size);
    view(GrantInfo, grant).name = strings.add(name);
    rodata.write(grantsAt + i * size, grant);
    rodata.point(grantsAt + i * size, symbol);
  }
  return bytes;
}
