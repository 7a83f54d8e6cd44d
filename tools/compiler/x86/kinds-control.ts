import type { FunctionEmitter } from './emit.ts';
import { Cc, CMP, TEST } from './forms.ts';
import { type Comparison, emitComparison } from './kinds-compare.ts';
import { aluImmediate } from './kinds-integer.ts';
import type { Kind } from './machine.ts';

/** To the block's only successor. */
export const JUMP: Kind = {
  name: 'jump',
  emit(out) {
    out.jump(0);
  },
};

/** To successor 0 if the comparison holds, else to 1. `data`: Comparison. */
export const BRANCH: Kind = {
  name: 'branch',
  emit(out, inst) {
    const c = inst.data as Comparison;
    emitComparison(out, inst, c);
    if (c.parity === 'and-ordered') {
      out.jumpIf(Cc.P, 1);
      out.branch(c.cc);
    } else if (c.parity === 'or-unordered') {
      out.jumpIf(Cc.P, 0);
      out.branch(c.cc);
    } else {
      out.branch(c.cc);
    }
  },
};

/** Up to so many cases are told apart by comparisons: an indirect jump is harder to predict. */
export const MOST_COMPARISONS = 4;

/**
 * To the successor for what uses[0] is, by comparisons or a table. `data`: by number, from `imm` on, the
 * successor, and last that for all others; `imm` is 0 where there is a table.
 */
export const SWITCH: Kind = {
  name: 'switch',
  emit(out, inst) {
    const [register, cases] = [inst.useAt[0] as number, inst.data as readonly number[]];
    if (cases.length > MOST_COMPARISONS + 1) out.jumpTable(register, cases);
    else compareCases(out, register, cases, inst.imm);
  },
};

function compareCases(
  out: FunctionEmitter,
  register: number,
  cases: readonly number[],
  first: number,
): void {
  const otherwise = cases.at(-1) as number;
  const last = cases.findLastIndex((way) => way !== otherwise);
  for (let i = 0; i <= last; i++) {
    const way = cases[i] as number;
    if (way === otherwise) continue;
    const number = (first + i) | 0;
    if (number === 0) out.asm.rr(TEST[32].mr, register, register);
    else aluImmediate(out, CMP[32], register, number);
    if (i === last && out.isNext(way)) {
      out.jumpIf(Cc.NE, otherwise);
      return;
    }
    out.jumpIf(Cc.E, way);
  }
  out.jump(otherwise);
}

export const TRAP: Kind = {
  name: 'trap',
  emit(out, inst) {
    out.trapHere('unreachable', inst.offset);
  },
};

/** Leaves the function; `useHints`: where the results go (stack results in `data`). */
export const RETURN: Kind = {
  name: 'return',
  emit(out, inst) {
    out.leave(inst);
  },
};
