import { crc32 } from 'node:zlib';
import * as Igvm from '../../../spec/igvm.ts';
import { type Layout, view } from '../../../spec/layout.ts';
import {
  IgvmGuestPolicy,
  IgvmHeader,
  IgvmPageData,
  IgvmParameter,
  IgvmParameterArea,
  IgvmParameterInsert,
  IgvmRequiredMemory,
  IgvmSnpIdBlock,
  IgvmSupportedPlatform,
  IgvmVariable,
  IgvmVpContext,
} from '../../../spec/layouts/igvm.ts';
import { UserError } from '../../errors.ts';
import { type SignedIdentity, signedIdentity } from './identity.ts';

const PAGE = 4096;
const HEADER_1 = 24;
const HEADER_2 = 32;
const CHECKSUM = 0x14;

/** A platform that the file can be launched on, and the bit that marks what is for it. */
export interface Platform {
  readonly mask: number;
  readonly type: number;
}

export interface Policy {
  readonly mask: number;
  readonly policy: bigint;
}

/** What the loader is to do, in the file's order. Where there is no mask, it is for every platform. */
export type Directive =
  | {
      readonly kind: 'area';
      readonly index: number;
      readonly pages: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'page';
      readonly mask: number;
      readonly gfn: number;
      /** One page; all zeros where the file has none. */
      readonly data: Uint8Array;
      readonly flags: number;
      readonly dataType: number;
    }
  | { readonly kind: 'insert'; readonly mask: number; readonly gfn: number; readonly area: number }
  | {
      readonly kind: 'context';
      readonly mask: number;
      readonly gpa: bigint;
      readonly vp: number;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'memory'; readonly mask: number; readonly gfn: number; readonly pages: number }
  | { readonly kind: 'identity'; readonly mask: number; readonly identity: SignedIdentity }
  | {
      readonly kind: 'parameter';
      /** Which: a type of variable header. */
      readonly type: number;
      readonly area: number;
      readonly offset: number;
    };

export interface IgvmFile {
  readonly platforms: readonly Platform[];
  readonly policies: readonly Policy[];
  readonly directives: readonly Directive[];
}

/** Types that the format has and this loader does not; a file with one is refused by its name. */
// biome-ignore format: a type a line
const UNSUPPORTED: ReadonlyMap<number, string> = new Map([
  [Igvm.RELOCATABLE_REGION, 'RELOCATABLE_REGION'],
  [Igvm.PAGE_TABLE_RELOCATION_REGION, 'PAGE_TABLE_RELOCATION_REGION'],
  [Igvm.CORIM_DOCUMENT, 'CORIM_DOCUMENT'],
  [Igvm.CORIM_SIGNATURE, 'CORIM_SIGNATURE'],
  [Igvm.CCA_POLICY, 'CCA_POLICY'],
  [Igvm.SRAT, 'SRAT'],
  [Igvm.MADT, 'MADT'],
  [Igvm.ERROR_RANGE, 'ERROR_RANGE'],
  [Igvm.SLIT, 'SLIT'],
  [Igvm.PPTT, 'PPTT'],
  [Igvm.VBS_MEASUREMENT, 'VBS_MEASUREMENT'],
  [Igvm.DEVICE_TREE, 'DEVICE_TREE'],
]);

const PARAMETERS: readonly number[] = [
  Igvm.VP_COUNT,
  Igvm.MMIO_RANGES,
  Igvm.MEMORY_MAP,
  Igvm.COMMAND_LINE,
  Igvm.ENVIRONMENT_INFO,
];

/** Sections in the order in which a file has them: platforms, initialization, directives. */
const SECTIONS = [
  { first: 0x001, last: 0x100 },
  { first: 0x101, last: 0x200 },
  { first: 0x301, last: 0x400 },
];

/** Whether a file begins as an IGVM file does. */
export function isIgvm(file: Uint8Array): boolean {
  return (
    file.length >= 4 && new DataView(file.buffer, file.byteOffset).getUint32(0, true) === Igvm.MAGIC
  );
}

/** The content of an IGVM file, every rule of the format checked; UserError says which one it breaks. */
export function parseIgvm(file: Uint8Array): IgvmFile {
  const reader = new Reader(file);
  const { start, end } = checkFixedHeader(file);
  let section = 0;
  for (let at = start; at < end; ) {
    if (at + IgvmVariable.size > end) bad('a variable header is cut off');
    const { type, length } = view(IgvmVariable, file, at);
    const content = at + IgvmVariable.size;
    const next = content + Math.ceil(length / 8) * 8;
    if (next > end) bad(`the variable header of type 0x${type.toString(16)} is cut off`);
    const place = SECTIONS.findIndex(({ first, last }) => type >= first && type <= last);
    if (place < 0) bad(`the variable header's type 0x${type.toString(16)} is unknown`);
    if (place < section) bad('the variable headers are out of order');
    section = place;
    reader.read(type, content, length);
    at = next;
  }
  return reader.finish();
}

