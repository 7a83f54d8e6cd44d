import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Build, buildImage } from '../image/build.ts';
import { readManifest } from '../image/manifest.ts';
import { root } from '../root.ts';
import { checkImage, readProgram } from './check.ts';
import { loadSegments } from './elf-file.ts';
import { type Instruction, instructionAt } from './instruction.ts';
import { immediateOf, memoryOf, nameOf } from './patient.ts';
import type { Program, Shim } from './program.ts';
import { printViolation } from './report.ts';
import { ShimWalk } from './shim-walk.ts';

const [EAX, EBP, ESI, EDI] = [0, 5, 6, 7];

let image: Build;
let program: Program;
let shim: Shim;
let instructions: readonly Instruction[];
beforeAll(async () => {
  image = await buildImage(readManifest(join(root, 'examples/luggage/tacit.json')));
  program = readProgram(image.elf);
  shim = program.shim as Shim;
  const walk = new ShimWalk(program, shim);
  walk.run();
  instructions = [...walk.instructions.values()].sort((a, b) => a.address - b.address);
});

/** Offset in the file of what lies at a physical address. */
function offsetOf(physical: number): number {
  const segment = loadSegments(image.elf).find(
    (each) => physical >= each.physical && physical < each.physical + each.bytes.length,
  );
  if (!segment) throw new Error('the image has no such address');
  return segment.bytes.byteOffset - image.elf.byteOffset + physical - segment.physical;
}

/** What is wrong with the image once the byte at a physical address is changed by `change`. */
function brokenAt(physical: number, change: (byte: number) => number): string {
  const file = image.elf.slice();
  const offset = offsetOf(physical);
  file[offset] = change(file[offset] ?? 0);
  return checkImage(file).violations.map(printViolation).join('\n');
}

/** The same with one byte of the first instruction that is `wanted`: with it, it `becomes` another. */
function broken(
  wanted: (instruction: Instruction) => boolean,
  becomes: (changed: Instruction, original: Instruction) => boolean,
): string {
  for (const original of instructions.filter(wanted)) {
    const length = original.next - original.address;
    const start = original.address - shim.start;
    const code = program.memory.read(shim.start + start, length) ?? new Uint8Array();
    for (let i = 0; i < length; i++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Uint8Array.from(code);
        changed[i] = byte;
        const instruction = instructionAt(changed, original.address, 0, original.mode);
        if (byte === code[i] || typeof instruction === 'string') continue;
        if (instruction.next !== original.next || !becomes(instruction, original)) continue;
        return brokenAt(original.address + i, () => byte);
      }
    }
  }
  throw new Error('the shim has no such instruction');
}

const is = (name: string) => (instruction: Instruction) => nameOf(instruction) === name;
const target = ({ operands }: Instruction) =>
  operands[0]?.kind === 'target' ? operands[0].address : undefined;
const register = ({ operands }: Instruction) =>
  operands[0]?.kind === 'register' ? operands[0].number : undefined;
/** A store of a register at a fixed address. */
const isStore = (each: Instruction) =>
  nameOf(each) === 'mov' && each.operands[0]?.kind === 'memory' && (memoryOf(each)?.base ?? 0) < 0;
const same = (a: Instruction, b: Instruction) => nameOf(a) === nameOf(b);

