import { Cc } from './forms.ts';
import { type Comparison, emitComparison } from './kinds-compare.ts';
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

/** To a successor by a table that uses[0] is the index of. `data`: case -> successor. */
export const SWITCH: Kind = {
  name: 'switch',
  emit(out, inst) {
    out.jumpTable(inst.useAt[0] as number, inst.data as readonly number[]);
  },
};

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
