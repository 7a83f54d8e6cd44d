import type { Context } from '../ir/context.ts';
import { type Block, Exit, type Fn, type Value } from '../ir/value.ts';
import type { ConstantPool } from './constants.ts';
import { JUMP, RETURN, SWITCH, TRAP } from './kinds-control.ts';
import { type MachineFn, Use } from './machine.ts';
import { ATOMIC_RULES } from './select-atomic.ts';
import { CALL_RULES, selectParams, selectReturn, selectTailCall } from './select-call.ts';
import { CONTROL_RULES, selectBranch } from './select-control.ts';
import { FLOAT_RULES } from './select-float.ts';
import { INTEGER_RULES } from './select-integer.ts';
import { MEMORY_RULES } from './select-memory.ts';
import { TABLE_RULES } from './select-table.ts';
import { VECTOR_RULES } from './select-vector.ts';
import { type Rules, Selector } from './selector.ts';
import type { Target } from './target.ts';

const RULES: Rules = {
  byOp: new Map([
    ...INTEGER_RULES,
    ...MEMORY_RULES,
    ...FLOAT_RULES,
    ...CALL_RULES,
    ...CONTROL_RULES,
    ...TABLE_RULES,
    ...VECTOR_RULES,
    ...ATOMIC_RULES,
  ]),
  exit: selectExit,
  params: selectParams,
};

/** Chooses machine instructions for a function. */
export function select(
  fn: Fn,
  context: Context,
  target: Target,
  constants: ConstantPool,
): MachineFn {
  return new Selector(fn, context, target, constants, RULES).run();
}

function selectExit(s: Selector, block: Block): void {
  switch (block.exit) {
    case Exit.JUMP:
      s.emit(s.inst(JUMP));
      return;
    case Exit.BRANCH:
      selectBranch(s, block.control as Value);
      return;
    case Exit.SWITCH: {
      const inst = s.inst(SWITCH);
      inst.uses = [s.use(block.control as Value, Use.REGISTER)];
      inst.data = block.cases;
      s.emit(inst);
      return;
    }
    case Exit.TAIL_CALL:
      s.offset = block.offset;
      selectTailCall(s, block.body.at(-1) as Value);
      return;
    case Exit.RETURN:
      s.emit(selectReturn(s, s.inst(RETURN), block.results));
      return;
    default:
      s.emit(s.inst(TRAP));
  }
}
