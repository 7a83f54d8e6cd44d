import { type Block, Exit, type Fn } from './value.ts';

/** Joins blocks that can only follow each other: every pass from here on has fewer of them to go through. */
export function joinChains(fn: Fn): void {
  const into = new Map<Block, Block>();
  for (const block of fn.blocks) {
    if (into.has(block)) continue;
    for (let next = follower(block); next; next = follower(block)) {
      append(block, next);
      into.set(next, block);
    }
  }
  if (into.size === 0) return;
  fn.blocks = fn.blocks.filter((block) => !into.has(block));
  for (const block of fn.blocks) if (block.idom) block.idom = into.get(block.idom) ?? block.idom;
}

/** The block that a block jumps to, if nothing else leads there. */
function follower(block: Block): Block | undefined {
  const next = block.exit === Exit.JUMP ? block.succs[0] : undefined;
  if (!next || next.preds.length > 1 || next.phis.length > 0 || next.isLoopHeader) return undefined;
  return next;
}

function append(block: Block, next: Block): void {
  for (const value of next.body) {
    value.block = block;
    block.body.push(value);
  }
  block.exit = next.exit;
  block.control = next.control;
  block.results = next.results;
  block.cases = next.cases;
  block.offset = next.offset;
  block.succs = next.succs;
  for (const succ of block.succs) succ.preds[succ.preds.indexOf(next)] = block;
}
