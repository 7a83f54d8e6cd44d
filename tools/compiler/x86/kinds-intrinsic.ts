import { mapList } from '../lists.ts';
import type { FunctionEmitter } from './emit.ts';
import type { Form } from './forms.ts';
import type { Inst, Kind } from './machine.ts';

/** An instruction whose operands are in fixed registers. */
export interface FixedData {
  readonly arguments: readonly number[];
  readonly result: number;
  write(out: FunctionEmitter): void;
}

/** def = the fixed result register, after uses were moved to the fixed argument registers. */
export const FIXED: Kind = {
  name: 'fixed',
  emit(out, inst) {
    const data = inst.data as FixedData;
    out.moves(mapList(inst.useAt, (from, i) => ({ to: data.arguments[i] as number, from })));
    data.write(out);
    const d = inst.defAt[0] ?? -1;
    if (d >= 0) out.move(d, data.result);
  },
};

/** def = uses[0], exchanged with memory. `form`: xchg m, r. */
export const EXCHANGE: Kind = {
  name: 'exchange',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    out.move(d, inst.useAt[0] as number);
    out.address(inst.form as Form, d, inst);
    widen(out, inst, d);
  },
};

/** def = memory, which becomes uses[1] if it was uses[0]; by RAX. `form`: cmpxchg m, r. */
export const COMPARE_EXCHANGE: Kind = {
  name: 'compare-exchange',
  emit(out, inst) {
    const RAX = 0;
    out.move(RAX, inst.useAt[0] as number);
    out.asm.prefix('lock');
    out.address(inst.form as Form, inst.useAt[1] as number, inst);
    widen(out, inst, RAX);
    const d = inst.defAt[0] ?? -1;
    if (d >= 0) out.move(d, RAX);
  },
};

/** `data`: the zero extension of a result narrower than 32 bits. */
function widen(out: FunctionEmitter, inst: Inst, register: number): void {
  if (inst.data !== undefined) out.asm.rr(inst.data as Form, register, register);
}
