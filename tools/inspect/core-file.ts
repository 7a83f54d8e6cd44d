import * as Elf from '../../spec/elf.ts';
import { view } from '../../spec/layout.ts';
import { ElfHeader, ElfNote, ElfProgram } from '../../spec/layouts/elf.ts';
import { UserError } from '../errors.ts';
import type { Source } from './source.ts';

export const PAGE = 4096;

/** A run of guest-physical memory in the file. All numbers are multiples of a page. */
export interface Segment {
  readonly gpa: number;
  /** Where in the file. */
  readonly offset: number;
  readonly size: number;
}

export interface Note {
  readonly name: string;
  readonly type: number;
  readonly description: Uint8Array;
}

export interface CoreFile {
  /** In ascending order of GPA; neither their memory nor their bytes in the file overlap. */
  readonly segments: readonly Segment[];
  readonly notes: readonly Note[];
}

/** Addresses have 52 bits at most. APM2 §5.3. */
const ADDRESS_END = 2n ** 52n;
/** Notes are small; a file that says otherwise is not read into memory. */
const NOTES_MAX = 64 * 1024 * 1024;

type Program = { [K in keyof typeof ElfProgram.fields]: number | bigint };

/**
 * Reads the headers of an ELF core of guest-physical memory: 64 bits, x86-64, PT_LOADs with
 * p_vaddr = p_paddr = GPA in whole pages, held in full. Takes nothing in the file on trust. Throws
 * UserError that says what is wrong with it. ELF, chapters 4 and 5.
 */
export function readCoreFile(source: Source): CoreFile {
  const programs = readPrograms(source);
  const segments = programs.filter(({ type }) => type === Elf.PROGRAM_LOAD).map(segment);
  segments.sort((a, b) => a.gpa - b.gpa);
  checkDisjoint(segments, ({ gpa }) => gpa, 'of memory');
  const inFile = segments.toSorted((a, b) => a.offset - b.offset);
  checkDisjoint(inFile, ({ offset }) => offset, 'of the file');
  const notes = programs
    .filter(({ type }) => type === Elf.PROGRAM_NOTE)
    .flatMap((program) => readNotes(source, program));
  return { segments, notes };
}

function readPrograms(source: Source): Program[] {
  if (source.size < ElfHeader.size) throw new UserError('not an ELF file: too short');
  const header = view(ElfHeader, source.read(0, ElfHeader.size));
  if (header.magic !== Elf.MAGIC) throw new UserError('not an ELF file: no magic number');
  if (header.class !== Elf.CLASS_64 || header.data !== Elf.DATA_LITTLE_ENDIAN) {
    throw new UserError('not a 64-bit little-endian ELF file');
  }
  if (header.type !== Elf.TYPE_CORE || header.machine !== Elf.MACHINE_X86_64) {
    throw new UserError('not a core file of an x86-64 machine');
  }
  if (header.programSize !== ElfProgram.size) {
    throw new UserError(`program headers of ${header.programSize} bytes, expected 56`);
  }
  // 0xffff says that the number is elsewhere (PN_XNUM), which no dump of ours needs.
  if (header.programCount === 0xffff) throw new UserError('too many program headers');
  const length = header.programCount * ElfProgram.size;
  if (header.programs + BigInt(length) > source.size) {
    throw new UserError('the program headers run over the end of the file');
  }
  const table = source.read(Number(header.programs), length);
  return Array.from({ length: header.programCount }, (_, i) => {
    const program = view(ElfProgram, table, i * ElfProgram.size);
    if (program.offset + program.fileSize > source.size) {
      throw new UserError(`segment ${i} runs over the end of the file`);
    }
    return program;
  });
}

function segment(program: Program): Segment {
  const { offset, virtual, physical, fileSize, memorySize } = program;
  const where = `the segment at 0x${physical.toString(16)}`;
  if (virtual !== physical) throw new UserError(`${where} has a virtual address of its own`);
  if (fileSize !== memorySize) throw new UserError(`${where} is not held in full`);
  if (BigInt(physical) % 4096n !== 0n || BigInt(fileSize) % 4096n !== 0n) {
    throw new UserError(`${where} is not made of whole pages`);
  }
  if (BigInt(physical) + BigInt(fileSize) > ADDRESS_END) {
    throw new UserError(`${where} runs over the end of physical memory`);
  }
  return { gpa: Number(physical), offset: Number(offset), size: Number(fileSize) };
}

function checkDisjoint(
  segments: readonly Segment[],
  start: (segment: Segment) => number,
  what: string,
): void {
  let end = 0;
  for (const each of segments) {
    if (start(each) < end) throw new UserError(`two segments hold the same bytes ${what}`);
    end = start(each) + each.size;
  }
}

function readNotes(source: Source, program: Program): Note[] {
  if (program.fileSize > NOTES_MAX) throw new UserError('notes of more than 64 MiB');
  const bytes = source.read(Number(program.offset), Number(program.fileSize));
  const notes: Note[] = [];
  const padded = (n: number) => Math.ceil(n / 4) * 4;
  let at = 0;
  while (at < bytes.length) {
    if (at + ElfNote.size > bytes.length) throw new UserError('a note is cut off');
    const { nameSize, descriptionSize, type } = view(ElfNote, bytes, at);
    const name = at + ElfNote.size;
    const description = name + padded(nameSize);
    if (description + descriptionSize > bytes.length) throw new UserError('a note is cut off');
    notes.push({
      name: Buffer.from(bytes.subarray(name, name + nameSize)).toString('latin1'),
      type,
      description: bytes.subarray(description, description + descriptionSize),
    });
    at = description + padded(descriptionSize);
  }
  return notes;
}
