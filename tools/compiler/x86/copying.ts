import { BRANCH, JUMP, MOST_COMPARISONS, SWITCH } from './kinds-control.ts';
import type { Inst, MachineBlock } from './machine.ts';
import { threaded } from './threading.ts';

/** Instructions of a block that is copied, at most. */
const MOST_COPIED = 4;

/**
 * Whether a jump to a block had better be the block: a short one that ends in a jump table, as
 * every case of an interpreter's loop goes on to, or that leads to one, if by a test. Each case then
 * has an indirect jump of its own, whose target the processor foretells by the case that it is in.
 */
export function isWorthCopying({ insts, succs }: MachineBlock, depth: number): boolean {
  if (depth === 0 || insts.length > MOST_COPIED) return false;
  const last = insts[insts.length - 1] as Inst;
  if (last.kind === SWITCH) return (last.data as readonly number[]).length > MOST_COMPARISONS + 1;
  if (last.kind === BRANCH) return succs.some((succ) => isWorthCopying(threaded(succ), depth - 1));
  return last.kind === JUMP && isWorthCopying(threaded(succs[0] as MachineBlock), depth - 1);
}

/**
 * Whether a block is a case of a switch that is copied: it had better not share a line of the cache, as the
 * processor keeps few branches for each line, and mixes up the indirect ones.
 */
export function isCopiedCase({ preds, cold }: MachineBlock): boolean {
  const [from] = preds;
  if (cold || preds.length !== 1 || !from?.loop) return false;
  return from.insts.at(-1)?.kind === SWITCH && isWorthCopying(from, 1);
}
