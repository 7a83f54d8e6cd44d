import type { MachineBlock } from './machine.ts';

/** Where a jump to a block ends up: blocks that only jump on are passed over. */
export function threaded(block: MachineBlock): MachineBlock {
  let at = block;
  while (isEmpty(at)) at = at.succs[0] as MachineBlock;
  return at;
}

/** Whether a block does nothing but jump on. (A loop header that does nothing is a loop of its own.) */
export function isEmpty(block: MachineBlock): boolean {
  const { insts, startMoves, endMoves, moves, succs } = block;
  return (
    insts.length === 1 &&
    succs.length === 1 &&
    startMoves.length === 0 &&
    endMoves.length === 0 &&
    moves === undefined &&
    !block.isLoopHeader
  );
}
