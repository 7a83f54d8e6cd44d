import { type View, view } from '../../../spec/layout.ts';
import { ElfHeader, ElfProgram, ElfSection } from '../../../spec/layouts/elf.ts';

/** What is mapped at one place with one protection. */
export interface Segment {
  /** Of the section that shows it to debuggers: `.text`. */
  readonly name: string;
  /** A multiple of 4096. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Bytes in memory, zeros after `bytes`. */
  readonly memorySize: number;
  readonly access: 'rx' | 'r' | 'rw';
}

/** A function for debuggers. */
export interface FunctionSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
}

const PAGE = 4096;
const MAGIC = 0x464c_457f;
const CLASS64 = 2;
const LITTLE_ENDIAN = 1;
const ET_EXEC = 2;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474_e551;
const PF = { r: 4, rx: 5, rw: 6 } as const;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHF = { r: 2, rx: 6, rw: 3 } as const;
/** st_info of a local function. */
const STT_FUNC = 2;
const SYMBOL_SIZE = 24;

/**
 * A static executable for x86-64 Linux: the segments, a stack that cannot be executed, and a symbol
 * table. ELF, chapters 4 to 6; psABI §4.
 */
export function writeElf(
  entry: number,
  segments: readonly Segment[],
  functions: readonly FunctionSymbol[],
): Uint8Array {
  const file = new File();
  const programCount = segments.length + 1;
  file.skip(ElfHeader.size + programCount * ElfProgram.size);
  const placed = segments.map((segment) => ({ segment, offset: file.add(segment.bytes, PAGE) }));
  const names = new Strings();
  const sections: Partial<View<typeof ElfSection>>[] = [{}];
  for (const { segment, offset } of placed) {
    sections.push({
      name: names.add(segment.name),
      type: SHT_PROGBITS,
      flags: BigInt(SHF[segment.access]),
      address: BigInt(segment.address),
      offset: BigInt(offset),
      size: BigInt(segment.bytes.length),
      alignment: 16n,
    });
  }
  const symbolNames = new Strings();
  const symbols = symbolTable(segments, functions, symbolNames);
  sections.push({
    name: names.add('.symtab'),
    type: SHT_SYMTAB,
    offset: BigInt(file.add(symbols, 8)),
    size: BigInt(symbols.length),
    link: sections.length + 1,
    info: symbols.length / SYMBOL_SIZE,
    alignment: 8n,
    entrySize: BigInt(SYMBOL_SIZE),
  });
  const texts = symbolNames.bytes();
  sections.push({
    name: names.add('.strtab'),
    type: SHT_STRTAB,
    offset: BigInt(file.add(texts, 1)),
    size: BigInt(texts.length),
    alignment: 1n,
  });
  const nameOffset = names.add('.shstrtab');
  const nameBytes = names.bytes();
  sections.push({
    name: nameOffset,
    type: SHT_STRTAB,
    offset: BigInt(file.add(nameBytes, 1)),
    size: BigInt(nameBytes.length),
    alignment: 1n,
  });
  const sectionTable = file.add(new Uint8Array(sections.length * ElfSection.size), 8);
  const bytes = file.bytes();
  sections.forEach((section, i) => {
    Object.assign(view(ElfSection, bytes, sectionTable + i * ElfSection.size), section);
  });
  placed.forEach(({ segment, offset }, i) => {
    Object.assign(view(ElfProgram, bytes, ElfHeader.size + i * ElfProgram.size), {
      type: PT_LOAD,
      flags: PF[segment.access],
      offset: BigInt(offset),
      virtual: BigInt(segment.address),
      physical: BigInt(segment.address),
      fileSize: BigInt(segment.bytes.length),
      memorySize: BigInt(segment.memorySize),
      alignment: BigInt(PAGE),
    });
  });
  Object.assign(view(ElfProgram, bytes, ElfHeader.size + placed.length * ElfProgram.size), {
    type: PT_GNU_STACK,
    flags: PF.rw,
    alignment: 16n,
  });
  Object.assign(view(ElfHeader, bytes), {
    magic: MAGIC,
    class: CLASS64,
    data: LITTLE_ENDIAN,
    version: 1,
    type: ET_EXEC,
    machine: EM_X86_64,
    fileVersion: 1,
    entry: BigInt(entry),
    programs: BigInt(ElfHeader.size),
    sections: BigInt(sectionTable),
    headerSize: ElfHeader.size,
    programSize: ElfProgram.size,
    programCount,
    sectionSize: ElfSection.size,
    sectionCount: sections.length,
    nameSection: sections.length - 1,
  });
  return bytes;
}

/** Entry 0 is empty; all others are local functions. ELF, chapter 4, symbol table. */
function symbolTable(
  segments: readonly Segment[],
  functions: readonly FunctionSymbol[],
  names: Strings,
): Uint8Array {
  const bytes = new Uint8Array((functions.length + 1) * SYMBOL_SIZE);
  const data = new DataView(bytes.buffer);
  functions.forEach(({ name, address, size }, i) => {
    const at = (i + 1) * SYMBOL_SIZE;
    const section = segments.findIndex(
      (s) => address >= s.address && address < s.address + s.memorySize,
    );
    data.setUint32(at, names.add(name), true);
    data.setUint8(at + 4, STT_FUNC);
    data.setUint16(at + 6, section + 1, true);
    data.setBigUint64(at + 8, BigInt(address), true);
    data.setBigUint64(at + 16, BigInt(size), true);
  });
  return bytes;
}

/** A string table: offset 0 is the empty string. */
class Strings {
  private readonly parts: Uint8Array[] = [Uint8Array.of(0)];
  private size = 1;

  /** Offset of `text` in the table. */
  add(text: string): number {
    const encoded = new TextEncoder().encode(`${text.replaceAll('\0', '?')}\0`);
    const offset = this.size;
    this.parts.push(encoded);
    this.size += encoded.length;
    return offset;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}

/** The file's parts, one after the other. */
class File {
  private readonly parts: { readonly bytes: Uint8Array; readonly offset: number }[] = [];
  private size = 0;

  skip(size: number): void {
    this.size += size;
  }

  /** Adds `bytes` at the next multiple of `alignment`: their offset. */
  add(bytes: Uint8Array, alignment: number): number {
    const offset = Math.ceil(this.size / alignment) * alignment;
    this.parts.push({ bytes, offset });
    this.size = offset + bytes.length;
    return offset;
  }

  bytes(): Uint8Array {
    const result = new Uint8Array(this.size);
    for (const { bytes, offset } of this.parts) result.set(bytes, offset);
    return result;
  }
}
