import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FunctionEntry } from '../../spec/abi/handoff.ts';
import { view } from '../../spec/layout.ts';
import { ElfProgram } from '../../spec/layouts/elf.ts';
import type { Cpu } from '../compiler/compile.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../image/build.ts';
import { readManifest } from '../image/manifest.ts';
import { root } from '../root.ts';
import { checkImage, type Report, readProgram } from './check.ts';
import { type Instruction, instructionAt } from './instruction.ts';
import type { CodeFunction, Program } from './program.ts';
import { printReport, printViolation } from './report.ts';

const manifest = readManifest(join(root, 'examples/luggage/tacit.json'));

let kernel: BuiltKernel;
let image: Build;
beforeAll(async () => {
  kernel = await buildKernel();
  image = await buildImage(manifest, { kernel });
});

const broken = (file: Uint8Array) => checkImage(file).violations.map(printViolation);

describe('an image', () => {
  it('keeps every rule, in ELF and in IGVM', () => {
    expect(broken(image.elf)).toEqual([]);
    // The shim has an entry of its own for each.
    const [elf, igvm] = [image.elf, image.igvm].map((file) => checkImage(file).compartments);
    expect(igvm?.slice(1)).toEqual(elf?.slice(1));
    expect(igvm?.[0]?.compartment.kind).toBe('shim');
    expect(checkImage(image.igvm).violations).toEqual([]);
  });

  it('keeps every rule for either kind of host', async () => {
    const other = await buildImage({ ...manifest, host: 'hv' }, { kernel });
    expect(broken(other.igvm)).toEqual([]);
  });

  it.each(['x86-64-v2', 'x86-64-v3'] satisfies Cpu[])('keeps every rule for %s', async (cpu) => {
    expect(broken((await buildImage(manifest, { cpu })).igvm)).toEqual([]);
  });
});

describe('the report', () => {
  let report: Report;
  beforeAll(() => {
    report = checkImage(image.elf);
  });

  it('names what the program may call, and nothing else', () => {
    const program = report.compartments.find(({ compartment }) => compartment.kind === 'sandbox');
    const names = program?.capabilities.map((name) => name.split('/').at(-1));
    expect(names).toContain('fd_write');
    const granted = manifest.imports.map((each) => each.split('.').at(-1));
    const extra = names?.filter((name) => !granted.includes(name?.replace(/^tacit_/, '')));
    expect(extra).toEqual([]);
    expect(program?.compartment.grants?.size).toBe(manifest.imports.length);
    expect(program?.listed).toEqual([]);
  });

  it('lists what the kernel does at 64-bit addresses and with privilege', () => {
    const lines = printReport(report);
    expect(lines.some((line) => /wrmsr +kernel!/.test(line))).toBe(true);
    expect(lines.some((line) => /QWORD PTR \[r\w+\].*kernel!/.test(line))).toBe(true);
  });
});

