import type { Instruction, Operand } from '../../../spec/x86/instruction.ts';
import { isMemory, isSymbol, type Memory, NONE, type Value } from './operand.ts';

const LOW = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const LOW_BYTES = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

const POINTERS: Record<number, string> = {
  8: 'BYTE PTR ',
  16: 'WORD PTR ',
  32: 'DWORD PTR ',
  48: 'FWORD PTR ',
  64: 'QWORD PTR ',
  80: 'TBYTE PTR ',
  128: 'XMMWORD PTR ',
};

/** Name of general-purpose register `number` at a width of 8, 16, 32 or 64 bits. */
export function registerName(number: number, width: number): string {
  if (number > 7) return `r${number}${{ 8: 'b', 16: 'w', 32: 'd' }[width] ?? ''}`;
  if (width === 8) return LOW_BYTES[number] ?? '?';
  return `${{ 16: '', 32: 'e' }[width] ?? 'r'}${LOW[number]}`;
}

/**
 * An instruction in Intel syntax, as objdump writes it. `values`: one for each operand that the opcode
 * does not imply. `next` is the address of the next instruction, from which branches count; `mode`
 * decides the width of addresses.
 */
export function print(
  instruction: Instruction,
  values: readonly Value[],
  next = 0,
  mode: 32 | 64 = 64,
): string {
  let used = 0;
  const texts = instruction.operands.map((operand) => {
    if (operand.kind === 'one') return '1';
    if (operand.kind === 'fixed') return fixed(operand);
    const value = values[used++] as Value;
    if (operand.kind !== 'far') return printValue(instruction, operand, value, next, mode);
    return `${hex(BigInt(values[used++] as number))}:${hex(BigInt(value as number))}`;
  });
  return `${instruction.mnemonic} ${texts.join(',')}`.trim();
}

function fixed(operand: Operand): string {
  return operand.file === 'gpr' ? registerName(operand.fixed ?? 0, operand.width) : operand.text;
}

function printValue(
  { effect, encoding }: Instruction,
  operand: Operand,
  value: Value,
  next: number,
  mode: 32 | 64,
): string {
  if (isMemory(value)) return pointer(operand) + printMemory(value, mode);
  if (typeof value === 'object' && isSymbol(value)) return symbolText(value.symbol, value.addend);
  switch (operand.kind) {
    case 'register':
    case 'rm':
      return register(operand, Number(value));
    case 'relative':
      return hex(BigInt.asUintN(encoding.operandSize || mode, BigInt(next) + BigInt(value)));
    case 'offset':
      return `ds:${hex(BigInt.asUintN(mode, BigInt(value)))}`;
    default: {
      const width = operand.signed ? effect.width : operand.width;
      return hex(BigInt.asUintN(width, BigInt(value)));
    }
  }
}

function register(operand: Operand, number: number): string {
  switch (operand.file) {
    case 'xmm':
      return `xmm${number}`;
    case 'segment':
      return SEGMENTS[number] ?? '?';
    case 'control':
      return `cr${number}`;
    case 'debug':
      return `dr${number}`;
    default:
      return registerName(number, operand.width);
  }
}

function pointer(operand: Operand): string {
  // Descriptor-table operands and whole save areas have no size of their own.
  return operand.text.includes('&') ? '' : (POINTERS[operand.memory] ?? '');
}

function printMemory(at: Memory, mode: 32 | 64): string {
  const width = at.address32 ? 32 : mode;
  const segment = at.segment === NONE ? '' : `${SEGMENTS[at.segment]}:`;
  const target = at.symbol ?? (at.label === undefined ? undefined : `label${at.label}`);
  if (at.relative) {
    const from = target || !at.displacement ? `+${target || '0x0'}` : '';
    return `${segment}[rip${symbolText(from, at.displacement)}]`;
  }
  const parts: string[] = [];
  if (at.base !== NONE) parts.push(registerName(at.base, width));
  if (at.index !== NONE) parts.push(`${registerName(at.index, width)}*${at.scale}`);
  if (target !== undefined) parts.push(target);
  if (parts.length === 0) {
    return `${segment || 'ds:'}${hex(BigInt.asUintN(width, BigInt(at.displacement)))}`;
  }
  const { displacement } = at;
  // A displacement that is encoded is shown, and a base of rbp or r13 or none always has one.
  const always = target === undefined && (at.base === NONE || (at.base & 7) === 5);
  const tail =
    displacement === 0 && !always
      ? ''
      : `${displacement < 0 ? '-' : '+'}${hex(BigInt(Math.abs(displacement)))}`;
  return `${segment}[${parts.join('+')}${tail}]`;
}

function symbolText(name: string, addend: number): string {
  return addend === 0 ? name : `${name}${addend < 0 ? '-' : '+'}${hex(BigInt(Math.abs(addend)))}`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
