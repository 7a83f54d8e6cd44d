import { type Fn, hasEffect, retain, type Value } from './value.ts';

/** Drops what has no effect and whose value nothing needs, and counts the uses of what stays. */
export function removeDeadCode(fn: Fn): void {
  const isLive = new Uint8Array(fn.valueCount);
  const work: Value[] = [];
  const need = (value: Value) => {
    if (isLive[value.id] === 1) return;
    isLive[value.id] = 1;
    value.uses = 0;
    work.push(value);
  };
  const use = (value: Value) => {
    need(value);
    value.uses++;
  };
  for (const block of fn.blocks) {
    for (const value of block.body) if (hasEffect(value.op)) need(value);
    if (block.control) use(block.control);
    for (const result of block.results) use(result);
  }
  for (let value = work.pop(); value; value = work.pop()) for (const arg of value.args) use(arg);
  const isKept = ({ id }: Value) => isLive[id] === 1;
  for (const block of fn.blocks) {
    retain(block.phis, isKept);
    retain(block.body, isKept);
  }
}