describe('a byte changed in an image', () => {
  let program: Program;
  beforeAll(() => {
    program = readProgram(image.elf);
  });

  /** Offset in the ELF file of what lies at an address of the program. */
  function offsetOf(address: number): number {
    const { programs, programCount } = { programs: 64, programCount: 16 };
    for (let i = 0; i < programCount; i++) {
      const header = view(ElfProgram, image.elf, programs + 56 * i);
      const start = Number(BigInt.asIntN(64, header.virtual));
      if (header.type === 1 && address >= start && address < start + Number(header.fileSize)) {
        return Number(header.offset) + address - start;
      }
    }
    throw new Error('the image has no such address');
  }

  function poke(address: number, byte: number): Uint8Array {
    const file = image.elf.slice();
    file[offsetOf(address)] = byte;
    return file;
  }

  /** The first instruction with this effect in a compartment, and its function. */
  function find(compartment: string, effect: string): { address: number; code: CodeFunction } {
    for (const code of program.functions) {
      if (code.compartment.kind !== compartment) continue;
      const bytes = program.memory.read(code.start, code.end - code.start) ?? new Uint8Array();
      for (let at = 0; at < bytes.length; ) {
        const instruction = instructionAt(bytes, code.start, at);
        if (typeof instruction === 'string') break;
        if (instruction.row.effect.name === effect) return { address: instruction.address, code };
        at = instruction.next - code.start;
      }
    }
    throw new Error(`no ${effect}`);
  }

  it('makes an instruction that is not in the list of sites out of one that is', () => {
    const { address } = find('kernel', 'wrmsr');
    const RDTSC = 0x31;
    expect(broken(poke(address + 1, RDTSC)).join()).toMatch(/not in the list of sites/);
  });

  it('puts a privileged instruction into the program', () => {
    const HLT = 0xf4;
    const { address } = find('sandbox', 'push');
    expect(broken(poke(address, HLT)).join()).toMatch(/a privileged or intercepted instruction/);
  });

  it("calls the kernel under another compartment's number", () => {
    const code = program.functions.find(
      ({ name }) => name === 'luggage!luggage/print',
    ) as CodeFunction;
    const bytes = program.memory.read(code.start, code.end - code.start) ?? new Uint8Array();
    // mov edi, 1
    const at = bytes.findIndex(
      (byte, i) => byte === 0xbf && bytes[i + 1] === 1 && bytes[i + 2] === 0,
    );
    expect(at).toBeGreaterThanOrEqual(0);
    expect(broken(poke(code.start + at + 1, 2)).join()).toMatch(
      /under another number than its own/,
    );
  });

  it('makes sure of less of the stack than a call needs', () => {
    const { start, end } = program.functions.find(
      ({ name }) => name === 'luggage!luggage/print',
    ) as CodeFunction;
    const bytes = program.memory.read(start, end - start) ?? new Uint8Array();
    // test [rsp - …], eax
    const at = bytes.findIndex(
      (byte, i) => byte === 0x85 && bytes[i + 1] === 0x84 && bytes[i + 2] === 0x24,
    );
    expect(at).toBeGreaterThanOrEqual(0);
    const nearer = (bytes[at + 4] ?? 0) + 1;
    expect(broken(poke(start + at + 4, nearer)).join()).toMatch(/enough of the stack in hand/);
  });

  /** A function of the kernel by the last part of its name. */
  const kernelFunction = (name: string) =>
    program.functions.find(
      (each) => each.compartment.kind === 'kernel' && each.name.endsWith(`/${name}`),
    ) as CodeFunction;

  it('calls what the manifest does not grant', () => {
    const { start, end } = program.functions.find(
      ({ name }) => name === 'luggage!luggage/print',
    ) as CodeFunction;
    const granted = kernelFunction('fd_write').start;
    const bytes = program.memory.read(start, end - start) ?? new Uint8Array();
    const file = image.elf.slice();
    for (let at = 0; at < bytes.length; ) {
      const instruction = instructionAt(bytes, start, at);
      if (typeof instruction === 'string') break;
      at = instruction.next - start;
      const [operand] = instruction.operands;
      if (operand?.kind !== 'target' || operand.address !== granted) continue;
      const distance = kernelFunction('tacit_reset').start - instruction.next;
      Buffer.from(file.buffer).writeInt32LE(distance, offsetOf(instruction.next - 4));
    }
    expect(broken(file).join()).toMatch(/a call of the kernel that the manifest does not grant/);
  });

  it('grants less than the program calls, or something else by that name', () => {
    const entry = Buffer.alloc(8);
    entry.writeBigInt64LE(BigInt(kernelFunction('fd_write').start));
    const at = Buffer.from(image.elf).indexOf(entry);
    const [less, other] = [image.elf.slice(), image.elf.slice()];
    less.fill(0, at, at + 8);
    expect(broken(less).join()).toMatch(/a call of the kernel that the manifest does not grant/);
    Buffer.from(other.buffer).writeBigInt64LE(BigInt(kernelFunction('tacit_reset').start), at);
    expect(broken(other).join()).toMatch(/a grant of \S+fd_write that is for something else/);
  });

  it('has code between functions', () => {
    const HLT = 0xf4;
    const gap = program.functions.find(
      ({ end }, i) => (program.functions[i + 1]?.start ?? end) > end,
    ) as CodeFunction;
    expect(broken(poke(gap.end, HLT)).join()).toMatch(/code outside of functions/);
  });

  /** The n-th instruction with this effect of a stub. */
  function inStub(name: string, effect: string, n = 0): Instruction {
    const { start, end } = program.functions.find((each) => each.name === name) as CodeFunction;
    const bytes = program.memory.read(start, end - start) ?? new Uint8Array();
    const found: Instruction[] = [];
    for (let at = 0; at < bytes.length; ) {
      const instruction = instructionAt(bytes, start, at);
      if (typeof instruction === 'string') break;
      if (instruction.row.effect.name === effect) found.push(instruction);
      at = instruction.next - start;
    }
    return found[n] as Instruction;
  }

  const last = ({ next }: Instruction) => next - 1;
  const NOP = 0x90;
  it.each<[string, string, string, number, (instruction: Instruction) => number, number, RegExp]>([
    ['restores another register', 'boot!trapLeave', 'pop', 4, last, 0x5a, /changes what was inter/],
    ['takes back less than was pushed', 'boot!trapLeave', 'add', 0, last, 8, /changes what was in/],
    ['leaves out a push', 'boot!enter', 'push', 0, last, NOP, /does not return as it was called/],
    ['halts', 'boot!trap', 'cld', 0, last, 0xf4, /not allowed/],
    ['says another vector', 'boot!vector', 'push', 1, last, 7, /push its vector's frame/],
    ['reads a port', 'boot!waitOut', 'cli', 0, last, 0xec, /not allowed/],
    ['jumps beyond its end', 'boot!waitOpen', 'jcc', 0, last, 0x70, /control runs out|called/],
  ])('%s in a stub', (_, stub, effect, n, place, byte, rule) => {
    const instruction = inStub(stub, effect, n);
    expect(broken(poke(place(instruction), byte)).join()).toMatch(rule);
  });

  it('ends a function earlier than it does', () => {
    const info = image.elf;
    const entry = find('sandbox', 'ret').code;
    const place = entry.end + 2 ** 31;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, place, true);
    const start = new Uint8Array(4);
    new DataView(start.buffer).setUint32(0, entry.start + 2 ** 31, true);
    const at = Buffer.from(info).indexOf(Buffer.concat([start, bytes]));
    const file = info.slice();
    const { end } = view(FunctionEntry, file, at);
    view(FunctionEntry, file, at).end = end - 1;
    expect(broken(file)).not.toEqual([]);
  });

  it('maps text writable', () => {
    const text = program.memory.segments.find(({ executable, start }) => executable && start < 0);
    const frame = (text?.start ?? 0) + 2 ** 31;
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64LE(BigInt(frame) | 1n);
    const found: string[] = [];
    const bytes = Buffer.from(image.elf);
    for (let at = bytes.indexOf(entry); at >= 0; at = bytes.indexOf(entry, at + 8)) {
      const file = image.elf.slice();
      file[at] = 3;
      found.push(...broken(file));
    }
    expect(found.join()).toMatch(/a page is writable and executable/);
  });

  it('maps what is written at another address, too, as constants', () => {
    const isMapped = (at: number) => program.memory.segmentAt(at) !== undefined;
    const data = program.memory.segments.find(
      ({ writable, start }) => writable && start < 0 && !isMapped(start - 1),
    );
    const frame = BigInt((data?.start ?? 0) + 2 ** 31);
    const file = image.elf.slice();
    const entries = new BigUint64Array(file.buffer, file.byteOffset, file.length >> 3);
    const [FLAGS, WRITABLE] = [0x8000_0000_0000_0fffn, 2n];
    // The page before it is not mapped: its entry is the one before.
    entries.forEach((entry, i) => {
      const isLeaf = (entry & ~FLAGS) === frame && (entry & WRITABLE) !== 0n;
      if (isLeaf && entries[i - 1] === 0n) entries[i - 1] = entry & ~WRITABLE;
    });
    expect(broken(file).join()).toMatch(/a page is writable and constant/);
  });

  it('loads two segments to one place', () => {
    const file = image.elf.slice();
    const headers = Array.from({ length: 16 }, (_, i) => view(ElfProgram, file, 64 + 56 * i));
    const [first, second] = headers.filter(({ type, fileSize }) => type === 1 && fileSize === 0n);
    if (first && second) first.physical = second.physical;
    expect(broken(file).join()).toMatch(/segments share a page/);
  });

  it('makes a segment of the file writable', () => {
    const file = image.elf.slice();
    for (let i = 0; i < 16; i++) {
      const header = view(ElfProgram, file, 64 + 56 * i);
      if (header.type === 1 && header.flags & 1) header.flags |= 2;
    }
    expect(broken(file).join()).toMatch(/a segment is writable and executable/);
  });
});