/** Checks the fixed header and gives where the variable headers are. IGVM, IGVM_FIXED_HEADER. */
function checkFixedHeader(file: Uint8Array): { start: number; end: number } {
  if (!isIgvm(file) || file.length < HEADER_1) bad('this is no IGVM file');
  const version = new DataView(file.buffer, file.byteOffset).getUint32(4, true);
  if (version !== 1 && version !== 2) bad(`format version ${version} is unknown`);
  const size = version === 1 ? HEADER_1 : HEADER_2;
  const padded = new Uint8Array(HEADER_2);
  padded.set(file.subarray(0, Math.min(size, file.length)));
  const header = view(IgvmHeader, padded);
  if (header.totalFileSize !== file.length) bad('its size is not what its header says');
  if (version === 2) {
    if (header.architecture !== Igvm.ARCHITECTURE_X64) bad('it is for another architecture');
    if (header.pageSize !== PAGE) bad(`its page size is ${header.pageSize}`);
  }
  const start = header.variableHeaderOffset;
  const end = start + header.variableHeaderSize;
  if (start < size || start % 8 !== 0) bad('its variable headers are misplaced');
  if (end >= file.length) bad('its variable headers are cut off');
  const fixed = new Uint8Array(file.subarray(0, size));
  fixed.fill(0, CHECKSUM, CHECKSUM + 4);
  const checksum = crc32(file.subarray(start, end), crc32(fixed)) >>> 0;
  if (checksum !== header.checksum) bad('its checksum is wrong');
  return { start, end };
}

/** Collects the variable headers, each checked alone and against those before it. */
class Reader {
  readonly #file: Uint8Array;
  readonly #platforms: Platform[] = [];
  readonly #policies: Policy[] = [];
  readonly #directives: Directive[] = [];
  readonly #areas = new Map<number, { pages: number; inserted: boolean }>();

  constructor(file: Uint8Array) {
    this.#file = file;
  }

