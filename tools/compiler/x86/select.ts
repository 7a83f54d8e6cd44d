import type { Context } from '../ir/context.ts';
import { type Block, Exit, type Fn, type Value } from '../ir/value.ts';
import { Op } from '../wasm/opcodes.ts';
import type { ConstantPool } from './constants.ts';
import { JUMP, MOST_COMPARISONS, RETURN, SWITCH, TRAP } from './kinds-control.ts';
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
    case Exit.SWITCH:
      selectSwitch(s, block.control as Value, block.cases);
      return;
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

function selectSwitch(s: Selector, control: Value, cases: readonly number[]): void {
  const inst = s.inst(SWITCH);
  inst.data = cases;
  if (cases.length > MOST_COMPARISONS + 1) {
    inst.uses = [s.use(control, Use.REGISTER)];
  } else {
    // What is compared with constants need not be brought to zero first.
    const [x, added] = control.args;
    const isSum = control.op === Op.I32_ADD && control.uses === 1 && added?.op === Op.I32_CONST;
    inst.uses = [s.use32(isSum ? (x as Value) : control, Use.REGISTER)];
    inst.imm = isSum ? -added.imm : 0;
  }
  s.emit(inst);
}
