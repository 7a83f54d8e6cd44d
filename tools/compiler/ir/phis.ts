import { type Block, type Fn, mapOperands, resolve, type Value } from './value.ts';

/** Removes phis that only ever stand for one value, until none is left, and resolves all operands. */
export function removeTrivialPhis(fn: Fn): void {
  // What one phi's removal makes of another one further on is seen in the same walk, but not at loops' tops.
  const headers = fn.blocks.filter(({ isLoopHeader }) => isLoopHeader);
  do for (const block of fn.blocks) removeFrom(block);
  while (headers.some(removeFrom));
  for (const block of fn.blocks) mapOperands(block, resolve);
}

/** Whether a phi of the block could be removed. */
function removeFrom(block: Block): boolean {
  if (block.phis.length === 0) return false;
  const kept = block.phis.filter((phi) => {
    phi.replacement = onlyValue(phi);
    return phi.replacement === undefined;
  });
  const isChanged = kept.length < block.phis.length;
  if (isChanged) block.phis = kept;
  return isChanged;
}

function onlyValue(phi: Value): Value | undefined {
  let only: Value | undefined;
  for (const arg of phi.args) {
    const value = resolve(arg);
    if (value === phi || value === only) continue;
    if (only) return undefined;
    only = value;
  }
  return only;
}
