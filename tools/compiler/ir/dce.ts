import { type Block, type Fn, hasEffect, type Value } from './value.ts';

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
    block.results.forEach(mark);
  }
  for (let value = work.pop(); value; value = work.pop()) value.args.forEach(mark);
  const isLive = ({ id }: Value) => live[id] === 1;
  for (const block of fn.blocks) {
    block.phis = block.phis.filter(isLive);
    block.body = block.body.filter(isLive);
  }
  countUses(fn);
}

function countUses(fn: Fn): void {
  const zero = (value: Value) => {
    value.uses = 0;
  };
  const count = (value: Value) => {
    value.uses++;
  };
  eachOperand(fn, zero);
  for (const { phis, body } of fn.blocks) {
    phis.forEach(zero);
    body.forEach(zero);
  }
  eachOperand(fn, count);
}

function eachOperand(fn: Fn, visit: (value: Value) => void): void {
  const args = ({ args }: Value) => args.forEach(visit);
  for (const block of fn.blocks as readonly Block[]) {
    block.phis.forEach(args);
    block.body.forEach(args);
    if (block.control) visit(block.control);
    block.results.forEach(visit);
  }
}
