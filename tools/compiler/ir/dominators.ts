import type { Block, Fn } from './value.ts';

/**
 * After the control flow has changed: puts the blocks in an order in which dominators come first,
 * leaves out those that nothing leads to, and finds the dominators (Cooper, Harvey, Kennedy: A
 * Simple, Fast Dominance Algorithm, 2001). `blocks` stay in the order that they have as far as
 * possible; where a loop may be entered or passed, it comes first.
 */
export function orderBlocks(fn: Fn): void {
  fn.blocks.forEach((block, i) => {
    block.order = i;
  });
  const entry = fn.blocks[0] as Block;
  const ordered = postorder(entry).reverse();
  ordered.forEach((block, i) => {
    block.order = i;
  });
  const reached = new Set(ordered);
  for (const block of ordered) dropPreds(block, reached);
  fn.blocks = ordered;
  findDominators(ordered);
}

function postorder(entry: Block): Block[] {
  const done: Block[] = [];
  const seen = new Set<Block>([entry]);
  const work: { block: Block; succs: readonly Block[]; next: number }[] = [];
  const visit = (block: Block) => {
    // What is visited first comes last.
    const succs = block.succs.toSorted((a, b) => b.order - a.order);
    work.push({ block, succs, next: 0 });
  };
  visit(entry);
  for (let top = work.at(-1); top; top = work.at(-1)) {
    const succ = top.succs[top.next++];
    if (!succ) {
      done.push(top.block);
      work.pop();
    } else if (!seen.has(succ)) {
      seen.add(succ);
      visit(succ);
    }
  }
  return done;
}

function dropPreds(block: Block, reached: ReadonlySet<Block>): void {
  if (block.preds.every((pred) => reached.has(pred))) return;
  const kept = block.preds.map((pred) => reached.has(pred));
  block.preds = block.preds.filter((_, i) => kept[i]);
  for (const phi of block.phis) phi.args = phi.args.filter((_, i) => kept[i]);
}

function findDominators(blocks: readonly Block[]): void {
  const [entry, ...others] = blocks as [Block, ...Block[]];
  for (const block of others) block.idom = undefined;
  entry.idom = entry;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of others) {
      let idom: Block | undefined;
      for (const pred of block.preds) {
        if (pred.idom) idom = idom ? common(idom, pred) : pred;
      }
      if (block.idom === idom) continue;
      block.idom = idom;
      changed = true;
    }
  }
  entry.idom = undefined;
  entry.level = 0;
  for (const block of others) block.level = (block.idom as Block).level + 1;
}

function common(a: Block, b: Block): Block {
  let [x, y] = [a, b];
  while (x !== y) {
    if (x.order > y.order) x = x.idom as Block;
    else y = y.idom as Block;
  }
  return x;
}
