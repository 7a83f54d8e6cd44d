import { writeSync } from 'node:fs';
import {
  DUMP_NOTE_PAGES,
  DUMP_NOTE_VERSION,
  DumpHeader,
  DumpRun,
} from '../../../spec/abi/dump-note.ts';
import * as Elf from '../../../spec/elf.ts';
import { view } from '../../../spec/layout.ts';
import { ElfHeader, ElfNote, ElfProgram, PrStatus } from '../../../spec/layouts/elf.ts';
import { PAGE } from '../hypervisor/guest-memory.ts';
import type { Machine } from '../machine.ts';
import { MODES, protectedState } from '../mode.ts';
import { type PageRun, pageRuns } from './page-states.ts';

/** Memory is written this much at a time. */
const CHUNK = 1024 * 1024;

/**
 * Writes guest memory to the open file `file`, as the hypervisor reads it: an ELF core with a segment for
 * each range of RAM, the registers that the host sees, and a note with the state of every page
 * (spec/abi/dump-note.ts).
 */
export function writeDump(machine: Machine, file: number): void {
  const { ranges } = machine.memory;
  const notes = concatenate([
    note('CORE\0', Elf.NOTE_PRSTATUS, prStatus(machine)),
    note('TACIT\0', DUMP_NOTE_PAGES, pageNote(machine, pageRuns(machine))),
  ]);
  const headers = ElfHeader.size + ElfProgram.size * (ranges.length + 1);
  let offset = Math.ceil((headers + notes.length) / PAGE) * PAGE;
  const head = new Uint8Array(offset);
  writeHeader(head, ranges.length + 1);
  const table = view(ElfProgram, head, ElfHeader.size);
  Object.assign(table, { type: Elf.PROGRAM_NOTE, offset: BigInt(headers), alignment: 4n });
  table.fileSize = BigInt(notes.length);
  head.set(notes, headers);
  ranges.forEach(({ gfn, pages }, index) => {
    const segment = view(ElfProgram, head, ElfHeader.size + ElfProgram.size * (index + 1));
    const size = BigInt(pages * PAGE);
    const address = BigInt(gfn * PAGE);
    Object.assign(segment, { type: Elf.PROGRAM_LOAD, flags: Elf.FLAG_READ | Elf.FLAG_WRITE });
    Object.assign(segment, { virtual: address, physical: address, alignment: BigInt(PAGE) });
    Object.assign(segment, { offset: BigInt(offset), fileSize: size, memorySize: size });
    offset += pages * PAGE;
  });
  write(file, head);
  for (const { frame, pages } of ranges) {
    const end = (frame + pages) * PAGE;
    for (let at = frame * PAGE; at < end; at += CHUNK) {
      write(file, machine.memory.read(at, Math.min(CHUNK, end - at)));
    }
  }
}

function writeHeader(head: Uint8Array, programs: number): void {
  const header = view(ElfHeader, head);
  header.magic = Elf.MAGIC;
  header.class = Elf.CLASS_64;
  header.data = Elf.DATA_LITTLE_ENDIAN;
  header.version = Elf.VERSION;
  header.type = Elf.TYPE_CORE;
  header.machine = Elf.MACHINE_X86_64;
  header.fileVersion = Elf.VERSION;
  header.programs = BigInt(ElfHeader.size);
  header.headerSize = ElfHeader.size;
  header.programSize = ElfProgram.size;
  header.programCount = programs;
}

/** The registers in NT_PRSTATUS's order; zero where they are not the host's to see. */
function prStatus(machine: Machine): Uint8Array {
  const bytes = new Uint8Array(PrStatus.size);
  view(PrStatus, bytes).pid = 1;
  if (protectedState(machine.mode)) return bytes;
  const r = machine.vcpu.registers;
  const selector = (segment: { selector: number }) => BigInt(segment.selector);
  const values = [
    ...[r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9, r.r8],
    ...[r.rax, r.rcx, r.rdx, r.rsi, r.rdi, 0n, r.rip, selector(r.cs), r.rflags, r.rsp],
    ...[selector(r.ss), r.fs.base, r.gs.base],
    ...[selector(r.ds), selector(r.es), selector(r.fs), selector(r.gs)],
  ];
  const registers = view(PrStatus, bytes).registers;
  const data = new DataView(registers.buffer, registers.byteOffset, registers.length);
  for (const [i, value] of values.entries()) data.setBigUint64(i * 8, value, true);
  return bytes;
}

function pageNote(machine: Machine, runs: readonly PageRun[]): Uint8Array {
  const bytes = new Uint8Array(DumpHeader.size + DumpRun.size * runs.length);
  const header = view(DumpHeader, bytes);
  header.version = DUMP_NOTE_VERSION;
  header.mode = MODES.indexOf(machine.mode);
  header.runCount = runs.length;
  runs.forEach(({ gfn, pages, state, flags }, index) => {
    const run = view(DumpRun, bytes, DumpHeader.size + index * DumpRun.size);
    Object.assign(run, { frame: BigInt(gfn), pages, state, flags });
  });
  return bytes;
}

function note(name: string, type: number, description: Uint8Array): Uint8Array {
  const padded = (size: number) => Math.ceil(size / 4) * 4;
  const start = ElfNote.size + padded(name.length);
  const bytes = new Uint8Array(start + padded(description.length));
  const head = view(ElfNote, bytes);
  head.nameSize = name.length;
  head.descriptionSize = description.length;
  head.type = type;
  bytes.set(new TextEncoder().encode(name), ElfNote.size);
  bytes.set(description, start);
  return bytes;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A write may take less than it was given. */
function write(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
