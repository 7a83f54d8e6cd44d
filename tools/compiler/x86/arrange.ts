import type { MachineBlock, MachineFn } from './machine.ts';
import { isEmpty } from './threading.ts';

/**
 * The order in which blocks are written: that of allocation, without the empty ones, and with a
 * loop's test moved from its top to its end where the loop ends in a jump back to the top: one jump
 * less a round.
 */
export function arrangeBlocks(fn: MachineFn): MachineBlock[] {
  const entry = fn.blocks[0] as MachineBlock;
  const blocks = fn.blocks.filter((block) => block === entry || !isEmpty(block));
  for (const header of fn.blocks)
    if (header.isLoopHeader && header !== entry) rotate(blocks, header);
  return blocks;
}

function rotate(blocks: MachineBlock[], header: MachineBlock): void {
  if (header.succs.length !== 2) return;
  const top = blocks.indexOf(header);
  const latch = header.preds.at(-1) as MachineBlock;
  const bottom = blocks.indexOf(latch);
  if (top <= 0 || bottom <= top + 1 || latch.succs.length !== 1) return;
  const leaves = header.succs.some((succ) => !isWithin(succ, header));
  if (!leaves || isWithin(blocks[bottom + 1], header)) return;
  blocks.splice(top, 1);
  blocks.splice(bottom, 0, header);
}

function isWithin(block: MachineBlock | undefined, header: MachineBlock): boolean {
  let loop = block?.loop;
  while (loop && loop !== header) loop = loop.preds[0]?.loop;
  return loop === header;
}
