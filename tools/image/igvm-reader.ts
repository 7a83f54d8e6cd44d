import { crc32 } from 'node:zlib';
import * as Igvm from '../../spec/igvm.ts';
import * as Launch from '../../spec/launch.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import {
  IgvmGuestPolicy,
  IgvmHeader,
  IgvmPageData,
  IgvmParameter,
  IgvmParameterArea,
  IgvmParameterInsert,
  IgvmRequiredMemory,
  IgvmSupportedPlatform,
  IgvmVariable,
  IgvmVpContext,
} from '../../spec/layouts/igvm.ts';
import { UserError } from '../errors.ts';
import { type LaunchPage, PAGE_SIZE, ZERO_PAGE } from './launch.ts';

/** A variable header: its type (spec/igvm.ts) and its content as it stands in the file. */
export interface IgvmVariableHeader {
  readonly type: number;
  readonly content: Uint8Array;
}

export interface IgvmFile {
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly headers: readonly IgvmVariableHeader[];
}

/** Sizes of the contents that we read; a file may hold other types. IGVM, `header_size`. */
const layouts: Readonly<Record<number, Layout>> = {
  [Igvm.SUPPORTED_PLATFORM]: IgvmSupportedPlatform,
  [Igvm.GUEST_POLICY]: IgvmGuestPolicy,
  [Igvm.PARAMETER_AREA]: IgvmParameterArea,
  [Igvm.PAGE_DATA]: IgvmPageData,
  [Igvm.PARAMETER_INSERT]: IgvmParameterInsert,
  [Igvm.VP_CONTEXT]: IgvmVpContext,
  [Igvm.REQUIRED_MEMORY]: IgvmRequiredMemory,
  [Igvm.VP_COUNT]: IgvmParameter,
  [Igvm.MEMORY_MAP]: IgvmParameter,
  [Igvm.ENVIRONMENT_INFO]: IgvmParameter,
};

/** A file may ask for any size; nobody has that much to tell a guest. */
const MOST_PARAMETER_BYTES = 0x100_0000n;

/** Takes an IGVM file apart. @throws UserError that says what is wrong with it. */
export function readIgvm(bytes: Uint8Array): IgvmFile {
  if (bytes.length < IgvmHeader.size) throw new UserError('IGVM file is too short');
  const header = view(IgvmHeader, bytes);
  if (header.magic !== Igvm.MAGIC) throw new UserError('not an IGVM file');
  if (header.formatVersion !== 1 && header.formatVersion !== 2) {
    throw new UserError(`IGVM format version ${header.formatVersion} is not known`);
  }
  const fixedSize = header.formatVersion === 1 ? 24 : 32;
  const start = header.variableHeaderOffset;
  const end = start + header.variableHeaderSize;
  if (header.totalFileSize !== bytes.length) throw new UserError('IGVM file size is not as stated');
  if (start < fixedSize || end > bytes.length) throw new UserError('IGVM headers leave the file');
  if (checksum(bytes, fixedSize, start, end) !== header.checksum) {
    throw new UserError('IGVM checksum is wrong');
  }
  const headers: IgvmVariableHeader[] = [];
  let at = start;
  while (at < end) {
    if (at + IgvmVariable.size > end) throw new UserError('IGVM header is cut off');
    const { type, length } = view(IgvmVariable, bytes, at);
    const content = at + IgvmVariable.size;
    if (content + length > end) throw new UserError('IGVM header is cut off');
    const wanted = layouts[type]?.size;
    if (wanted !== undefined && wanted !== length) {
      throw new UserError(`IGVM header 0x${type.toString(16)} has ${length} bytes, not ${wanted}`);
    }
    headers.push({ type, content: bytes.subarray(content, content + length) });
    at = content + Math.ceil(length / 8) * 8;
  }
  return { bytes, version: header.formatVersion, headers };
}

function checksum(bytes: Uint8Array, fixedSize: number, start: number, end: number): number {
  // Not `slice`, which for a Buffer is a view.
  const fixed = Uint8Array.from(bytes.subarray(0, fixedSize));
  fixed.fill(0, 0x14, 0x18);
  return crc32(bytes.subarray(start, end), crc32(fixed));
}

