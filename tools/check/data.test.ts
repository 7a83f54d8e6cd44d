import { describe, expect, it } from 'vitest';
import type { Assembler } from '../compiler/x86/assembler.ts';
import {
  absolute,
  EAX,
  ECX,
  EDX,
  ESI,
  indexed,
  mem,
  R10,
  R11,
  R14,
  RAX,
  RCX,
  RDI,
  RDX,
  RSI,
  relative,
  symbol,
} from '../compiler/x86/operand.ts';
import { CONSTANTS, DATA, LOW, violationsIn, withReturn } from './assembled.ts';

/** Code that no compiler of ours makes, and data that no linker of ours lays out. */

const ENTRY = 16;
const EMPTY = [0, 0, 0, 0];
const UNPROVEN = /not shown to lie within the sandbox/;

/** Bytes of an entry: a function of a type, and where its record is. */
const entry = (fn: string, type: number, record: number) => [fn, type, record];

/** Loads from anywhere if it is passed 64 bits. */
const loads = (asm: Assembler) =>
  withReturn(asm, () => asm.op('mov r32, r/m32', EAX, indexed(R14, RDI, 1)));

/** Calls, with 64 bits in RDI, what a table of one entry has at ESI if it is of a type. */
function callThrough(
  asm: Assembler,
  table: number,
  type: number,
  early: () => void = () => {},
  late: () => void = () => {},
): void {
  withReturn(asm, (_, done) => {
    asm.op('neg r/m64', RDI);
    asm.op('mov r32, r/m32', ECX, ESI);
    asm.op('cmp r/m32, simm8', ECX, 1);
    asm.op('jae rel8', done);
    asm.op('shl r/m64, imm8', RCX, 4);
    asm.op('cmp r/m32, imm32', mem(RCX, table + 8), type);
    early();
    asm.op('jne rel8', done);
    late();
    asm.op('call r/m64', mem(RCX, table));
  });
}

/** Loads both halves of what a reference is to, into RAX and RDX: of the empty entry if it is null. */
function loadHalves(asm: Assembler, reference: () => void, empty: string, offset: number): void {
  reference();
  asm.op('lea r64, m', R10, relative(symbol(empty, offset)));
  asm.op('test r/m64, r64', RSI, RSI);
  asm.op('cmovne r64, r/m64', R10, RSI);
  asm.op('mov r64, r/m64', RAX, mem(R10, 0));
  asm.op('mov r64, r/m64', RDX, mem(R10, 8));
}

const loadAddress = (asm: Assembler, offset: number) => () =>
  asm.op('lea r64, m', RSI, relative(symbol('constants', offset)));

describe('a call through a table', () => {
  it('may not be of the type of empty entries, which is in no list of functions', () => {
    const found = violationsIn({
      functions: { loads, f: (asm) => callThrough(asm, CONSTANTS, 0) },
      constants: EMPTY,
    });
    expect(found.join()).toMatch(/an indirect call without a check of the type/);
  });

  it.each([
    ['at a multiple of its size', 0, UNPROVEN],
    ['anywhere else', 8, /a table holds what is no record of a function/],
  ])('reaches the function of a record that lies %s', (_, beside, rule) => {
    const record = CONSTANTS + ENTRY + beside;
    const found = violationsIn({
      functions: { loads, f: (asm) => callThrough(asm, CONSTANTS, 7) },
      constants: [
        ...entry('loads', 7, record),
        ...Array(beside / 4).fill(0),
        ...entry('loads', 7, record),
      ],
    });
    expect(found.join()).toMatch(rule);
  });

  const OTHER = 2 * ENTRY;
  const put = (asm: Assembler, at: ReturnType<typeof mem>) => {
    asm.op('mov r/m64, r64', at, RAX);
    asm.op('mov r/m64, r64', { ...at, displacement: at.displacement + 8 }, RDX);
  };
  it.each<[string, boolean, 'early' | 'late', (asm: Assembler) => void]>([
    ['is put nowhere', true, 'late', () => {}],
    ['is put there by its index', false, 'late', (asm) => put(asm, mem(RCX, DATA))],
    ['is put there by its address', false, 'late', (asm) => put(asm, absolute(DATA))],
    ['is put there before the branch', false, 'early', (asm) => put(asm, mem(RCX, DATA))],
  ])('is of the type that was checked if another entry %s', (_, isProven, when, write) => {
    const found = violationsIn({
      functions: {
        narrow: (asm) => asm.op('ret'),
        other: (asm) => asm.op('ret'),
        f(asm) {
          loadHalves(asm, loadAddress(asm, OTHER), 'constants', 0);
          asm.op('mov r32, r/m32', ESI, EDX);
          const writes = () => write(asm);
          if (when === 'early') callThrough(asm, DATA, 7, writes);
          else callThrough(asm, DATA, 7, undefined, writes);
        },
      },
      constants: [
        ...EMPTY,
        ...entry('narrow', 7, CONSTANTS + ENTRY),
        ...entry('other', 9, CONSTANTS + OTHER),
      ],
      data: entry('narrow', 7, CONSTANTS + ENTRY),
    });
    if (isProven) expect(found).toEqual([]);
    else expect(found.join()).toMatch(/an indirect call without a check of the type/);
  });
});

