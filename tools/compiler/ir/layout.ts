import { type Block, Exit, type Fn } from './value.ts';

/**
 * Puts the blocks in the order in which they are numbered and emitted: every loop in one piece,
 * with its exits after it, and what only leads to a trap at the end. Dominators still come first.
 */
export function layOut(fn: Fn): void {
  markCold(fn);
  const blocks = [
    ...fn.blocks.filter(({ cold }) => !cold),
    ...fn.blocks.filter(({ cold }) => cold),
  ];
  number(blocks);
  for (const header of blocks.filter(({ isLoopHeader }) => isLoopHeader)) {
    gather(blocks, header);
  }
  fn.blocks = blocks;
}

function markCold(fn: Fn): void {
  for (let i = fn.blocks.length - 1; i > 0; i--) {
    const block = fn.blocks[i] as Block;
    const leadsToTraps = block.succs.length > 0 && block.succs.every(({ cold }) => cold);
    block.cold = block.exit === Exit.TRAP || (leadsToTraps && !block.isLoopHeader);
  }
}

function number(blocks: readonly Block[]): void {
  blocks.forEach((block, i) => {
    block.order = i;
  });
}

/** Moves blocks that stand between a loop's blocks but are not part of it behind the loop. */
function gather(blocks: Block[], header: Block): void {
  const inLoop = (block: Block) => isInLoop(block, header);
  let end = header.order + 1;
  for (let i = end; i < blocks.length; i++) if (inLoop(blocks[i] as Block)) end = i + 1;
  const segment = blocks.slice(header.order, end);
  const ordered = [...segment.filter(inLoop), ...segment.filter((block) => !inLoop(block))];
  ordered.forEach((block, i) => {
    block.order = header.order + i;
    blocks[block.order] = block;
  });
}

/** Whether a block is in the loop of this header, or in one nested in it. */
export function isInLoop(block: Block, header: Block): boolean {
  let { loop } = block;
  while (loop && loop !== header) loop = outerLoop(loop);
  return loop === header;
}

/** The header of the loop around a loop's header. */
export function outerLoop(header: Block): Block | undefined {
  return header.preds[0]?.loop;
}
