import type { MachineBlock, MachineFn } from './machine.ts';
import { isEmpty, threaded } from './threading.ts';

/**
 * The order in which blocks are written: that of allocation, without the empty ones. Where a loop
 * ends in a jump back to its top, the top moves to the end if it is the loop's test, else the last
 * block moves before the top: one jump less a round.
 */
export function arrangeBlocks(fn: MachineFn): MachineBlock[] {
  const entry = fn.blocks[0] as MachineBlock;
  const blocks = fn.blocks.filter((block) => block === entry || !isEmpty(block));
  for (const header of fn.blocks)
    if (header.isLoopHeader && header !== entry) rotate(blocks, header);
  return blocks;
}

/** The first block of each innermost loop, as they are written, with the last one: loops to align. */
export function innermostLoops(blocks: readonly MachineBlock[]): Map<MachineBlock, MachineBlock> {
  const found = new Map<MachineBlock, { top: MachineBlock; bottom: MachineBlock }>();
  const outer = new Set<MachineBlock>();
  for (const block of blocks) {
    const { loop } = block;
    if (!loop) continue;
    const known = found.get(loop);
    if (known) known.bottom = block;
    else found.set(loop, { top: block, bottom: block });
    if (loop.outer) outer.add(loop.outer);
  }
  const innermost = [...found].filter(([header]) => !outer.has(header));
  return new Map(innermost.map(([, { top, bottom }]) => [top, bottom]));
}

function rotate(blocks: MachineBlock[], header: MachineBlock): void {
  const top = blocks.indexOf(header);
  let bottom = top;
  for (let i = top + 1; isWithin(blocks[i], header); i++) bottom = i;
  const last = blocks[bottom] as MachineBlock;
  if (top <= 0 || bottom === top || last.succs.length !== 1) return;
  if (threaded(last.succs[0] as MachineBlock) !== header) return;
  if (header.succs.length === 2 && !header.succs.every((succ) => isWithin(succ, header))) {
    blocks.splice(top, 1);
    blocks.splice(bottom, 0, header);
  } else {
    blocks.splice(bottom, 1);
    blocks.splice(top, 0, last);
  }
}

function isWithin(block: MachineBlock | undefined, header: MachineBlock): boolean {
  const number = block?.loop?.loopFirst;
  return number !== undefined && number >= header.loopFirst && number < header.loopEnd;
}
