import { Op, Type } from '../wasm/opcodes.ts';

/** Operations on tables and references: number of operands and type of the result. */
export const REFERENCE_OPERATIONS: ReadonlyMap<number, readonly [number, number]> = new Map([
  [Op.REF_FUNC, [0, Type.I64]],
  [Op.TABLE_GET, [1, Type.I64]],
  [Op.TABLE_SET, [2, 0]],
  [Op.TABLE_SIZE, [0, Type.I32]],
  [Op.TABLE_GROW, [2, Type.I32]],
  [Op.TABLE_FILL, [3, 0]],
]);
