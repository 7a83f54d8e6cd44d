import * as Note from '../../spec/abi/dump-note.ts';
import * as Elf from '../../spec/elf.ts';
import { type View, view } from '../../spec/layout.ts';
import { ElfHeader, ElfNote, ElfProgram } from '../../spec/layouts/elf.ts';

/** Memory of a dump that a test makes up: whole pages of one state. */
export interface SampleRun {
  readonly gpa: number;
  readonly bytes: Uint8Array;
  readonly state: number;
  readonly flags?: number;
}

/** A place in a sample that a test may spoil. */
export interface Sample {
  readonly file: Uint8Array;
  readonly header: View<typeof ElfHeader>;
  readonly programs: readonly View<typeof ElfProgram>[];
  readonly noteHead: View<typeof ElfNote>;
  readonly note: View<typeof Note.DumpHeader>;
  readonly runs: readonly View<typeof Note.DumpRun>[];
}

/** A dump for tests of the reader: a note, then a PT_LOAD for each run. */
export function sampleCore(mode: number, runs: readonly SampleRun[]): Sample {
  const described = Note.DumpHeader.size + runs.length * Note.DumpRun.size;
  const noteAt = ElfHeader.size + (runs.length + 1) * ElfProgram.size;
  const noteSize = ElfNote.size + 8 + described;
  const memory = runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const file = new Uint8Array(noteAt + noteSize + memory);
  const header = view(ElfHeader, file);
  Object.assign(header, {
    magic: Elf.MAGIC,
    class: Elf.CLASS_64,
    data: Elf.DATA_LITTLE_ENDIAN,
    version: Elf.VERSION,
    type: Elf.TYPE_CORE,
    machine: Elf.MACHINE_X86_64,
    fileVersion: Elf.VERSION,
    programs: BigInt(ElfHeader.size),
    headerSize: ElfHeader.size,
    programSize: ElfProgram.size,
    programCount: runs.length + 1,
  });
  const programs = Array.from({ length: runs.length + 1 }, (_, i) =>
    view(ElfProgram, file, ElfHeader.size + i * ElfProgram.size),
  );
  Object.assign(programs[0] as object, {
    type: Elf.PROGRAM_NOTE,
    offset: BigInt(noteAt),
    fileSize: BigInt(noteSize),
    memorySize: 0n,
  });
  const noteHead = view(ElfNote, file, noteAt);
  Object.assign(noteHead, {
    nameSize: Note.DUMP_NOTE_NAME_SIZE,
    descriptionSize: described,
    type: Note.DUMP_NOTE_PAGES,
  });
  file.set(new TextEncoder().encode('TACIT'), noteAt + ElfNote.size);
  const statesAt = noteAt + ElfNote.size + 8;
  const note = view(Note.DumpHeader, file, statesAt);
  Object.assign(note, { version: Note.DUMP_NOTE_VERSION, mode, runCount: runs.length });
  let offset = noteAt + noteSize;
  const states = runs.map(({ gpa, bytes, state, flags = 0 }, i) => {
    const [address, length] = [BigInt(gpa), BigInt(bytes.length)];
    Object.assign(programs[i + 1] as object, {
      type: Elf.PROGRAM_LOAD,
      flags: Elf.FLAG_READ,
      offset: BigInt(offset),
      virtual: address,
      physical: address,
      fileSize: length,
      memorySize: length,
    });
    file.set(bytes, offset);
    offset += bytes.length;
    const run = view(Note.DumpRun, file, statesAt + Note.DumpHeader.size + i * Note.DumpRun.size);
    return Object.assign(run, {
      frame: address / 4096n,
      pages: bytes.length / 4096,
      state,
      flags,
    });
  });
  return { file, header, programs, noteHead, note, runs: states };
}
