import { type Fn, hasEffect, retain, type Value } from './value.ts';

/** Drops what has no effect and whose value nothing needs, and counts the uses of what stays. */
export function removeDeadCode(fn: Fn): void {
  const live = new Uint8Array(fn.valueCount);
  const work: Value[] = [];
  const mark = (value: Value) => {
    if (live[value.id] === 1) return;
    live[value.id] = 1;
    work.push(value);
  };
  for (const block of fn.blocks) {
    for (const value of block.body) if (hasEffect(value.op)) mark(value);
    if (block.control) mark(block.control);
    for (const result of block.results) mark(result);
  }
  for (let value = work.pop(); value; value = work.pop()) for (const arg of value.args) mark(arg);
  const isLive = ({ id }: Value) => live[id] === 1;
  for (const block of fn.blocks) {
    retain(block.phis, isLive);
    retain(block.body, isLive);
  }
  countUses(fn);
}

function countUses(fn: Fn): void {
  // Constants are in no block: they are reached as operands only.
  for (const block of fn.blocks) {
    for (const value of block.phis) clearUses(value);
    for (const value of block.body) clearUses(value);
    if (block.control) block.control.uses = 0;
    for (const value of block.results) value.uses = 0;
  }
  for (const block of fn.blocks) {
    for (const value of block.phis) countOperands(value);
    for (const value of block.body) countOperands(value);
    if (block.control) block.control.uses++;
    for (const value of block.results) value.uses++;
  }
}

function clearUses(value: Value): void {
  value.uses = 0;
  for (const arg of value.args) arg.uses = 0;
}

function countOperands({ args }: Value): void {
  for (const arg of args) arg.uses++;
}
