import { describe, expect, it } from 'vitest';
import { chosenSeed, random } from '../../../test/random.ts';
import { Numbers } from '../numbers.ts';
import { Assembler } from './assembler.ts';
import { LINE } from './emitter.ts';
import { form } from './encode.ts';
import { type Label, RAX } from './operand.ts';
import { beginRelaxed, relax } from './relax.ts';

const MARK = form('mov r32, imm32');
const MARK_OPCODE = 0xb8;
const SHORT_JMP = 0xeb;
const NEAR_JMP = 0xe9;

/** Code between `begin` and `end`, relaxed. */
function relaxed(write: (asm: Assembler) => void, calls: { offset: number }[] = []): Uint8Array {
  const asm = new Assembler();
  const first = beginRelaxed(asm);
  write(asm);
  relax(asm, 0, first, { at: [asm.relocations], after: calls, lines: new Numbers() });
  return asm.finish().slice();
}

const mark = (asm: Assembler, number: number) => asm.ri(MARK, RAX, number);
const fill = (asm: Assembler, bytes: number) => asm.bytes(new Uint8Array(bytes).fill(0x90));

describe('a branch to a label', () => {
  it.each([
    ['forward, as far as 8 bits reach', 127, SHORT_JMP],
    ['forward, a byte farther', 128, NEAR_JMP],
  ])('%s', (_, distance, opcode) => {
    const code = relaxed((asm) => {
      const label = asm.label();
      asm.jmp(label);
      fill(asm, distance);
      asm.bind(label);
    });
    expect(code[0]).toBe(opcode);
  });

  it.each([
    ['backward, as far as 8 bits reach', 126, SHORT_JMP],
    ['backward, a byte farther', 127, NEAR_JMP],
  ])('%s', (_, distance, opcode) => {
    const code = relaxed((asm) => {
      const label = asm.label();
      asm.bind(label);
      fill(asm, distance);
      asm.jmp(label);
    });
    expect(code[distance]).toBe(opcode);
  });

  it('is short if shortening others brings its target near', () => {
    const code = relaxed((asm) => {
      const [far, near] = [asm.label(), asm.label()];
      asm.jmp(far);
      asm.jmp(near);
      asm.bind(near);
      fill(asm, 125);
      asm.bind(far);
    });
    expect(code[0]).toBe(SHORT_JMP);
  });
});

describe('what follows a shortened branch', () => {
  it('moves with it: calls, symbols, return addresses', () => {
    const calls: { offset: number }[] = [];
    const asm = new Assembler();
    const first = beginRelaxed(asm);
    const label = asm.label();
    asm.jmp(label);
    asm.call('f');
    calls.push({ offset: asm.size });
    asm.bind(label);
    mark(asm, 1);
    relax(asm, 0, first, { at: [asm.relocations], after: calls, lines: new Numbers() });
    expect(asm.relocations).toMatchObject([{ offset: 3, symbol: 'f' }]);
    expect(calls).toEqual([{ offset: 7 }]);
    expect(asm.finish()[7]).toBe(MARK_OPCODE);
  });

  it('is where the branches lead, in any code', () => {
    const seed = chosenSeed();
    for (let round = 0; round < 200; round++) checkRandom(seed + round);
  });
});

describe('a loop', () => {
  it('lies in one line if it fits', () => {
    for (const before of [3, 17, 40, 60]) {
      const asm = new Assembler();
      const first = beginRelaxed(asm);
      fill(asm, before);
      const end = asm.label();
      asm.alignLoop(end);
      const top = asm.label();
      asm.bind(top);
      fill(asm, 40);
      asm.jmp(top);
      asm.bind(end);
      relax(asm, 0, first, { at: [], after: [], lines: new Numbers() });
      const start = asm.offsetOf(top);
      expect(start % 16).toBe(0);
      expect(Math.floor(start / LINE)).toBe(Math.floor((asm.size - 1) / LINE));
    }
  });
});

/** Branches between marks with gaps and loops among them: each must lead to its mark. */
function checkRandom(seed: number): void {
  const dice = random(seed);
  const pick = (n: number) => dice() % n;
  const asm = new Assembler();
  const first = beginRelaxed(asm);
  const marks = Array.from({ length: 2 + pick(30) }, () => asm.label());
  const branches: { from: Label; to: number }[] = [];
  const ends: Label[] = [];
  marks.forEach((label, i) => {
    if (pick(6) === 0) {
      ends.push(asm.label());
      asm.alignLoop(ends.at(-1) as Label);
    }
    asm.bind(label);
    mark(asm, i);
    for (let n = pick(4); n > 0; n--) {
      const from = asm.label();
      const to = pick(marks.length);
      asm.bind(from);
      branches.push({ from, to });
      if (pick(2) === 0) asm.jmp(marks[to] as Label);
      else asm.jcc(pick(16), marks[to] as Label);
      fill(asm, pick(40));
    }
    const end = pick(3) === 0 ? ends.pop() : undefined;
    if (end !== undefined) asm.bind(end);
  });
  for (const end of ends) asm.bind(end);
  relax(asm, 0, first, { at: [], after: [], lines: new Numbers() });
  const code = asm.finish();
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  for (const { from, to } of branches) {
    const at = asm.offsetOf(from);
    const opcode = code[at] as number;
    const isShort = opcode === SHORT_JMP || (opcode >= 0x70 && opcode < 0x80);
    const length = isShort ? 2 : opcode === NEAR_JMP ? 5 : 6;
    const distance = isShort ? view.getInt8(at + 1) : view.getInt32(at + length - 4, true);
    const target = at + length + distance;
    expect(code[target], `TACIT_SEED=${seed}`).toBe(MARK_OPCODE);
    expect(view.getInt32(target + 1, true), `TACIT_SEED=${seed}`).toBe(to);
  }
}
