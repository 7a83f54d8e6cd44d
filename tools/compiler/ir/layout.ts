import { joinChains } from './chains.ts';
import { type Block, Exit, type Fn } from './value.ts';

/**
 * Puts the blocks in the order in which they are numbered and emitted: every loop in one piece,
 * with its exits after it, and what only leads to a trap at the end. Dominators still come first.
 * Blocks that can only follow each other become one.
 */
export function layOut(fn: Fn): void {
  joinChains(fn);
  markCold(fn);
  const warm = fn.blocks.filter(({ cold }) => !cold);
  fn.blocks = [...gatherLoops(warm), ...fn.blocks.filter(({ cold }) => cold)];
  fn.blocks.forEach((block, i) => {
    block.order = i;
  });
}

function markCold(fn: Fn): void {
  for (let i = fn.blocks.length - 1; i > 0; i--) {
    const block = fn.blocks[i] as Block;
    const leadsToTraps = block.succs.length > 0 && block.succs.every(({ cold }) => cold);
    block.cold = block.exit === Exit.TRAP || (leadsToTraps && !block.isLoopHeader);
  }
}

/** Blocks in order, but where a loop begins all of it. */
function gatherLoops(blocks: readonly Block[]): Block[] {
  const outside: Block[] = [];
  const inside = new Map<Block, Block[]>();
  const listOf = (loop: Block | undefined) => (loop ? (inside.get(loop) as Block[]) : outside);
  for (const block of blocks) {
    if (block.isLoopHeader) {
      // The header stands for its loop in the list of what is around it.
      inside.set(block, []);
      listOf(block.outer).push(block);
    } else {
      listOf(block.loop).push(block);
    }
  }
  const ordered: Block[] = [];
  const work = outside.reverse();
  for (let block = work.pop(); block; block = work.pop()) {
    ordered.push(block);
    if (block.isLoopHeader) work.push(...(inside.get(block) as Block[]).reverse());
  }
  return ordered;
}
