import type { FunctionEmitter } from './emit.ts';
import type { Constant, Inst, Kind } from './machine.ts';

/** Puts a constant into a register. `data`: Constant. */
export const LOAD_CONSTANT: Kind = {
  name: 'const',
  emit(out: FunctionEmitter, inst: Inst) {
    out.loadConstant(inst.defAt[0] as number, inst.data as Constant);
  },
};
