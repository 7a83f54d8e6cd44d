import type { Block, Fn } from './value.ts';

/**
 * Finds the natural loops: sets each block's innermost loop (by its header), loop depth, and how
 * the loops are nested. Wasm's control flow is reducible, and a header's first predecessor is the
 * only one outside its loop.
 */
export function findLoops(fn: Fn): void {
  const headers: Block[] = [];
  for (const block of fn.blocks) {
    block.isLoopHeader = block.isLoopHeader && block.preds.length > 1;
    block.loop = undefined;
    block.outer = undefined;
    if (block.isLoopHeader) headers.push(block);
  }
  // Inner headers come later in the list, and are done first.
  for (let i = headers.length - 1; i >= 0; i--) collect(headers[i] as Block);
  numberLoops(headers);
  for (const block of fn.blocks) {
    const { loop } = block;
    block.loopDepth = loop ? loop.loopDepth : 0;
  }
}

/** Gives the blocks from which a header is reached, without passing through it, to its loop. */
function collect(header: Block): void {
  header.loop = header;
  const work = header.preds.slice(1);
  for (let block = work.pop(); block; block = work.pop()) {
    const inner = outermost(block);
    if (inner === header) continue;
    if (inner) {
      inner.outer = header;
      work.push(inner.preds[0] as Block);
    } else {
      block.loop = header;
      work.push(...block.preds);
    }
  }
}

/** The outermost loop, of those that are known, that a block is in. */
function outermost(block: Block): Block | undefined {
  let { loop } = block;
  while (loop?.outer) loop = loop.outer;
  return loop;
}

/** Numbers the loops so that those nested in one follow it, and sets their headers' depths. */
function numberLoops(headers: readonly Block[]): void {
  const sizes = new Map<Block, number>(headers.map((header) => [header, 1]));
  for (let i = headers.length - 1; i >= 0; i--) {
    const header = headers[i] as Block;
    const { outer } = header;
    if (outer) sizes.set(outer, (sizes.get(outer) as number) + (sizes.get(header) as number));
  }
  let next = 0;
  const free = new Map<Block, number>();
  for (const header of headers) {
    const { outer } = header;
    const size = sizes.get(header) as number;
    const first = outer ? (free.get(outer) as number) : next;
    if (outer) free.set(outer, first + size);
    else next = first + size;
    header.loopFirst = first;
    header.loopEnd = first + size;
    header.loopDepth = outer ? outer.loopDepth + 1 : 1;
    free.set(header, first + 1);
  }
}

/** Whether a block is in the loop of this header, or in one nested in it. */
export function isInLoop({ loop }: Block, header: Block): boolean {
  return (
    loop !== undefined && loop.loopFirst >= header.loopFirst && loop.loopFirst < header.loopEnd
  );
}
