import { beforeAll, describe, expect, it } from 'vitest';
import * as Elf from '../../spec/elf.ts';
import { type View, view } from '../../spec/layout.ts';
import { ElfHeader, ElfProgram } from '../../spec/layouts/elf.ts';
import { random } from '../../test/random.ts';
import { wat } from '../../test/wat.ts';
import { makeExecutable } from '../compiler/linux/executable.ts';
import { compileRuntime } from '../compiler/linux/runtime.ts';
import { UserError } from '../errors.ts';
import { checkImage, readProgram } from './check.ts';

let executable: Uint8Array;
beforeAll(async () => {
  const module = `(module (memory 1) (table 1 funcref) (elem (i32.const 0) $f)
    (func $f (export "f") (param i32) (result i32) (i32.load (local.get 0))))`;
  executable = makeExecutable({ wasm: wat(module) }, [], await compileRuntime());
});

describe('segments', () => {
  it.each([0, 1, 2, 3, 4, 5, 6])('can not be writable and executable (program header %i)', (i) => {
    const file = executable.slice();
    const header = 64 + 56 * i;
    const data = new DataView(file.buffer);
    const [type, flags] = [data.getUint32(header, true), data.getUint32(header + 4, true)];
    if (type !== 1) return;
    data.setUint32(header + 4, flags | 3, true);
    expect(
      checkImage(file)
        .violations.map(({ rule }) => rule)
        .join(),
    ).toMatch(/a segment is writable and executable/);
  });
});

describe('the headers of an executable', () => {
  const header = (file: Uint8Array) => view(ElfHeader, file);
  const programs = (file: Uint8Array) =>
    Array.from({ length: header(file).programCount }, (_, i) =>
      view(ElfProgram, file, Number(header(file).programs) + i * ElfProgram.size),
    );
  const stack = (file: Uint8Array) =>
    programs(file).find(({ type }) => type === Elf.PROGRAM_GNU_STACK) as View<typeof ElfProgram>;
  const text = (file: Uint8Array) =>
    programs(file).find(({ flags }) => flags & Elf.FLAG_EXECUTE) as View<typeof ElfProgram>;
  const INTERPRETER = 3;

  it.each<[string, RegExp, (file: Uint8Array) => void]>([
    [
      'start in the middle of an instruction',
      /an entry that is not _start/,
      (file) => {
        header(file).entry += 1n;
      },
    ],
    [
      'name an interpreter',
      /a program header that is of no segment/,
      (file) => {
        stack(file).type = INTERPRETER;
      },
    ],
    [
      'ask for no stack of their own',
      /the stack may be executable/,
      (file) => {
        stack(file).type = 0;
      },
    ],
    [
      'ask for an executable stack',
      /the stack may be executable/,
      (file) => {
        stack(file).flags |= Elf.FLAG_EXECUTE;
      },
    ],
    [
      'load something else over the text',
      /segments share a page/,
      (file) => {
        const { offset, virtual, fileSize, memorySize } = text(file);
        const other = stack(file);
        other.type = Elf.PROGRAM_LOAD;
        other.flags = Elf.FLAG_READ | Elf.FLAG_EXECUTE;
        other.offset = offset;
        other.virtual = virtual;
        other.fileSize = fileSize;
        other.memorySize = memorySize;
      },
    ],
  ])('do not %s', (_, rule, change) => {
    const file = executable.slice();
    change(file);
    const rules = checkImage(file).violations.map((violation) => violation.rule);
    expect(rules.join()).toMatch(rule);
  });
});

describe('another file', () => {
  it.each([
    ['nothing', new Uint8Array()],
    ['a text', new TextEncoder().encode('#!/bin/sh')],
    ['the start of an ELF file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)],
  ])('is refused: %s', (_, file) => {
    expect(() => checkImage(file)).toThrow(UserError);
  });

  it('is read or refused, whatever is damaged in it', () => {
    const next = random();
    for (let i = 0; i < 200; i++) {
      const file = executable.slice();
      for (let k = 0; k <= next() % 4; k++) file[next() % (i % 2 ? file.length : 1024)] = next();
      try {
        readProgram(file);
      } catch (error) {
        expect(error, next.seed).toBeInstanceOf(UserError);
      }
    }
  });
});
