import { type Block, Exit, type Fn } from './value.ts';

/** A new block, last in the function, that only leads from one block to another. */
export function addEdge(fn: Fn, from: Block, to: Block): Block {
  const edge = fn.newBlock();
  edge.exit = Exit.JUMP;
  edge.offset = from.offset;
  edge.preds = [from];
  edge.succs = [to];
  return edge;
}

/**
 * An empty block on a way out of a block, whose successor may get more predecessors: there is one already,
 * or it is made. (Only one way from outside may lead to a loop's header.)
 */
export function edgeOn(fn: Fn, from: Block, way: number): Block {
  const to = from.succs[way] as Block;
  if (isEdge(to)) return to;
  const edge = addEdge(fn, from, to);
  from.succs[way] = edge;
  to.preds[to.preds.indexOf(from)] = edge;
  return edge;
}

function isEdge(block: Block): boolean {
  const { exit, body, preds, phis, succs } = block;
  if (exit !== Exit.JUMP || body.length > 0 || preds.length > 1 || phis.length > 0) return false;
  const [to] = succs;
  return !to?.isLoopHeader || to.preds[0] !== block;
}

/** Leaves a branch only one way. */
export function goOn(block: Block, way: 0 | 1): void {
  const other = block.succs[1 - way] as Block;
  const at = other.preds.indexOf(block);
  other.preds.splice(at, 1);
  for (const phi of other.phis) phi.args.splice(at, 1);
  block.exit = Exit.JUMP;
  block.control = undefined;
  block.succs = [block.succs[way] as Block];
}
