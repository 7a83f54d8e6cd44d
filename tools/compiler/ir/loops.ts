import type { Block, Fn } from './value.ts';

/**
 * Finds the natural loops: sets each block's innermost loop (by its header) and loop depth. Wasm's
 * control flow is reducible, and a header's first predecessor is the only one outside its loop.
 */
export function findLoops(fn: Fn): void {
  for (const block of fn.blocks) {
    block.isLoopHeader = block.isLoopHeader && block.preds.length > 1;
    block.loop = undefined;
    block.loopDepth = 0;
  }
  const mark = new Int32Array(fn.blockCount).fill(-1);
  for (let i = fn.blocks.length - 1; i >= 0; i--) {
    const header = fn.blocks[i] as Block;
    if (!header.isLoopHeader) continue;
    mark[header.id] = header.id;
    join(header, header);
    const work = header.preds.slice(1);
    for (let block = work.pop(); block; block = work.pop()) {
      if (mark[block.id] === header.id) continue;
      mark[block.id] = header.id;
      join(block, header);
      work.push(...block.preds);
    }
  }
}

/** Inner headers come later in the list and are visited first. */
function join(block: Block, header: Block): void {
  block.loop ??= header;
  block.loopDepth++;
}
