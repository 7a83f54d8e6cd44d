import { type Below, belowOf } from '../ir/below.ts';
import { isComparison, isConstant, type Value } from '../ir/value.ts';
import { Op } from '../wasm/opcodes.ts';
import { ADC, SBB } from './forms.ts';
import { ADD_CARRY, type CarryData } from './kinds-compare.ts';
import { Use } from './machine.ts';
import { compareBelow } from './select-control.ts';
import { type Selector, widthOf } from './selector.ts';

/**
 * A value plus or minus a condition, which is 0 or 1, by the carry that the comparison leaves. Answers
 * whether it could be done so.
 *
 * @param value an addition or a subtraction
 */
export function selectWithCarry(s: Selector, value: Value): boolean {
  const [a, b] = value.args as [Value, Value];
  const isSubtraction = value.op === Op.I32_SUB || value.op === Op.I64_SUB;
  const onRight = carryOf(s, b);
  const below = onRight ?? (isSubtraction ? undefined : carryOf(s, a));
  const other = onRight ? a : b;
  if (!below || isConstant(other)) return false;
  const inst = s.inst(ADD_CARRY);
  const comparison = compareBelow(s, inst, below.x, below.y, widthOf(below.x.type));
  const uses = [...inst.uses];
  const width = widthOf(value.type);
  const position = uses.push(width === 64 ? s.use(other, Use.ANY) : s.use32(other, Use.ANY)) - 1;
  inst.uses = uses;
  inst.sharedUse = position;
  inst.defs = [s.def(value)];
  // x + 1 - carry where the condition is the carry's opposite.
  const adds = isSubtraction === below.isOpposite;
  inst.data = {
    comparison,
    position,
    forms: (adds ? ADC : SBB)[width],
    imm: below.isOpposite ? -1 : 0,
  } satisfies CarryData;
  s.emit(inst);
  return true;
}

/** What subtraction leaves a condition in the carry, if it is one and nobody else wants it. */
function carryOf(s: Selector, value: Value): Below | undefined {
  if (value.op === Op.I64_EXTEND_I32_U) {
    return value.uses === 1 ? carryOf(s, value.args[0] as Value) : undefined;
  }
  if (!isComparison(value.op) || value.uses !== 1 || value.block !== s.block) return undefined;
  const below = belowOf(s.fn, value);
  return below && !isConstant(below.x) ? below : undefined;
}
