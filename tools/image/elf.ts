import * as Elf from '../../spec/elf.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import { ElfHeader, ElfNote, ElfProgram, ElfSection } from '../../spec/layouts/elf.ts';
import * as Pvh from '../../spec/pvh.ts';

/** A run of memory that a loader fills in. */
export interface ElfSegment {
  /** Of the section header, e.g. `.text`. */
  readonly name: string;
  /** A multiple of 4096. */
  readonly gpa: number;
  /** Where the kernel has it mapped: for debuggers; no loader of a PVH image looks at it. */
  readonly va: bigint;
  /** Contents; zeros follow up to `size`. */
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

const PAGE_SIZE = 4096;
const NOTE_NAME = 'Xen\0';

/**
 * A PVH image: an executable whose note gives the 32-bit entry `entry`, a GPA. It has no symbols;
 * the section headers are there for disassemblers. PVH, elfnote.h.
 */
export function writeElf(segments: readonly ElfSegment[], entry: number): Uint8Array {
  const note = pvhNote(entry);
  const names = ['', '.note.pvh', ...segments.map(({ name }) => name), '.shstrtab'];
  const strings = new TextEncoder().encode(names.map((name) => `${name}\0`).join(''));
  const nameOffset = (index: number) =>
    names.slice(0, index).reduce((offset, name) => offset + name.length + 1, 0);

  const noteAt = ElfHeader.size + (segments.length + 1) * ElfProgram.size;
  let end = noteAt + note.length;
  const contents = segments.map(({ bytes }) => {
    const stored = withoutTrailingZeros(bytes);
    const offset = Math.ceil(end / PAGE_SIZE) * PAGE_SIZE;
    if (stored.length > 0) end = offset + stored.length;
    return { stored, offset: stored.length > 0 ? offset : 0 };
  });
  const stringsAt = end;
  const sectionsAt = Math.ceil((stringsAt + strings.length) / 8) * 8;

  const file = new Uint8Array(sectionsAt + names.length * ElfSection.size);
  put(file, 0, ElfHeader, {
    magic: Elf.MAGIC,
    class: Elf.CLASS_64,
    data: Elf.DATA_LITTLE_ENDIAN,
    version: Elf.VERSION,
    type: Elf.TYPE_EXECUTABLE,
    machine: Elf.MACHINE_X86_64,
    fileVersion: Elf.VERSION,
    entry: BigInt(entry),
    programs: BigInt(ElfHeader.size),
    sections: BigInt(sectionsAt),
    headerSize: ElfHeader.size,
    programSize: ElfProgram.size,
    programCount: segments.length + 1,
    sectionSize: ElfSection.size,
    sectionCount: names.length,
    nameSection: names.length - 1,
  });
  file.set(note, noteAt);
  file.set(strings, stringsAt);
  putProgram(file, 0, {
    type: Elf.PROGRAM_NOTE,
    flags: Elf.FLAG_READ,
    offset: BigInt(noteAt),
    fileSize: BigInt(note.length),
    memorySize: BigInt(note.length),
    alignment: 4n,
  });
  const putSection = (index: number, fields: Partial<View<typeof ElfSection>>) =>
    put(file, sectionsAt + index * ElfSection.size, ElfSection, {
      name: nameOffset(index),
      ...fields,
    });
  putSection(1, {
    type: Elf.SECTION_NOTE,
    offset: BigInt(noteAt),
    size: BigInt(note.length),
    alignment: 4n,
  });
  for (const [i, segment] of segments.entries()) {
    const { stored = new Uint8Array(), offset = 0 } = contents[i] ?? {};
    file.set(stored, offset);
    putProgram(file, i + 1, {
      type: Elf.PROGRAM_LOAD,
      flags:
        Elf.FLAG_READ |
        (segment.writable ? Elf.FLAG_WRITE : 0) |
        (segment.executable ? Elf.FLAG_EXECUTE : 0),
      offset: BigInt(offset),
      virtual: segment.va,
      physical: BigInt(segment.gpa),
      fileSize: BigInt(stored.length),
      memorySize: BigInt(segment.size),
      alignment: BigInt(PAGE_SIZE),
    });
    putSection(i + 2, {
      type: stored.length > 0 ? Elf.SECTION_PROGBITS : Elf.SECTION_NOBITS,
      flags: BigInt(
        Elf.SECTION_ALLOC |
          (segment.writable ? Elf.SECTION_WRITE : 0) |
          (segment.executable ? Elf.SECTION_EXECUTE : 0),
      ),
      address: segment.va,
      offset: BigInt(offset),
      size: BigInt(stored.length || segment.size),
      alignment: BigInt(PAGE_SIZE),
    });
  }
  putSection(names.length - 1, {
    type: Elf.SECTION_STRTAB,
    offset: BigInt(stringsAt),
    size: BigInt(strings.length),
    alignment: 1n,
  });
  return file;
}

/** Its description has 8 bytes, as QEMU reads that many from a 64-bit file. PVH, elfnote.h. */
function pvhNote(entry: number): Uint8Array {
  const note = new Uint8Array(ElfNote.size + NOTE_NAME.length + 8);
  put(note, 0, ElfNote, {
    nameSize: NOTE_NAME.length,
    descriptionSize: 8,
    type: Pvh.NOTE_PHYS32_ENTRY,
  });
  note.set(new TextEncoder().encode(NOTE_NAME), ElfNote.size);
  new DataView(note.buffer).setUint32(ElfNote.size + NOTE_NAME.length, entry, true);
  return note;
}

function putProgram(file: Uint8Array, index: number, fields: Partial<View<typeof ElfProgram>>) {
  put(file, ElfHeader.size + index * ElfProgram.size, ElfProgram, fields);
}

function put<L extends Layout>(
  file: Uint8Array,
  at: number,
  layout: L,
  fields: Partial<View<L>>,
): void {
  Object.assign(view(layout, file, at), fields);
}

function withoutTrailingZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}
