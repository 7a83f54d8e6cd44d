import type { Instruction, MemoryOperand } from './instruction.ts';
import type { Shim } from './program.ts';
import { constant, isConstant, moved, type Range } from './range.ts';
import type { ShimState } from './shim-state.ts';

const ESP = 4;
const ENTRY_SIZE = 8;
const HIGH_HALF = 4;

/** Instructions of the shim that leave their first operand as it is. */
const ONLY_READ = new Set(
  `cmp test nop push jcc jmp jmpFar call ret ud cli popf fninit ldmxcsr movToSegment lldt ltr lgdt
   lidt movToControl out wrmsr vmgexit hlt xsetbv`.split(/\s+/),
);

/** Bytes of the shim's own page that it writes. */
export interface Written {
  readonly start: number;
  readonly end: number;
  readonly instruction: Instruction;
}

/** The register that an instruction's first operand is, if it writes it. */
export function writtenBy({ row, operands }: Instruction): number | undefined {
  const [first] = operands;
  if (ONLY_READ.has(row.effect.name)) return undefined;
  return first?.kind === 'register' && first.file === 'gpr' ? first.number : undefined;
}

/**
 * What is wrong with where an instruction writes; undefined if nothing is. Writes to the shim's own page
 * are added to `written`: no instruction may lie there.
 */
export function writeError(
  shim: Shim,
  instruction: Instruction,
  state: ShimState,
  written: Written[],
): string | undefined {
  const { row, operands, mode } = instruction;
  const [operand] = operands;
  if (operand?.kind !== 'memory' || ONLY_READ.has(row.effect.name)) return undefined;
  if (mode !== 32 || state.paging !== false) return 'a store of the shim with paging on';
  const { at, size } = operand;
  if (at.index >= 0) return UNPROVEN;
  if (at.base === ESP) {
    const isOwn = state.depth !== undefined && state.depth + at.displacement + size <= 0;
    const place = moved(state.stackPointer, at.displacement);
    return isOwn ? stackWriteError(shim, place, 0) : UNPROVEN;
  }
  const place = placeOf(operand, state);
  if (!isConstant(place)) return tableWriteError(shim, instruction, place);
  const { least: start } = place;
  if (start >= shim.start && start + size <= shim.end) {
    written.push({ start, end: start + size, instruction });
    return undefined;
  }
  const { stack } = shim;
  const isStack = start < stack.end && start + size > stack.start;
  const isData = [start, start + size - 1].every((each) => shim.frameAt(each) === 'data');
  return isData && !isStack ? undefined : tableWriteError(shim, instruction, place);
}

const UNPROVEN = 'a store that is not shown to go to data, the stack or the page tables';

function placeOf({ at }: MemoryOperand, state: ShimState): Range {
  const base = at.base < 0 ? constant(0) : (state.registers[at.base] as Range);
  return moved(base, at.displacement);
}

/** All that the shim changes in page tables are high halves of entries, by setting bits: the C-bit. */
function tableWriteError(
  shim: Shim,
  { row, operands }: Instruction,
  { least, most, step }: Range,
): string | undefined {
  const [operand] = operands;
  const isHigh = least % ENTRY_SIZE === HIGH_HALF && step % ENTRY_SIZE === 0;
  if (row.effect.name !== 'or' || operand?.kind !== 'memory' || operand.size !== 4 || !isHigh) {
    return UNPROVEN;
  }
  for (let at = least; at <= most; at += ENTRY_SIZE) {
    if (shim.frameAt(at) !== 'tables') return UNPROVEN;
  }
  return undefined;
}

/** What is wrong with a store to the stack: below it or, but for `reserve` bytes, at its end. */
export function stackWriteError(
  { stack }: Shim,
  { least, most }: Range,
  reserve: number,
): string | undefined {
  const isWithin = least >= stack.start + reserve && most + 4 <= stack.end;
  return isWithin ? undefined : 'a store that is not shown to lie within the stack';
}
