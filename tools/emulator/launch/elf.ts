import * as Elf from '../../../spec/elf.ts';
import * as Pvh from '../../../spec/pvh.ts';
import { UserError } from '../../errors.ts';

/** A part of the file that goes into guest memory; zeros follow what the file has. */
export interface Segment {
  /** Guest physical address. */
  readonly gpa: number;
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** An ELF file that can be entered the PVH way. */
export interface PvhImage {
  readonly segments: readonly Segment[];
  /** Guest physical address of the 32-bit entry. */
  readonly entry: number;
}

const NOTE_NAME = 'Xen\0';
const ADDRESS_LIMIT = 2 ** 52;

/** Where fields are in the two classes of file. ELF chapters 4 and 5. */
// biome-ignore format: a class a line
const CLASSES = {
  [Elf.CLASS_32]: { word: 4, header: 52, programs: 0x1c, programSize: 0x2a, program: 32, type: 0, offset: 4, physical: 12, fileSize: 16, memorySize: 20 },
  [Elf.CLASS_64]: { word: 8, header: 64, programs: 0x20, programSize: 0x36, program: 56, type: 0, offset: 8, physical: 0x18, fileSize: 0x20, memorySize: 0x28 },
} as const;

interface Program {
  readonly type: number;
  readonly offset: number;
  readonly physical: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** Whether a file begins as an ELF file does. */
export function isElf(file: Uint8Array): boolean {
  return (
    file.length >= 4 && new DataView(file.buffer, file.byteOffset).getUint32(0, true) === Elf.MAGIC
  );
}

/** The segments and the PVH entry of an ELF file; UserError if it is damaged or has no PVH note. */
export function parseElf(file: Uint8Array): PvhImage {
  const programs = programHeaders(file);
  const segments = programs
    .filter((program) => program.type === Elf.PROGRAM_LOAD && program.memorySize > 0)
    .map((program) => ({
      gpa: program.physical,
      bytes: part(file, program),
      size: program.memorySize,
    }));
  const entry = programs
    .filter((program) => program.type === Elf.PROGRAM_NOTE)
    .map((program) => pvhEntry(part(file, program)))
    .find((found) => found !== undefined);
  if (entry === undefined) throw new UserError('the ELF file has no PVH note');
  if (segments.length === 0) throw new UserError('the ELF file has nothing to load');
  return { segments, entry };
}

function programHeaders(file: Uint8Array): Program[] {
  const data = new DataView(file.buffer, file.byteOffset, file.length);
  const fields = CLASSES[(file[4] ?? 0) as keyof typeof CLASSES];
  if (!isElf(file) || !fields || file.length < fields.header) {
    throw new UserError('this is no ELF file');
  }
  if (file[5] !== Elf.DATA_LITTLE_ENDIAN) throw new UserError('the ELF file is big-endian');
  const machine = data.getUint16(0x12, true);
  if (machine !== Elf.MACHINE_X86_64 && machine !== Elf.MACHINE_386) {
    throw new UserError(`the ELF file is for machine ${machine}, not x86`);
  }
  const word = (at: number) =>
    fields.word === 4 ? data.getUint32(at, true) : Number(data.getBigUint64(at, true));
  const first = word(fields.programs);
  const size = data.getUint16(fields.programSize, true);
  const count = data.getUint16(fields.programSize + 2, true);
  if (size < fields.program || first + size * count > file.length) {
    throw new UserError('the program headers of the ELF file are outside of it');
  }
  return Array.from({ length: count }, (_, i) => {
    const at = first + i * size;
    return {
      type: data.getUint32(at + fields.type, true),
      offset: word(at + fields.offset),
      physical: word(at + fields.physical),
      fileSize: word(at + fields.fileSize),
      memorySize: word(at + fields.memorySize),
    };
  });
}

function part(file: Uint8Array, program: Program): Uint8Array {
  const { offset, fileSize, memorySize, physical } = program;
  const end = offset + fileSize;
  if (end > file.length) throw new UserError('a segment of the ELF file is outside of it');
  if (program.type === Elf.PROGRAM_LOAD) {
    if (fileSize > memorySize)
      throw new UserError('a segment is larger in the file than in memory');
    if (physical + memorySize > ADDRESS_LIMIT) {
      throw new UserError(`a segment at 0x${physical.toString(16)} is beyond any memory`);
    }
  }
  return file.subarray(offset, end);
}

/** The description of note PHYS32_ENTRY: four or eight bytes. PVH, elfnote.h. */
function pvhEntry(notes: Uint8Array): number | undefined {
  const data = new DataView(notes.buffer, notes.byteOffset, notes.length);
  const padded = (size: number) => Math.ceil(size / 4) * 4;
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = data.getUint32(at, true);
    const size = data.getUint32(at + 4, true);
    const type = data.getUint32(at + 8, true);
    const description = at + 12 + padded(nameSize);
    const end = description + padded(size);
    if (description + size > notes.length) return undefined;
    const name = String.fromCharCode(...notes.subarray(at + 12, at + 12 + Math.min(nameSize, 4)));
    if (nameSize === 4 && name === NOTE_NAME && type === Pvh.NOTE_PHYS32_ENTRY && size >= 4) {
      return data.getUint32(description, true);
    }
    at = end;
  }
  return undefined;
}
