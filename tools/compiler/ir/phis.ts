import { type Block, type Fn, Ir, mapOperands, resolve, retain, type Value } from './value.ts';

/**
 * Removes phis that nothing needs: wherever locals differ there is one to begin with, and where ways
 * meet most locals have been read for the last time.
 */
export function removeDeadPhis(fn: Fn): void {
  const isLive = new Uint8Array(fn.valueCount);
  const work: Value[] = [];
  const mark = (operand: Value) => {
    const value = resolve(operand);
    if (value.op !== Ir.PHI || isLive[value.id] === 1) return;
    isLive[value.id] = 1;
    work.push(value);
  };
  for (const { body, control, results } of fn.blocks) {
    for (const { args } of body) for (const arg of args) mark(arg);
    if (control) mark(control);
    for (const result of results) mark(result);
  }
  for (let phi = work.pop(); phi; phi = work.pop()) for (const arg of phi.args) mark(arg);
  for (const block of fn.blocks) {
    retain(block.phis, ({ id }) => isLive[id] === 1);
  }
}

/** Removes phis that only ever stand for one value, until none is left, and resolves all operands. */
export function removeTrivialPhis(fn: Fn): void {
  // What one phi's removal makes of another one further on is seen in the same walk, but not at loops' tops.
  const headers = fn.blocks.filter(({ isLoopHeader }) => isLoopHeader);
  let isChanged = false;
  do for (const block of fn.blocks) if (removeFrom(block)) isChanged = true;
  while (headers.some(removeFrom));
  if (isChanged) for (const block of fn.blocks) mapOperands(block, resolve);
}

/** Whether a phi of the block could be removed. */
function removeFrom(block: Block): boolean {
  const before = block.phis.length;
  retain(block.phis, (phi) => {
    phi.replacement = onlyValue(phi);
    return phi.replacement === undefined;
  });
  return block.phis.length < before;
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
