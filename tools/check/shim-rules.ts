import { EXIT_PORT } from '../../spec/abi/platform.ts';
import * as Cpu from '../../spec/cpu.ts';
import * as Msr from '../../spec/msr.ts';
import type { Instruction } from './instruction.ts';
import type { Shim } from './program.ts';
import { isConstant, type Range } from './range.ts';
import type { ShimState } from './shim-state.ts';

const [EAX, ECX, EDX, EBX] = [0, 1, 2, 3];

const words = (text: string) => text.trim().split(/\s+/);

/** Instructions that do nothing but to their operands and flags. */
const PLAIN = new Set(
  words(`mov add sub and or xor cmp test shl shr ror lea imul3 nop push pop jcc jmp jmpFar call ret ud
    cli popf fninit ldmxcsr movToSegment lldt ltr lgdt lidt movToControl movFromControl`),
);

/** Those that write registers which their operands do not name. */
const IMPLIED: Readonly<Record<string, readonly number[]>> = {
  cpuid: [EAX, EBX, ECX, EDX],
  rdmsr: [EAX, EDX],
  wrmsr: [],
  rdtsc: [EAX, EDX],
  rdrand: [EAX],
  vmgexit: [],
  out: [],
  hlt: [],
  xsetbv: [],
};

/** Registers that an instruction writes beside its operands; undefined for one the shim has no use for. */
export function impliedBy({ row }: Instruction): readonly number[] | undefined {
  return PLAIN.has(row.effect.name) ? [] : IMPLIED[row.effect.name];
}

/** Model-specific registers that the shim reads, and those that it writes. */
const READ = [Msr.SEV_STATUS, Msr.GHCB, Msr.EFER];
const WRITTEN = [Msr.GHCB, Msr.EFER];

/** What an instruction does to the machine that the shim has no business to do; undefined if nothing. */
export function misuse(
  { row, decoded, operands }: Instruction,
  state: ShimState,
  shim: Shim,
): string | undefined {
  const held = (register: number) => state.registers[register] as Range;
  const isOneOf = (register: number, values: readonly number[]) => {
    const value = held(register);
    return isConstant(value) && values.includes(value.least);
  };
  switch (row.effect.name) {
    case 'rdmsr':
      return isOneOf(ECX, READ) ? undefined : 'the shim reads another MSR than its own';
    case 'wrmsr':
      return isOneOf(ECX, WRITTEN) ? undefined : 'the shim writes another MSR than its own';
    case 'out':
      return isOneOf(EDX, [EXIT_PORT]) ? undefined : 'the shim writes to another port than its own';
    case 'movToControl': {
      const [source] = operands;
      const value = source?.kind === 'register' ? held(source.number) : undefined;
      return misusedControl(Number(decoded.values[0]), value, shim);
    }
    default:
      return undefined;
  }
}

function misusedControl(number: number, value: Range | undefined, { root }: Shim) {
  const known = value && isConstant(value) ? value.least : undefined;
  if (number === 3) return known === root ? undefined : 'other page tables than those of the image';
  if (number === 4) return undefined;
  const needed = Cpu.CR0_PE | Cpu.CR0_WP;
  const isGood = number === 0 && known !== undefined && (known & needed) === needed;
  return isGood ? undefined : 'a control register without protection';
}
