import type { Block, Fn } from './value.ts';

/**
 * After the control flow has changed: puts the blocks in an order in which dominators come first,
 * leaves out those that nothing leads to, and finds the dominators (Cooper, Harvey, Kennedy: A
 * Simple, Fast Dominance Algorithm, 2001). `blocks` stay in the order that they have as far as
 * possible; where a loop may be entered or passed, it comes first.
 */
export function orderBlocks(fn: Fn): void {
  const { blocks } = fn;
  for (let i = 0; i < blocks.length; i++) (blocks[i] as Block).order = i;
  const isReached = new Uint8Array(fn.blockCount);
  const ordered = postorder(blocks[0] as Block, isReached).reverse();
  for (let i = 0; i < ordered.length; i++) (ordered[i] as Block).order = i;
  for (const block of ordered) dropPreds(block, isReached);
  fn.blocks = ordered;
  findDominators(ordered);
}

/** The blocks that the entry leads to; they are marked by their ids. */
function postorder(entry: Block, isReached: Uint8Array): Block[] {
  const done: Block[] = [];
  const path: Block[] = [];
  /** Of each block on the path: where it leads to, and how many of these have been visited. */
  const ways: (readonly Block[])[] = [];
  const visited: number[] = [];
  const visit = (block: Block) => {
    isReached[block.id] = 1;
    path.push(block);
    ways.push(lastFirst(block.succs));
    visited.push(0);
  };
  visit(entry);
  while (path.length > 0) {
    const top = path.length - 1;
    const way = visited[top] as number;
    const succ = ways[top]?.[way];
    visited[top] = way + 1;
    if (!succ) {
      done.push(path.pop() as Block);
      ways.pop();
      visited.pop();
    } else if (isReached[succ.id] === 0) {
      visit(succ);
    }
  }
  return done;
}

/** What is visited first comes last. */
function lastFirst(blocks: readonly Block[]): readonly Block[] {
  const [a, b] = blocks;
  if (!a || !b) return blocks;
  if (blocks.length === 2) return a.order >= b.order ? blocks : [b, a];
  return blocks.toSorted((x, y) => y.order - x.order);
}

function dropPreds(block: Block, isReached: Uint8Array): void {
  if (block.preds.every(({ id }) => isReached[id] === 1)) return;
  const kept = block.preds.map(({ id }) => isReached[id] === 1);
  block.preds = block.preds.filter((_, i) => kept[i]);
  for (const phi of block.phis) phi.args = phi.args.filter((_, i) => kept[i]);
}

function findDominators(blocks: readonly Block[]): void {
  const entry = blocks[0] as Block;
  for (const block of blocks) block.idom = undefined;
  entry.idom = entry;
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < blocks.length; i++) {
      const block = blocks[i] as Block;
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
  for (let i = 1; i < blocks.length; i++) {
    const block = blocks[i] as Block;
    block.level = (block.idom as Block).level + 1;
  }
}

function common(a: Block, b: Block): Block {
  let x = a;
  let y = b;
  while (x !== y) {
    if (x.order > y.order) x = x.idom as Block;
    else y = y.idom as Block;
  }
  return x;
}
