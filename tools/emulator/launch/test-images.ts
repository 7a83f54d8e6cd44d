/** Small images for tests, put together byte by byte: what the loaders are held against. */
import { crc32 } from 'node:zlib';
import * as Elf from '../../../spec/elf.ts';
import * as Igvm from '../../../spec/igvm.ts';
import { view } from '../../../spec/layout.ts';
import { ElfHeader, ElfNote, ElfProgram } from '../../../spec/layouts/elf.ts';
import { IgvmHeader } from '../../../spec/layouts/igvm.ts';
import * as Pvh from '../../../spec/pvh.ts';

export interface TestSegment {
  readonly gpa: number;
  readonly code: Uint8Array;
  /** In memory; the code's own size if absent. */
  readonly size?: number;
}

/** An ELF file of `segments`, with a PVH note if there is an `entry`. */
export function elfFile(image: { entry?: number; segments: readonly TestSegment[] }): Uint8Array {
  const count = image.segments.length + (image.entry === undefined ? 0 : 1);
  const parts: Uint8Array[] = [new Uint8Array(ElfHeader.size + count * ElfProgram.size)];
  const head = parts[0] as Uint8Array;
  const header = view(ElfHeader, head);
  Object.assign(header, { magic: Elf.MAGIC, class: Elf.CLASS_64, data: Elf.DATA_LITTLE_ENDIAN });
  Object.assign(header, { version: Elf.VERSION, type: Elf.TYPE_EXECUTABLE });
  Object.assign(header, { machine: Elf.MACHINE_X86_64, programs: BigInt(ElfHeader.size) });
  Object.assign(header, { programSize: ElfProgram.size, programCount: count });
  let offset = head.length;
  let index = 0;
  const add = (type: number, bytes: Uint8Array, gpa: number, size: number) => {
    const program = view(ElfProgram, head, ElfHeader.size + index++ * ElfProgram.size);
    Object.assign(program, { type, offset: BigInt(offset), physical: BigInt(gpa) });
    Object.assign(program, { fileSize: BigInt(bytes.length), memorySize: BigInt(size) });
    parts.push(bytes);
    offset += bytes.length;
  };
  if (image.entry !== undefined) {
    const note = new Uint8Array(ElfNote.size + 8);
    Object.assign(view(ElfNote, note), {
      nameSize: 4,
      descriptionSize: 4,
      type: Pvh.NOTE_PHYS32_ENTRY,
    });
    note.set(new TextEncoder().encode('Xen\0'), ElfNote.size);
    new DataView(note.buffer).setUint32(ElfNote.size + 4, image.entry, true);
    add(Elf.PROGRAM_NOTE, note, 0, note.length);
  }
  for (const { gpa, code, size } of image.segments) {
    add(Elf.PROGRAM_LOAD, code, gpa, size ?? code.length);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A variable header: its type, and its content as 32-bit words. */
export type TestHeader = readonly [type: number, ...words: number[]];

/** An IGVM file of version 1 with the given variable headers and file data. */
export function igvmFile(headers: readonly TestHeader[], data: Uint8Array): Uint8Array {
  const variable = headers.flatMap(([type, ...words]) => {
    const padded = words.length % 2 === 0 ? words : [...words, 0];
    return [type, words.length * 4, ...padded];
  });
  const size = variable.length * 4;
  const file = new Uint8Array(24 + size + data.length);
  const words = new DataView(file.buffer);
  for (const [i, word] of variable.entries()) words.setUint32(24 + i * 4, word >>> 0, true);
  file.set(data, 24 + size);
  const header = view(IgvmHeader, file);
  Object.assign(header, { magic: Igvm.MAGIC, formatVersion: 1, variableHeaderOffset: 24 });
  Object.assign(header, { variableHeaderSize: size, totalFileSize: file.length });
  return sealed(file);
}

/** The same file with the checksum that belongs to it. */
export function sealed(file: Uint8Array): Uint8Array {
  const words = new DataView(file.buffer, file.byteOffset, file.length);
  words.setUint32(0x14, 0, true);
  const end = words.getUint32(0x08, true) + words.getUint32(0x0c, true);
  words.setUint32(0x14, crc32(file.subarray(0, end)), true);
  return file;
}

/** Words of a variable header for the SNP platform alone, with mask 1. */
export const SNP_PLATFORM: TestHeader = [Igvm.SUPPORTED_PLATFORM, 1, 0x0001_0200, 0, 0];

/** GUEST_POLICY as QEMU's default is, for mask 1. */
export const POLICY: TestHeader = [Igvm.GUEST_POLICY, 0x3_0000, 0, 1, 0];

/** PAGE_DATA at `gpa`, for mask 1. */
export function pageData(gpa: number, offset: number, dataType = 0, flags = 0): TestHeader {
  return [Igvm.PAGE_DATA, gpa, 0, 1, offset, flags, dataType];
}

/** VP_CONTEXT of the boot processor, at KVM's address, for mask 1. */
export function vpContext(offset: number): TestHeader {
  return [Igvm.VP_CONTEXT, 0xffff_f000, 0xffff, 1, offset, 0];
}

/**
 * A file of every kind of page and a VMSA, whose SHA-256 and launch digest were computed with
 * Microsoft's igvm crate and sev-snp-measure.
 */
export function publishedFile(): Uint8Array {
  const data = new Uint8Array(2 * 4096);
  data.fill(0xaa, 0, 4096);
  const words = new DataView(data.buffer);
  words.setBigUint64(4096 + 0xd0, 0x1000n, true);
  words.setBigUint64(4096 + 0x3b0, 1n, true);
  return igvmFile(
    [
      SNP_PLATFORM,
      POLICY,
      pageData(0x1_0000, 0xe8),
      pageData(0x1_1000, 0),
      pageData(0x1_2000, 0, Igvm.DATA_SECRETS),
      pageData(0x1_3000, 0, Igvm.DATA_CPUID),
      vpContext(0x10e8),
    ],
    data,
  );
}
