import type { Listed } from './analysis.ts';
import { type Instruction, textOf } from './instruction.ts';
import type { Program, Shim, Violation } from './program.ts';
import { ShimWalk } from './shim-walk.ts';

/** What was found of the code that runs before the kernel. */
export interface ShimReport {
  /** Entries, routines and handlers of exceptions. */
  readonly routines: number;
  readonly instructions: number;
  /** Privileged and intercepted instructions. */
  readonly listed: readonly Listed[];
  readonly violations: readonly Violation[];
}

/**
 * Proves of the shim that control stays within it until it calls the kernel, that it writes to data, its
 * stack and the C-bits of page tables alone, and touches no control register, MSR or port but its own.
 */
export function checkShim(program: Program, shim: Shim): ShimReport {
  const walk = new ShimWalk(program, shim);
  walk.run();
  const instructions = [...walk.instructions.values()].sort((a, b) => a.address - b.address);
  const unusual = instructions.filter(({ row }) => row.cpl0 || row.intercept !== undefined);
  return {
    routines: walk.routines,
    instructions: instructions.length,
    listed: unusual.map((each) => ({
      address: each.address,
      text: textOf(each),
      name: 'the shim',
    })),
    violations: [
      ...walk.violations.values(),
      ...overlaps(instructions),
      ...walk.written
        .filter(({ start, end }) =>
          instructions.some(({ address, next }) => address < end && next > start),
        )
        .map(({ instruction }) => broken('a store to an instruction', instruction)),
    ],
  };
}

function overlaps(instructions: readonly Instruction[]): Violation[] {
  return instructions.flatMap((each, i) => {
    const previous = instructions[i - 1];
    const isBroken = previous !== undefined && previous.next > each.address;
    return isBroken ? [broken('a jump into the middle of an instruction', each)] : [];
  });
}

function broken(rule: string, instruction: Instruction): Violation {
  const { address } = instruction;
  return { rule, address, text: textOf(instruction), name: 'the shim' };
}
