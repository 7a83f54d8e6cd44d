import { type Fn, mapOperands, resolve, type Value } from './value.ts';

/** Removes phis that only ever stand for one value, until none is left, and resolves all operands. */
export function removeTrivialPhis(fn: Fn): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of fn.blocks) {
      if (block.phis.length === 0) continue;
      const kept = block.phis.filter((phi) => {
        phi.replacement = onlyValue(phi);
        return phi.replacement === undefined;
      });
      if (kept.length === block.phis.length) continue;
      block.phis = kept;
      changed = true;
    }
  }
  for (const block of fn.blocks) mapOperands(block, resolve);
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
