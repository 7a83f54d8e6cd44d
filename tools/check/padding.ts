import { instructionAt, textOf } from './instruction.ts';
import type { Program, Segment, Violation } from './program.ts';

/** Instructions between functions that do nothing, or end what would run into them. */
const HARMLESS = new Set(['nop', 'ud', 'int3']);

/** Whatever is executable belongs to a function or the shim, or is padding. */
export function checkPadding({ memory, functions, shim }: Program): Violation[] {
  return memory.segments
    .filter(({ executable, start }) => executable && start !== shim?.start)
    .flatMap((segment) => {
      const violations: Violation[] = [];
      let at = segment.start;
      for (const { start, end } of functions) {
        if (end <= segment.start || start >= segment.start + segment.size) continue;
        violations.push(...judge(segment, at, start));
        at = end;
      }
      return [...violations, ...judge(segment, at, segment.start + segment.size)];
    });
}

function judge({ start, bytes }: Segment, from: number, to: number): Violation[] {
  const code = bytes.subarray(0, Math.max(0, to - start));
  for (let at = from; at < to; ) {
    if ((code[at - start] ?? 0) === 0) {
      at++;
      continue;
    }
    const instruction = instructionAt(code, start, at - start);
    if (typeof instruction === 'string')
      return [{ rule: 'code outside of functions', address: at }];
    if (!HARMLESS.has(instruction.row.effect.name)) {
      return [{ rule: 'code outside of functions', address: at, text: textOf(instruction) }];
    }
    at = instruction.next;
  }
  return [];
}