describe('a table that may grow', () => {
  const ENTRIES = DATA + 32;
  it.each([
    ['its room', ENTRIES + ENTRY, /a store to a table of functions/],
    ['what lies behind', ENTRIES + 2 * ENTRY, /^$/],
  ])('has none but entries in %s', (_, written, rule) => {
    const found = violationsIn({
      functions: {
        get: (asm) =>
          withReturn(asm, (_asm, done) => {
            asm.op('mov r32, r/m32', ECX, ESI);
            asm.op('cmp r32, r/m32', ECX, absolute(DATA + 8));
            asm.op('jae rel8', done);
            asm.op('shl r/m64, imm8', RCX, 4);
            asm.op('mov r64, r/m64', RAX, absolute(DATA));
            asm.op('mov r64, r/m64', RAX, indexed(RAX, RCX, 1));
          }),
        f: (asm) => withReturn(asm, () => asm.op('mov r/m64, r64', absolute(written), RDI)),
      },
      data: [ENTRIES, 0, 1, 2, 2, 0, 0, 0, ...EMPTY, ...EMPTY, ...EMPTY],
    });
    expect(found.join()).toMatch(rule);
  });
});

describe('a reference', () => {
  it.each([
    ['constants', /^$/],
    ['data', UNPROVEN],
  ])('that is null stands for an empty entry in %s', (empty, rule) => {
    const found = violationsIn({
      functions: {
        f: (asm) => withReturn(asm, () => loadHalves(asm, loadAddress(asm, ENTRY), empty, 0)),
      },
      constants: [...EMPTY, ...entry('f', 7, CONSTANTS + ENTRY)],
      data: EMPTY,
    });
    expect(found.join()).toMatch(rule);
  });

  it.each([
    ['a cell of its own', DATA + ENTRY, /^$/],
    ['a table', DATA, /in m!f: a reference taken from a table of functions/],
  ])('comes from %s', (_, cell, rule) => {
    const load = (asm: Assembler) => () => asm.op('mov r64, r/m64', RSI, absolute(cell));
    const found = violationsIn({
      functions: {
        set: (asm) =>
          withReturn(asm, (_asm, done) => {
            asm.op('mov r32, r/m32', ECX, EDX);
            asm.op('cmp r/m32, simm8', ECX, 1);
            asm.op('jae rel8', done);
            asm.op('shl r/m64, imm8', RCX, 4);
            asm.op('mov r/m64, r64', mem(RCX, DATA), RDI);
            asm.op('mov r/m64, simm32', mem(RCX, DATA + 8), 0);
          }),
        f: (asm) => withReturn(asm, () => loadHalves(asm, load(asm), 'constants', 0)),
      },
      constants: EMPTY,
      data: [...EMPTY, ...EMPTY],
    });
    expect(found.join()).toMatch(rule);
  });
});

describe('a data segment', () => {
  const [MOVSB, MOVSD] = [0xa4, 0xa5];
  it.each<[string, string, (asm: Assembler) => void, number, boolean]>([
    ['within its size', 'constants', () => {}, MOVSB, true],
    ['by units of four bytes', 'constants', () => {}, MOVSD, false],
    ['from 64 bits on, which wrap', 'constants', (asm) => asm.op('neg r/m64', RSI), MOVSB, false],
    ['that may be written', 'data', () => {}, MOVSB, false],
  ])('is copied %s', (_, segment, change, move, isProven) => {
    const found = violationsIn({
      functions: {
        f: (asm) =>
          withReturn(asm, (_asm, done) => {
            change(asm);
            asm.op('mov r32, imm32', EDX, 8);
            asm.op('mov r32, r/m32', EAX, absolute(DATA));
            asm.op('lea r64, m', R11, indexed(RSI, RDX, 1));
            asm.op('cmp r64, r/m64', R11, RAX);
            asm.op('ja rel8', done);
            asm.op('lea r64, m', RDI, mem(R14, 8));
            asm.op('lea r64, m', RAX, relative(symbol(segment)));
            asm.op('add r64, r/m64', RSI, RAX);
            asm.op('mov r32, r/m32', ECX, EDX);
            asm.prefix('rep');
            asm.bytes([move]);
          }),
      },
      constants: [...EMPTY, ...EMPTY],
      data: [ENTRY, 0, 0, 0, ...EMPTY],
    });
    if (isProven) expect(found).toEqual([]);
    else expect(found.join()).toMatch(/a string instruction that is not shown/);
  });
});

describe('data', () => {
  const FOREIGN = /in m!f: a use of another compartment's data/;
  const stores = (at: number) => (asm: Assembler) => asm.op('mov r/m64, r64', absolute(at), RDI);
  const storesVector = (at: number) => (asm: Assembler) =>
    asm.op('movups xmm/m128, xmm', absolute(at), 0);

  it.each<[string, string, number[], (asm: Assembler) => void, RegExp]>([
    ['before the run-time uses any', 'runtime', [16, 32], stores(DATA), /^$/],
    ['in between what the run-time uses', 'runtime', [0, 32], stores(DATA + 16), FOREIGN],
    ['up to where another begins', 'other', [16], storesVector(DATA), /^$/],
    ['over where another begins', 'other', [16], storesVector(DATA + 8), FOREIGN],
    ["in the run-time's memory", 'runtime', [], stores(LOW), FOREIGN],
    [
      "by a table in the run-time's memory",
      'runtime',
      [],
      (asm) => callThrough(asm, LOW, 7),
      FOREIGN,
    ],
  ])('is used %s', (_, other, offsets, write, rule) => {
    const found = violationsIn({
      functions: {
        f: (asm) => withReturn(asm, write),
        [`${other}!g`]: (asm) =>
          withReturn(asm, () => {
            for (const offset of offsets) stores(DATA + offset)(asm);
          }),
      },
      data: Array(12).fill(0),
    });
    expect(found.join()).toMatch(rule);
  });
});
