import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Instruction } from '../../../spec/x86/instruction.ts';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';
import { witness } from '../../../test/witness.ts';
import { Assembler } from './assembler.ts';
import { decode } from './decode.ts';
import { Emitter } from './emitter.ts';
import { form } from './encode.ts';
import { indexed, mem, relative, symbol } from './operand.ts';
import { print } from './print.ts';
import { type Sample, samples } from './test-samples.ts';

const objdump = witness('objdump');

/** Bytes between two instructions in the file that objdump reads; NOPs, so that it finds its feet. */
const SLOT = 32;

/** What objdump says of each sample: its text and the bytes it took for it. */
function disassemble(list: readonly Sample[], mode: 32 | 64): { text: string; bytes: string }[] {
  const file = new Uint8Array(list.length * SLOT).fill(0x90);
  for (const [n, sample] of list.entries()) file.set(sample.bytes, n * SLOT);
  const folder = mkdtempSync(join(tmpdir(), 'tacit-objdump-'));
  try {
    const path = join(folder, 'code');
    writeFileSync(path, file);
    const machine = mode === 64 ? 'i386:x86-64' : 'i386';
    const out = execFileSync(
      objdump as string,
      ['-D', '-b', 'binary', '-m', machine, '-M', 'intel,amd64', '--insn-width=16', path],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    const lines = new Map<number, { text: string; bytes: string }>();
    for (const line of out.split('\n')) {
      const match = /^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t(.*)$/.exec(line);
      if (!match) continue;
      lines.set(Number.parseInt(match[1] as string, 16), {
        bytes: match[2] as string,
        text: normal(match[3] as string),
      });
    }
    return list.map((_, n) => lines.get(n * SLOT) ?? { text: '(none)', bytes: '' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rows that objdump 2.40 does not know, and why. */
const UNKNOWN: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^rmpread$/, 'newer than binutils 2.40'],
  [/^sysenter$|^sysexit$/, 'left out of its AMD64 flavour, which has them in protected mode'],
  [/^salc /, 'never documented'],
  [/^nop .*\[(o\d\d )?0F (18|1A|1B|1C|1E) \/r\]$/, 'names the hints that other vendors put there'],
];

const WIDTHS: Record<string, string> = { b: 'BYTE', w: 'WORD', d: 'DWORD', q: 'QWORD' };
const ACCUMULATORS: Record<string, string> = { b: 'al', w: 'ax', d: 'eax', q: 'rax' };
const PREDICATES = ['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord'];

/** Our spelling in objdump's, for what the two write differently. */
function asObjdump(text: string, row: Instruction, mode: 32 | 64): string {
  const string = /^(movs|cmps|stos|lods|scas|ins|outs)([bwdq])$/.exec(text);
  if (string && row.operands.length === 0) {
    const [, name = '', letter = ''] = string;
    const [rsi, rdi] = mode === 64 ? ['rsi', 'rdi'] : ['esi', 'edi'];
    const source = `${WIDTHS[letter]} PTR ds:[${rsi}]`;
    const target = `${WIDTHS[letter]} PTR es:[${rdi}]`;
    const accumulator = ACCUMULATORS[letter];
    const operands: Record<string, string> = {
      movs: `${target},${source}`,
      cmps: `${source},${target}`,
      stos: `${target},${accumulator}`,
      lods: `${accumulator},${source}`,
      scas: `${accumulator},${target}`,
      ins: `${target},dx`,
      outs: `dx,${source}`,
    };
    return `${name} ${operands[name]}`;
  }
  const compare = /^(v?cmp)([ps][sd]) (.*),0x([0-7])$/.exec(text);
  if (compare) {
    const [, name, type, operands, predicate] = compare;
    return `${name}${PREDICATES[Number(predicate)]}${type} ${operands}`;
  }
  if (row.id === 'xlatb') return `xlat BYTE PTR ds:[${mode === 64 ? 'rbx' : 'ebx'}]`;
  if (row.id === 'mov r64, imm64') return `movabs${text.slice(3)}`;
  if (mode === 64 && row.operands.some((o) => o.kind === 'offset')) return `movabs${text.slice(3)}`;
  if (/^(jmp|call) rel16$/.test(row.id)) return text.replace(' ', 'w ');
  if (row.id === 'iretd') return 'iret';
  if (row.id === 'sysretd' && mode === 32) return 'sysret';
  if (mode === 32 && /^[sl][gi]dt /.test(text)) return text.replace('dt ', 'dtd ');
  if (row.effect.name === 'pclmulqdq') {
    return text
      .replace(/^(v?pclmul)qdq (.*),0x1$/, '$1hqlqdq $2')
      .replace(/^(v?pclmul)qdq (.*),0x0$/, '$1lqlqdq $2');
  }
  return text
    .replace(/^(cmpxchg16b) XMMWORD/, '$1 OWORD')
    .replace(/^invlpg /, 'invlpg BYTE PTR ')
    .replace(/^((invpcid|v?lddqu) .*)XMMWORD PTR /, '$1');
}

/** Without columns and comments. */
function normal(text: string): string {
  return text
    .replace(/\s+#.*$/, '')
    .replace(/\s+/g, ' ')
    .trim();
}

function bytesText(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ');
}

describe.each([64, 32] as const)('in %i-bit mode', (mode) => {
  const rows = INSTRUCTIONS.filter((r) => (mode === 64 ? r.modes.long64 : r.modes.protected32));

  it.skipIf(!objdump)('every row is what objdump says it is (objdump)', () => {
    const known = rows.filter((row) => !UNKNOWN.some(([pattern]) => pattern.test(row.id)));
    const list = known.flatMap((row) => samples(row, mode));
    const answers = disassemble(list, mode);
    const wrong: string[] = [];
    list.forEach((sample, n) => {
      const answer = answers[n] as { text: string; bytes: string };
      const bytes = bytesText(sample.bytes);
      const text = asObjdump(sample.text(n * SLOT), sample.row, mode);
      if (answer.text !== text || answer.bytes !== bytes) {
        wrong.push(`${sample.row.id}: ${bytes}: ${text} | objdump ${answer.bytes}: ${answer.text}`);
      }
    });
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(new Set(list.map(({ row }) => row))).toEqual(new Set(known));
  });

  it('no two rows have the same text', () => {
    const ids = rows.map((row) => row.id);
    expect(ids.filter((id, n) => ids.indexOf(id) !== n)).toEqual([]);
  });

  it('every row is decoded again to what was encoded', () => {
    const wrong: string[] = [];
    // The hints of 0F 18 have names where ModRM.reg is 0, as it is in the samples.
    for (const row of rows.filter(({ id }) => !/^nop .*0F 18/.test(id))) {
      for (const { bytes, text } of samples(row, mode)) {
        const { instruction, values, length } = decode(bytes, 0, mode) ?? {};
        const got = instruction && values && print(instruction, values, length, mode);
        if (got !== text(0) || length !== bytes.length) {
          wrong.push(`${row.id}: ${bytesText(bytes)}: ${text(0)} | decoded ${length}: ${got}`);
        }
      }
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});

it('rows that objdump does not know are in the table still', () => {
  for (const [pattern] of UNKNOWN) {
    expect(INSTRUCTIONS.some((row) => pattern.test(row.id))).toBe(true);
  }
});

describe('the checked face', () => {
  const asm = new Assembler(64);
  it.each([
    ['a row that the table does not have', () => asm.op('add r64, imm64', 0, 1)],
    ['a register that does not exist', () => asm.op('add r64, r/m64', 16, 0)],
    ['a high byte register in 32-bit mode', () => new Assembler(32).op('mov r8, r/m8', 5, 0)],
    ['an extended register in 32-bit mode', () => new Assembler(32).op('mov r32, r/m32', 8, 0)],
    ['memory in place of a register', () => asm.op('add r64, r/m64', mem(0), 0)],
    ['a register in place of memory', () => asm.op('lea r64, m', 0, 1)],
    ['an immediate too wide', () => asm.op('add r/m64, simm8', 0, 128)],
    ['too few operands', () => asm.op('add r64, r/m64', 0)],
    [
      'RIP-relative memory in 32-bit mode',
      () => new Assembler(32).op('mov r32, r/m32', 0, relative(symbol('s'))),
    ],
  ])('refuses %s', (_, use) => {
    expect(use).toThrow();
  });

  it('refuses to finish while a label is unbound or out of reach', () => {
    const unbound = new Assembler(64);
    unbound.op('jmp rel32', unbound.label());
    expect(() => unbound.finish()).toThrow('not bound');
    const far = new Assembler(64);
    const label = far.label();
    far.op('jmp rel8', label);
    far.bytes(new Uint8Array(128));
    far.bind(label);
    expect(() => far.finish()).toThrow('does not fit');
  });
});

describe('the fast face', () => {
  it('writes the bytes that the checked one writes', () => {
    const checked = new Assembler(64);
    checked.op('add r64, r/m64', 9, 3);
    checked.op('add r/m64, simm8', 12, -5);
    checked.op('mov r64, r/m64', 8, indexed(13, 9, 4, 0x100));
    checked.op('mov r/m8, imm8', mem(6, 1), 7);
    checked.op('push r64', 12);
    checked.op('mov r64, imm64', 1, 0x1122334455667788n);
    checked.op('andn r64, r64, r/m64', 1, 2, 3);
    checked.op('movss xmm, xmm/m32', 9, mem(4, 16));
    checked.op('lea r64, m', 0, relative(symbol('f', 4)));
    checked.op('mfence');
    checked.op('mov r32, r/m32', 3, { ...mem(14, 8), address32: true });
    checked.op('call rel32', symbol('f'));
    const fast = new Emitter();
    fast.rr(form('add r64, r/m64'), 9, 3);
    fast.ri(form('add r/m64, simm8'), 12, -5);
    fast.rm(form('mov r64, r/m64'), 8, 13, 9, 4, 0x100);
    fast.mi(form('mov r/m8, imm8'), 6, -1, 1, 1, 7);
    fast.r(form('push r64'), 12);
    fast.ri64(form('mov r64, imm64'), 1, 0x55667788, 0x11223344);
    fast.rrr(form('andn r64, r64, r/m64'), 1, 2, 3);
    fast.rm(form('movss xmm, xmm/m32'), 9, 4, -1, 1, 16);
    fast.rmSymbol(form('lea r64, m'), 0, 'f', 4);
    fast.none(form('mfence'));
    fast.prefix('address32');
    fast.rm(form('mov r32, r/m32'), 3, 14, -1, 1, 8);
    fast.call('f');
    expect(bytesText(fast.finish())).toBe(bytesText(checked.finish()));
    expect(fast.relocations).toEqual(checked.relocations);
  });

  it('branches with one byte to a bound label that is near, with four to others', () => {
    const asm = new Emitter();
    const [back, ahead] = [asm.label(), asm.label()];
    asm.bind(back);
    asm.jcc(5, back);
    asm.jmp(ahead);
    asm.bytes(new Uint8Array(200));
    asm.jmp(back);
    asm.bind(ahead);
    const bytes = asm.finish();
    expect(bytesText(bytes.subarray(0, 7))).toBe('75 fe e9 cd 00 00 00');
    expect(bytesText(bytes.subarray(207))).toBe('e9 2c ff ff ff');
  });

  it('fills with NOPs up to an alignment', () => {
    const asm = new Emitter();
    asm.none(form('ret'));
    asm.align(16);
    expect(asm.size).toBe(16);
  });
});