describe('the shim', () => {
  it('is followed from every entry to the call of the kernel', () => {
    const names = instructions.map(nameOf);
    for (const name of ['cli', 'rdmsr', 'wrmsr', 'vmgexit', 'cpuid', 'rdrand', 'out', 'ltr']) {
      expect(names).toContain(name);
    }
    expect(instructions.filter(({ mode }) => mode === 64).map(nameOf)).toContain('call');
    expect(checkImage(image.elf).violations).toEqual([]);
  });

  it('may not write elsewhere than to data', () => {
    const text = program.memory.segments.find(({ executable, start }) => executable && start < 0);
    const place = (text?.start ?? 0) + 2 ** 31;
    const toText = (each: Instruction) => {
      const at = memoryOf(each)?.displacement ?? 0;
      return isStore(each) && at >= place && at < place + (text?.size ?? 0);
    };
    expect(broken(isStore, toText)).toMatch(/a store that is not shown to go to data/);
  });

  it('may not write over itself', () => {
    const scratch = (each: Instruction) => {
      const at = memoryOf(each)?.displacement ?? 0;
      return isStore(each) && at >= shim.start && at < shim.end;
    };
    const over = (each: Instruction) =>
      scratch(each) && (memoryOf(each)?.displacement ?? 0) < shim.start + 0x100;
    expect(broken(scratch, over)).toMatch(/a store to an instruction/);
  });

  it('may not go beyond the page tables', () => {
    const bound = (each: Instruction) => nameOf(each) === 'cmp' && register(each) === EDI;
    const found = broken(
      (each) => bound(each) && (immediateOf(each) ?? 0) > shim.root,
      (each, original) =>
        bound(each) && (immediateOf(each) ?? 0) > (immediateOf(original) ?? 0) * 2,
    );
    expect(found).toMatch(/a store that is not shown to go to data/);
  });

  it('may set high halves of page-table entries only', () => {
    const found = broken(
      (each) => nameOf(each) === 'or' && memoryOf(each)?.base === EDI,
      (each, original) =>
        same(each, original) && memoryOf(each)?.base === EDI && memoryOf(each)?.displacement === 0,
    );
    expect(found).toMatch(/a store that is not shown to go to data/);
  });

  it('may not write to another stack', () => {
    const setsStack = (each: Instruction) => nameOf(each) === 'mov' && register(each) === 4;
    expect(broken(setsStack, setsStack)).toMatch(/the stack pointer is lost/);
  });

  it.each([
    ['mov', 'wrmsr', /another MSR/],
    ['mov', 'out', /another port/],
  ])('may not use another number (%s) with %s', (_, name, rule) => {
    const uses = instructions.filter(is(name));
    // The number was put there just before.
    const before = (each: Instruction) =>
      nameOf(each) === 'mov' &&
      immediateOf(each) !== undefined &&
      register(each) === (name === 'out' ? 2 : 1) &&
      uses.some(({ address }) => address > each.address && address - each.next < 4);
    const found = broken(
      before,
      (each, original) => same(each, original) && register(each) === register(original),
    );
    expect(found).toMatch(rule);
  });

  it('may not load other page tables, or turn protection off', () => {
    const puts = (into: number, value: (immediate: number) => boolean) => (each: Instruction) =>
      nameOf(each) === 'mov' && register(each) === into && value(immediateOf(each) ?? -1);
    const other = (each: Instruction, original: Instruction) =>
      same(each, original) && register(each) === register(original);
    expect(
      broken(
        puts(EAX, (value) => value === shim.root),
        other,
      ),
    ).toMatch(/other page tables/);
    const isOn = (value: number) => value >>> 0 > 0x8000_0000 && (value & 0x1_0001) === 0x1_0001;
    const found = broken(
      puts(ESI, isOn),
      (each, original) => other(each, original) && !isOn(immediateOf(each) ?? 0),
    );
    expect(found).toMatch(/a control register without protection/);
  });

  it.each(['jmp', 'call', 'jcc'])('may not %s into the middle of an instruction', (name) => {
    const isLong = (address: number | undefined) =>
      instructions.some((each) => each.address === address && each.next > address + 1);
    const found = broken(
      (each) => nameOf(each) === name && isLong(target(each)),
      (each, original) => same(each, original) && target(each) === (target(original) ?? 0) + 1,
    );
    expect(found).not.toBe('');
  });

  it('may not leave its pages', () => {
    const found = broken(is('jmp'), (each, original) => {
      const to = target(each) ?? shim.start;
      return same(each, original) && (to < shim.start || to >= shim.end);
    });
    expect(found).toMatch(/control leaves the shim/);
  });

  it('may not go on anywhere else after an exception', () => {
    const sets = (each: Instruction) =>
      nameOf(each) === 'mov' && register(each) === EBP && (immediateOf(each) ?? 0) > shim.start;
    const found = broken(
      sets,
      (each, original) => sets(each) && immediateOf(each) === (immediateOf(original) ?? 0) + 1,
    );
    expect(found).not.toBe('');
  });

  it('may not take back less of a frame than the CPU pushed', () => {
    const found = broken(
      (each) => nameOf(each) === 'lea' && memoryOf(each)?.displacement === 16,
      (each) => nameOf(each) === 'lea' && memoryOf(each)?.displacement === 12,
    );
    expect(found).toMatch(/a handler that does not take back its frame/);
  });

  it('may not call anything but the kernel', () => {
    const loads = (each: Instruction) => each.mode === 64 && each.next - each.address === 10;
    const [last] = instructions.filter(loads).slice(-1);
    const found = broken(
      (each) => each.address === last?.address,
      (each, original) =>
        loads(each) && register(each) === 0 && immediateOf(each) !== immediateOf(original),
    );
    expect(found).toMatch(/a call of anything but the kernel/);
  });
});

describe('the tables of the shim', () => {
  it('have flat segments', () => {
    const gdt =
      shim.start +
      Buffer.from(program.memory.read(shim.start, 4096) ?? []).indexOf(
        Buffer.from([0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0]),
      );
    expect(brokenAt(gdt + 2, () => 1)).toMatch(/a far jump to no code segment/);
    expect(brokenAt(gdt + 5, () => 0xfb)).toMatch(/a far jump to no code segment/);
  });

  it('have gates that lead to handlers', () => {
    const bytes = Buffer.from(program.memory.read(shim.start, 4096) ?? []);
    const gate = shim.start + bytes.indexOf(Buffer.from([0x18, 0, 0, 0x8e])) - 2;
    expect(brokenAt(gate + 1, (byte) => byte ^ 0x40)).not.toBe('');
    expect(brokenAt(gate + 5, () => 0xee)).toMatch(/a gate that leads to no handler/);
  });
});
