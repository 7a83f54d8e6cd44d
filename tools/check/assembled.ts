import { Assembler } from '../compiler/x86/assembler.ts';
import type { Label } from '../compiler/x86/operand.ts';
import { checkProgram } from './check.ts';
import { Memory, type Program } from './program.ts';
import { printViolation } from './report.ts';

const TEXT = 0x1000_0000;
const DATA = 0x1100_0000;
const RECORD = DATA;

/** For tests: what is wrong with the code of one function `f` of a sandbox, which `write` writes. */
export function violationsOf(write: (asm: Assembler, done: Label) => void): string[] {
  const asm = new Assembler(64);
  const done = asm.label();
  write(asm, done);
  asm.bind(done);
  asm.op('ret');
  const text = asm.finish().slice();
  const compartment = { name: 'm', kind: 'sandbox', number: 0, record: RECORD } as const;
  const segment = { writable: false, executable: false };
  const program: Program = {
    kind: 'executable',
    memory: new Memory([
      { ...segment, start: TEXT, size: text.length, bytes: text, executable: true },
      { ...segment, start: DATA, size: 64, bytes: new Uint8Array(64), writable: true },
    ]),
    functions: [{ name: 'm!f', start: TEXT, end: TEXT + text.length, compartment }],
    compartments: [compartment],
    intercepts: new Map(),
    guarded: [],
    shared: new Set(),
    roots: [],
    broken: [],
    shim: undefined,
  };
  return checkProgram(program).violations.map(printViolation);
}