/** The header's content as a live view, for a header of the layout's type. */
export function contentOf<L extends Layout>(layout: L, header: IgvmVariableHeader): View<L> {
  return view(layout, header.content);
}

/** The compatibility mask of a platform (spec/igvm.ts PLATFORM_*), or undefined without it. */
export function maskOf(file: IgvmFile, platform: number): number | undefined {
  for (const header of file.headers) {
    if (header.type !== Igvm.SUPPORTED_PLATFORM) continue;
    const { platformType, compatibilityMask } = contentOf(IgvmSupportedPlatform, header);
    if (platformType === platform) return compatibilityMask;
  }
  return undefined;
}

/**
 * The SNP launch that QEMU and KVM make of a file: its pages in the order in which the AMD-SP is
 * given them. Zero pages are NORMAL, parameter pages UNMEASURED, the VMSA comes last at its place
 * below 2^48.
 *
 * @throws UserError for a file without the platform, or with pages that are not in it.
 */
export function launchOf(file: IgvmFile): LaunchPage[] {
  const mask = maskOf(file, Igvm.PLATFORM_SNP);
  if (mask === undefined) throw new UserError('IGVM file has no SNP platform');
  const areas = new Map<number, number>();
  const pages: LaunchPage[] = [];
  const contexts: LaunchPage[] = [];
  for (const header of file.headers) {
    switch (header.type) {
      case Igvm.PARAMETER_AREA: {
        const { index, numberOfBytes } = contentOf(IgvmParameterArea, header);
        if (numberOfBytes % BigInt(PAGE_SIZE) !== 0n || numberOfBytes > MOST_PARAMETER_BYTES) {
          throw new UserError(`IGVM parameter area of ${numberOfBytes} bytes`);
        }
        areas.set(index, Number(numberOfBytes));
        break;
      }
      case Igvm.PARAMETER_INSERT: {
        const insert = contentOf(IgvmParameterInsert, header);
        if (!(insert.compatibilityMask & mask)) break;
        const size = areas.get(insert.parameterArea);
        if (size === undefined) throw new UserError('IGVM parameter area is not declared');
        for (let offset = 0; offset < size; offset += PAGE_SIZE) {
          const gpa = insert.gpa + BigInt(offset);
          pages.push({ gpa, type: Launch.UNMEASURED, bytes: ZERO_PAGE });
        }
        break;
      }
      case Igvm.PAGE_DATA: {
        const page = contentOf(IgvmPageData, header);
        const { gpa, flags, dataType } = page;
        if (!(page.compatibilityMask & mask) || flags & Igvm.PAGE_SHARED) break;
        const type = flags & Igvm.PAGE_UNMEASURED ? Launch.UNMEASURED : pageType(dataType);
        pages.push({ gpa, type, bytes: dataAt(file, page.fileOffset) });
        break;
      }
      case Igvm.VP_CONTEXT: {
        const { compatibilityMask, fileOffset } = contentOf(IgvmVpContext, header);
        if (!(compatibilityMask & mask)) break;
        const bytes = dataAt(file, fileOffset);
        contexts.push({ gpa: BigInt(Launch.VMSA_GPA), type: Launch.VMSA, bytes });
      }
    }
  }
  return [...pages, ...contexts];
}

function pageType(dataType: number): number {
  switch (dataType) {
    case Igvm.DATA_NORMAL:
      return Launch.NORMAL;
    case Igvm.DATA_SECRETS:
      return Launch.SECRETS;
    case Igvm.DATA_CPUID:
    case Igvm.DATA_CPUID_XF:
      return Launch.CPUID;
    default:
      throw new UserError(`IGVM page data type ${dataType} is not known`);
  }
}

/** The page of file data at an offset; 0 stands for a page of zeros. */
export function dataAt({ bytes }: IgvmFile, offset: number): Uint8Array {
  if (offset === 0) return ZERO_PAGE;
  if (offset + PAGE_SIZE > bytes.length) throw new UserError('IGVM page data leaves the file');
  return bytes.subarray(offset, offset + PAGE_SIZE);
}
