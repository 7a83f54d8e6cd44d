import { mapList } from '../lists.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { type Fn, isComparison, isConstant, resolve, type Value } from './value.ts';

/** x < y, unsigned, or the opposite of that. */
export interface Below {
  readonly x: Value;
  readonly y: Value;
  readonly isOpposite: boolean;
}

/** A condition as what the borrow of one subtraction answers, if it can be put so: x = 0 is x < 1. */
export function belowOf(fn: Fn, { op, args }: Value): Below | undefined {
  const [x, y] = mapList(args, resolve) as [Value, Value];
  const one = () => (x.type === Type.I64 ? fn.i64(1n) : fn.i32(1));
  switch (op) {
    case Op.I32_EQZ:
    case Op.I64_EQZ:
      return isComparison(x.op) ? undefined : { x, y: one(), isOpposite: false };
    case Op.I32_NE:
    case Op.I64_NE:
      return isZero(y) ? { x, y: one(), isOpposite: true } : undefined;
    case Op.I32_LT_U:
    case Op.I64_LT_U:
      return { x, y, isOpposite: false };
    case Op.I32_GE_U:
    case Op.I64_GE_U:
      return { x, y, isOpposite: true };
    case Op.I32_GT_U:
    case Op.I64_GT_U:
      return above(fn, x, y, false);
    case Op.I32_LE_U:
    case Op.I64_LE_U:
      return above(fn, x, y, true);
    default:
      return undefined;
  }
}

/** x > y is y < x, or not x < y + 1 for a constant y. */
function above(fn: Fn, x: Value, y: Value, isOpposite: boolean): Below | undefined {
  if (!isConstant(y)) return { x: y, y: x, isOpposite };
  if (y.op === Op.I64_CONST) {
    return y.bits === -1n ? undefined : { x, y: fn.i64(y.bits + 1n), isOpposite: !isOpposite };
  }
  return y.imm === -1 ? undefined : { x, y: fn.i32(y.imm + 1), isOpposite: !isOpposite };
}

function isZero({ op, imm, bits }: Value): boolean {
  return (op === Op.I32_CONST && imm === 0) || (op === Op.I64_CONST && bits === 0n);
}