  finish(): IgvmFile {
    if (this.#platforms.length === 0) bad('it has no platform');
    return {
      platforms: this.#platforms,
      policies: this.#policies,
      directives: this.#directives,
    };
  }

  read(type: number, at: number, length: number): void {
    const content = <L extends Layout>(layout: L) => {
      if (length !== layout.size) bad(`${layout.name} has ${length} bytes, not ${layout.size}`);
      return view(layout, this.#file, at);
    };
    switch (type) {
      case Igvm.SUPPORTED_PLATFORM:
        this.#platform(content(IgvmSupportedPlatform));
        return;
      case Igvm.GUEST_POLICY: {
        const { policy, compatibilityMask, reserved } = content(IgvmGuestPolicy);
        if (reserved !== 0) bad('GUEST_POLICY has reserved bits set');
        this.#policies.push({ policy, mask: compatibilityMask });
        return;
      }
      case Igvm.PARAMETER_AREA: {
        const area = content(IgvmParameterArea);
        this.#area(area.index, area.numberOfBytes, area.fileOffset);
        return;
      }
      case Igvm.PAGE_DATA:
        this.#page(content(IgvmPageData));
        return;
      case Igvm.PARAMETER_INSERT: {
        const { gpa, compatibilityMask, parameterArea } = content(IgvmParameterInsert);
        this.#openArea(parameterArea).inserted = true;
        const insert = { kind: 'insert', mask: compatibilityMask, area: parameterArea } as const;
        this.#directives.push({ ...insert, gfn: frame(gpa, 'PARAMETER_INSERT') });
        return;
      }
      case Igvm.VP_CONTEXT: {
        const { gpa, compatibilityMask, fileOffset, vpIndex, reserved } = content(IgvmVpContext);
        if (reserved !== 0) bad('VP_CONTEXT has reserved bits set');
        frame(gpa, 'VP_CONTEXT');
        const context = { kind: 'context', mask: compatibilityMask, gpa, vp: vpIndex } as const;
        this.#directives.push({ ...context, data: this.#pageOf(fileOffset, 'VP_CONTEXT') });
        return;
      }
      case Igvm.SNP_ID_BLOCK: {
        const header = content(IgvmSnpIdBlock);
        if (header.reserved.some((byte) => byte !== 0) || header.authorKeyEnabled > 1) {
          bad('SNP_ID_BLOCK has reserved bits set');
        }
        const identity = signedIdentity(header);
        this.#directives.push({ kind: 'identity', mask: header.compatibilityMask, identity });
        return;
      }
      case Igvm.REQUIRED_MEMORY: {
        const { gpa, compatibilityMask, numberOfBytes } = content(IgvmRequiredMemory);
        if (numberOfBytes % PAGE !== 0) bad('REQUIRED_MEMORY is not of whole pages');
        const pages = numberOfBytes / PAGE;
        const gfn = frame(gpa, 'REQUIRED_MEMORY');
        this.#directives.push({ kind: 'memory', mask: compatibilityMask, gfn, pages });
        return;
      }
    }
    if (!PARAMETERS.includes(type)) {
      const name = UNSUPPORTED.get(type) ?? `of type 0x${type.toString(16)}`;
      throw new UserError(`the IGVM file has a header ${name}, which this loader does not support`);
    }
    const { parameterArea, byteOffset } = content(IgvmParameter);
    const { pages } = this.#openArea(parameterArea);
    if (byteOffset >= pages * PAGE) bad('a parameter lies outside of its area');
    this.#directives.push({ kind: 'parameter', type, area: parameterArea, offset: byteOffset });
  }

  #platform(header: ReturnType<typeof view<typeof IgvmSupportedPlatform>>): void {
    const { compatibilityMask: mask, platformType: type, platformVersion, highestVtl } = header;
    if (mask === 0 || (mask & (mask - 1)) !== 0) bad('a platform has not exactly one mask bit');
    if (this.#platforms.some((other) => other.mask === mask)) bad('two platforms share a mask');
    if (this.#platforms.some((other) => other.type === type)) bad('a platform is there twice');
    if (highestVtl !== 0 && highestVtl !== 2) bad(`a platform has highest VTL ${highestVtl}`);
    if (platformVersion !== 1) bad(`a platform has version ${platformVersion}`);
    const { sharedGpaBoundary } = header;
    if (sharedGpaBoundary !== 0n && (type === Igvm.PLATFORM_NATIVE || type === Igvm.PLATFORM_VSM)) {
      bad('a platform without encryption has a shared GPA boundary');
    }
    this.#platforms.push({ mask, type });
  }

  #area(index: number, bytes: bigint, fileOffset: number): void {
    if (this.#areas.has(index)) bad(`parameter area ${index} is declared twice`);
    if (bytes % BigInt(PAGE) !== 0n || bytes === 0n || bytes > 0x1000_0000n) {
      bad(`parameter area ${index} has ${bytes} bytes`);
    }
    const pages = Number(bytes) / PAGE;
    const end = fileOffset + pages * PAGE;
    if (fileOffset !== 0 && end > this.#file.length) bad(`parameter area ${index} is cut off`);
    const data = new Uint8Array(pages * PAGE);
    if (fileOffset !== 0) data.set(this.#file.subarray(fileOffset, end));
    this.#areas.set(index, { pages, inserted: false });
    this.#directives.push({ kind: 'area', index, pages, data });
  }

  #page(header: ReturnType<typeof view<typeof IgvmPageData>>): void {
    const { gpa, compatibilityMask: mask, fileOffset, flags, dataType, reserved } = header;
    const known = Igvm.PAGE_2M | Igvm.PAGE_UNMEASURED | Igvm.PAGE_SHARED;
    if (reserved !== 0 || (flags & ~known) !== 0) bad('PAGE_DATA has reserved bits set');
    if (dataType > Igvm.DATA_CPUID_XF) bad(`PAGE_DATA has data type ${dataType}`);
    if ((flags & Igvm.PAGE_2M) !== 0) {
      throw new UserError('the IGVM file has 2 MiB pages, which this loader does not support');
    }
    const gfn = frame(gpa, 'PAGE_DATA');
    const data = fileOffset === 0 ? new Uint8Array(PAGE) : this.#pageOf(fileOffset, 'PAGE_DATA');
    this.#directives.push({ kind: 'page', mask, gfn, data, flags, dataType });
  }

  #openArea(index: number): { pages: number; inserted: boolean } {
    const area = this.#areas.get(index);
    if (!area) return bad(`parameter area ${index} is not declared`);
    if (area.inserted) return bad(`parameter area ${index} is used after it was inserted`);
    return area;
  }

  #pageOf(offset: number, name: string): Uint8Array {
    if (offset + PAGE > this.#file.length) bad(`the data of a ${name} is cut off`);
    return this.#file.subarray(offset, offset + PAGE);
  }
}

/** Guest frame number of a page-aligned address that a guest can have. */
function frame(gpa: bigint, name: string): number {
  if (gpa % BigInt(PAGE) !== 0n) bad(`${name} at 0x${gpa.toString(16)} is not page aligned`);
  if (gpa >= 1n << 52n) bad(`${name} at 0x${gpa.toString(16)} is beyond any memory`);
  return Number(gpa / BigInt(PAGE));
}

function bad(why: string): never {
  throw new UserError(`bad IGVM file: ${why}`);
}
