import * as Elf from '../../spec/elf.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import { ElfHeader, ElfProgram, ElfSection } from '../../spec/layouts/elf.ts';
import { UserError } from '../errors.ts';
import { addressOf, type Violation } from './program.ts';

/** A segment that is loaded. */
export interface LoadedSegment {
  /** As a signed number of 32 bits. */
  readonly virtual: number;
  readonly physical: number;
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** A symbol of a function. */
export interface ElfFunction {
  readonly name: string;
  readonly address: number;
  readonly size: number;
}

const SYMBOL_SIZE = 24;
/** No file of ours has a larger segment. */
const LARGEST = 1n << 32n;
const TYPE_FUNCTION = 2;
const PAGE = 4096;
/** An entry of the table of program headers that is not in use. */
const PROGRAM_NULL = 0;

/** The file's header. @throws UserError for a file that is no executable for x86-64. */
function headerOf(file: Uint8Array): View<typeof ElfHeader> {
  if (file.length < ElfHeader.size) throw new UserError('not an ELF file: it is too short');
  const header = view(ElfHeader, file);
  const isOurs =
    header.magic === Elf.MAGIC &&
    header.class === Elf.CLASS_64 &&
    header.machine === Elf.MACHINE_X86_64 &&
    header.type === Elf.TYPE_EXECUTABLE;
  if (!isOurs) throw new UserError('not an ELF executable for x86-64');
  return header;
}

/** Whether a file has a note, as images have for their entry. */
export function hasNote(file: Uint8Array): boolean {
  return programsOf(file).some(({ type }) => type === Elf.PROGRAM_NOTE);
}

function programsOf(file: Uint8Array): View<typeof ElfProgram>[] {
  const { programs, programCount } = headerOf(file);
  return entries(file, ElfProgram, programs, programCount);
}

/** The segments that a loader puts into memory. */
export function loadSegments(file: Uint8Array): LoadedSegment[] {
  return programsOf(file)
    .filter(({ type }) => type === Elf.PROGRAM_LOAD)
    .map((program) => {
      const virtual = addressOf(program.virtual);
      if (program.memorySize > LARGEST) throw new UserError('an ELF segment of more than 4 GiB');
      const offset = Number(program.offset);
      const end = offset + Number(program.fileSize);
      if (virtual === undefined || end > file.length)
        throw new UserError('an ELF segment out of range');
      return {
        virtual,
        physical: Number(program.physical),
        bytes: file.subarray(offset, end),
        size: Number(program.memorySize),
        writable: (program.flags & Elf.FLAG_WRITE) !== 0,
        executable: (program.flags & Elf.FLAG_EXECUTE) !== 0,
      };
    });
}

/**
 * What in an executable's headers asks Linux for more than to map the segments, with a stack that is not
 * executable, and to start at `start`.
 */
export function checkHeaders(file: Uint8Array, start: number): Violation[] {
  const broken: Violation[] = [];
  if (addressOf(headerOf(file).entry) !== start)
    broken.push({ rule: 'an entry that is not _start' });
  const programs = programsOf(file);
  const known: readonly number[] = [PROGRAM_NULL, Elf.PROGRAM_LOAD, Elf.PROGRAM_GNU_STACK];
  if (programs.some(({ type }) => !known.includes(type))) {
    broken.push({ rule: 'a program header that is of no segment' });
  }
  const stacks = programs.filter(({ type }) => type === Elf.PROGRAM_GNU_STACK);
  if (stacks.length === 0 || stacks.some(({ flags }) => (flags & Elf.FLAG_EXECUTE) !== 0)) {
    broken.push({ rule: 'the stack may be executable' });
  }
  const segments = loadSegments(file).map(({ virtual, size }) => ({ start: virtual, size }));
  return [...broken, ...checkPages(segments)];
}

/** Segments are mapped, or loaded, by the page: of two on one page it is not told which is there. */
export function checkPages(segments: readonly { start: number; size: number }[]): Violation[] {
  const sorted = segments.toSorted((a, b) => a.start - b.start);
  const end = ({ start, size }: { start: number; size: number }) =>
    Math.ceil((start + size) / PAGE);
  return sorted.flatMap(({ start }, i): Violation[] => {
    const before = Math.max(...sorted.slice(0, i).map(end));
    return Math.floor(start / PAGE) < before
      ? [{ rule: 'segments share a page', address: start }]
      : [];
  });
}

/** The functions of the symbol table. */
export function functionsOf(file: Uint8Array): ElfFunction[] {
  const { sections, sectionCount } = headerOf(file);
  const headers = entries(file, ElfSection, sections, sectionCount);
  const table = headers.find(({ type }) => type === Elf.SECTION_SYMTAB);
  const names = headers[table?.link ?? -1];
  if (!table || !names) throw new UserError('an ELF file without symbols');
  const symbols = bytesOf(file, table);
  const strings = bytesOf(file, names);
  const data = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength);
  const functions: ElfFunction[] = [];
  for (let at = 0; at + SYMBOL_SIZE <= symbols.length; at += SYMBOL_SIZE) {
    if ((data.getUint8(at + 4) & 15) !== TYPE_FUNCTION) continue;
    const from = data.getUint32(at, true);
    const end = strings.indexOf(0, from);
    functions.push({
      name: new TextDecoder().decode(strings.subarray(from, end)),
      address: Number(BigInt.asIntN(64, data.getBigUint64(at + 8, true))),
      size: Number(data.getBigUint64(at + 16, true)),
    });
  }
  return functions;
}

function bytesOf(file: Uint8Array, { offset, size }: View<typeof ElfSection>): Uint8Array {
  const end = Number(offset) + Number(size);
  if (end > file.length) throw new UserError('an ELF section out of range');
  return file.subarray(Number(offset), end);
}

function entries<L extends Layout>(
  file: Uint8Array,
  layout: L,
  offset: bigint,
  count: number,
): View<L>[] {
  const start = Number(offset);
  if (start + count * layout.size > file.length) throw new UserError('ELF headers leave the file');
  return Array.from({ length: count }, (_, i) => view(layout, file, start + i * layout.size));
}
