import type { Instruction, Operand } from '../../../spec/x86/instruction.ts';
import { Assembler } from './assembler.ts';
import {
  absolute,
  indexed,
  type Memory,
  mem,
  NONE,
  relative,
  symbol,
  type Value,
} from './operand.ts';
import { print } from './print.ts';

/** Rows of the table with operands, for tests against other assemblers and disassemblers. */
export interface Sample {
  readonly row: Instruction;
  readonly bytes: Uint8Array;
  /** What it is when it stands at an address. */
  readonly text: (address: number) => string;
}

const LOW = { reg: 1, rm: 3, vvvv: 2, opcode: 3 };
const HIGH = { reg: 9, rm: 11, vvvv: 10, opcode: 12 };
const MIXED = { reg: 14, rm: 6, vvvv: 5, opcode: 7 };
const OTHER = { reg: 5, rm: 13, vvvv: 12, opcode: 8 };
type Registers = typeof LOW;

/** All ways to make an address, each by its own form of ModRM and SIB. */
function addresses(mode: 32 | 64): Memory[] {
  const common = [
    mem(0),
    mem(2, 0x12),
    mem(3, -0x80),
    mem(6, 0x12345678),
    mem(4),
    mem(4, 8),
    mem(5),
    mem(5, 0x1234),
    indexed(0, 1, 4, 8),
    indexed(5, 2, 1),
    indexed(3, 5, 8, -0x1234),
    indexed(4, 0, 2),
    indexed(NONE, 7, 8, 0x1000),
    absolute(0x12345678),
    { ...mem(0, 4), segment: 5 },
  ];
  if (mode === 32) return common;
  return [
    ...common,
    mem(12),
    mem(12, 0x7f),
    mem(13),
    mem(13, -1),
    mem(15, 0x80),
    indexed(12, 13, 1, 0x40),
    indexed(13, 12, 4),
    indexed(0, 9, 2, 0x7fffffff),
    indexed(8, 4 + 8, 8),
    absolute(-0x1000),
    { ...mem(1, 0x10), address32: true },
    { ...indexed(9, 10, 4, -4), address32: true },
    { ...mem(8), segment: 4 },
  ];
}

function registerOf(operand: Operand, registers: Registers, mode: 32 | 64): number {
  const number = registers[operand.place as keyof Registers];
  if (operand.file === 'segment') return number % 6 === 1 ? 3 : number % 6;
  if (operand.file === 'control')
    return mode === 64 && number > 7 ? 8 : ([0, 2, 3, 4][number % 4] ?? 0);
  if (operand.file === 'debug') return number % 8;
  if (mode === 32) return operand.width === 8 ? number % 4 : number % 8;
  return number;
}

function sampleOf(operand: Operand, registers: Registers, high: boolean, mode: 32 | 64): Value {
  if (operand.kind === 'offset') return mode === 64 ? 0x1122334455667788n : 0x11223344;
  if (operand.place !== 'immediate') return registerOf(operand, registers, mode);
  if (operand.kind === 'far') return high ? 0x10 : 0x1234;
  const width = BigInt(operand.width);
  if (operand.signed) return high ? -(1n << (width - 1n)) : (1n << (width - 1n)) - 1n;
  return high ? (1n << width) - 1n : 1n;
}

/** One sample for each choice of registers, and one for each address if the row can have memory. */
export function samples(row: Instruction, mode: 32 | 64): Sample[] {
  const wanted = row.operands
    .filter((o) => o.place !== 'none')
    .flatMap((o) => (o.kind === 'far' ? [o, o] : [o]));
  const memory = wanted.findIndex((o) => o.place === 'rm' && o.kind !== 'register');
  const out: Sample[] = [];
  const add = (values: Value[]) => {
    const asm = new Assembler(mode);
    // Branches go to an address, which a label stands for.
    const target = wanted.findIndex((o) => o.kind === 'relative');
    let next = 0;
    if (target >= 0) {
      const label = asm.label();
      if (values[target] === 0n) asm.bind(label);
      asm.op(row.id, ...values.map((value, n) => (n === target ? label : value)));
      next = asm.size;
      if (values[target] !== 0n) asm.bind(label);
      values = values.map((value, n) => (n === target ? (value === 0n ? -next : 0) : value));
    } else asm.op(row.id, ...values);
    const bytes = asm.finish().slice();
    out.push({ row, bytes, text: (at) => print(row, values, at + next, mode) });
  };
  const sets = mode === 64 ? [LOW, HIGH, MIXED, OTHER] : [LOW, MIXED];
  sets.forEach((set, n) => {
    const values = wanted.map((o) => sampleOf(o, set, n % 2 === 1, mode));
    if (wanted.some((o) => o.kind === 'relative')) values[0] = n % 2 === 0 ? 0n : 1n;
    if (memory < 0 || wanted[memory]?.kind === 'rm') add(values);
  });
  if (memory >= 0) {
    addresses(mode).forEach((address, n) => {
      const set = sets[n % sets.length] as Registers;
      const values = wanted.map((o) => sampleOf(o, set, n % 2 === 1, mode));
      values[memory] = address;
      add(values);
    });
    if (mode === 64) out.push(ripRelative(row, wanted, memory));
  }
  return out;
}

/** The row with [rip + …] up to a label 0x20 bytes after the instruction. */
function ripRelative(row: Instruction, wanted: readonly Operand[], memory: number): Sample {
  const asm = new Assembler(64);
  const target = asm.label();
  const values = wanted.map((o) => sampleOf(o, HIGH, true, 64));
  values[memory] = relative(target);
  asm.op(row.id, ...values);
  const { size } = asm;
  asm.bytes(new Uint8Array(0x20));
  asm.bind(target);
  const bytes = asm.finish().slice(0, size);
  values[memory] = relative(symbol('', 0x20));
  return { row, bytes, text: () => print(row, values) };
}
