import { crc32 } from 'node:zlib';
import * as Igvm from '../../spec/igvm.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import {
  IgvmGuestPolicy,
  IgvmHeader,
  IgvmPageData,
  IgvmParameter,
  IgvmParameterArea,
  IgvmParameterInsert,
  IgvmSupportedPlatform,
  IgvmVariable,
  IgvmVpContext,
} from '../../spec/layouts/igvm.ts';
import { PAGE_SIZE } from './launch.ts';

/** Bytes of the fixed header by format version; version 2 adds architecture and page size. */
const HEADER_SIZE = { 1: 24, 2: 32 } as const;

interface VariableHeader {
  readonly type: number;
  readonly content: Uint8Array;
  /** Bytes in the file data that the header's `fileOffset` is to point at. */
  readonly data: Uint8Array | undefined;
}

/**
 * Writes an IGVM file header by header, in the order of the calls, which is the order of the
 * launch. Nothing is added, merged or reordered.
 */
export class IgvmWriter {
  readonly #version: 1 | 2;
  readonly #headers: VariableHeader[] = [];

  /** Version 2 is for files that have the native platform. */
  constructor(version: 1 | 2) {
    this.#version = version;
  }

  platform(compatibilityMask: number, platformType: number): void {
    this.#add(Igvm.SUPPORTED_PLATFORM, IgvmSupportedPlatform, {
      compatibilityMask,
      platformType,
      platformVersion: 1,
    });
  }

  policy(compatibilityMask: number, policy: bigint): void {
    this.#add(Igvm.GUEST_POLICY, IgvmGuestPolicy, { policy, compatibilityMask });
  }

  /** Declares a page that the host fills in with `parameters`, each at its offset. */
  parameterArea(index: number, parameters: readonly (readonly [type: number, offset: number])[]) {
    this.#add(Igvm.PARAMETER_AREA, IgvmParameterArea, { numberOfBytes: BigInt(PAGE_SIZE), index });
    for (const [type, byteOffset] of parameters) {
      this.#add(type, IgvmParameter, { parameterArea: index, byteOffset });
    }
  }

  parameterInsert(compatibilityMask: number, gpa: bigint, parameterArea: number): void {
    this.#add(Igvm.PARAMETER_INSERT, IgvmParameterInsert, {
      gpa,
      compatibilityMask,
      parameterArea,
    });
  }

  /** A page of guest memory. A page of zeros takes no room in the file. */
  page(compatibilityMask: number, gpa: bigint, dataType: number, bytes: Uint8Array): void {
    const data = bytes.some((byte) => byte !== 0) ? bytes : undefined;
    this.#add(Igvm.PAGE_DATA, IgvmPageData, { gpa, compatibilityMask, dataType }, data);
  }

  /** The first state of vCPU 0: a VMSA at `gpa`, or a native context with `gpa` 0. */
  context(compatibilityMask: number, gpa: bigint, state: Uint8Array): void {
    const page = new Uint8Array(PAGE_SIZE);
    page.set(state);
    this.#add(Igvm.VP_CONTEXT, IgvmVpContext, { gpa, compatibilityMask }, page);
  }

  /** The file. */
  finish(): Uint8Array {
    const headersAt = HEADER_SIZE[this.#version];
    const headersSize = this.#headers.reduce((size, { content }) => size + spaceFor(content), 0);
    const dataSize = this.#headers.reduce((size, { data }) => size + (data?.length ?? 0), 0);
    const file = new Uint8Array(headersAt + headersSize + dataSize);
    let at = headersAt;
    let dataAt = headersAt + headersSize;
    for (const { type, content, data } of this.#headers) {
      const header = view(IgvmVariable, file, at);
      header.type = type;
      header.length = content.length;
      file.set(content, at + IgvmVariable.size);
      if (data) {
        // Both layouts that have data keep the offset in the same place.
        new DataView(file.buffer).setUint32(at + IgvmVariable.size + 12, dataAt, true);
        file.set(data, dataAt);
        dataAt += data.length;
      }
      at += spaceFor(content);
    }
    this.#writeFixedHeader(file, headersAt, headersSize);
    return file;
  }

  #writeFixedHeader(file: Uint8Array, headersAt: number, headersSize: number): void {
    const fixed = new Uint8Array(IgvmHeader.size);
    const header = view(IgvmHeader, fixed);
    header.magic = Igvm.MAGIC;
    header.formatVersion = this.#version;
    header.variableHeaderOffset = headersAt;
    header.variableHeaderSize = headersSize;
    header.totalFileSize = file.length;
    header.architecture = Igvm.ARCHITECTURE_X64;
    header.pageSize = PAGE_SIZE;
    file.set(fixed.subarray(0, headersAt));
    view(IgvmHeader, file).checksum = crc32(file.subarray(0, headersAt + headersSize));
  }

  #add<L extends Layout>(
    type: number,
    layout: L,
    fields: Partial<View<L>>,
    data?: Uint8Array,
  ): void {
    const content = new Uint8Array(layout.size);
    Object.assign(view(layout, content), fields);
    this.#headers.push({ type, content, data });
  }
}

/** What a variable header takes up: its head, its content, zeros to a multiple of 8. */
function spaceFor(content: Uint8Array): number {
  return IgvmVariable.size + Math.ceil(content.length / 8) * 8;
}
