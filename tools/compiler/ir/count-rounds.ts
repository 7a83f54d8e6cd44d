import { Op } from '../wasm/opcodes.ts';
import { inverseOf } from './simplify.ts';
import { type Block, Exit, type Value } from './value.ts';

/** A loop one of whose tests only counts, up to a number of rounds that is known. */
export interface Counted {
  /** How many rounds there are unless another test ends the loop before. */
  readonly rounds: number;
  /** The block that ends with the test, and which of its successors goes on with the loop. */
  readonly test: Block;
  readonly again: 0 | 1;
}

const I31 = 0x7fff_ffff;

/** How often the blocks of a loop (its header first) are gone through at most, if constants say so. */
export function countRounds(blocks: readonly Block[]): Counted | undefined {
  const inside = new Set(blocks);
  const header = blocks[0] as Block;
  for (const test of blocks) {
    const [yes, no] = test.succs.map((succ) => inside.has(succ));
    if (test.exit !== Exit.BRANCH || yes === no || !isOnEveryWay(test, header)) continue;
    const again = yes ? 0 : 1;
    const rounds = roundsOf(test.control as Value, again, header);
    if (rounds !== undefined) return { rounds, test, again };
  }
  return undefined;
}

function roundsOf({ op, args }: Value, again: 0 | 1, header: Block): number | undefined {
  const [next, limit] = args;
  if (next?.op !== Op.I32_ADD || limit?.op !== Op.I32_CONST) return undefined;
  const [phi, step] = next.args as [Value, Value];
  if (step.op !== Op.I32_CONST || !header.phis.includes(phi)) return undefined;
  const [start, ...nexts] = phi.args as [Value, ...Value[]];
  if (start.op !== Op.I32_CONST || nexts.some((each) => each !== next)) return undefined;
  const condition = again === 0 ? op : inverseOf(op);
  return roundsUntil(condition, start.imm, step.imm, limit.imm);
}

/** Whether the test comes in each round: all ways back to the header lead through it. */
function isOnEveryWay(test: Block, header: Block): boolean {
  return header.preds.every((latch, i) => {
    let block: Block | undefined = latch;
    while (i > 0 && block && block !== test && block !== header) block = block.idom;
    return i === 0 || block === test;
  });
}

/** How often start + step, start + 2 step, … are formed until `condition` does not hold for one. */
function roundsUntil(
  condition: number | undefined,
  start: number,
  step: number,
  limit: number,
): number | undefined {
  if (condition === Op.I32_NE) {
    const rounds = (limit - start) / step;
    return Number.isInteger(rounds) && rounds > 0 ? rounds : undefined;
  }
  if (start < 0 || limit < 0 || step <= 0 || limit + step > I31) return undefined;
  switch (condition) {
    case Op.I32_LT_S:
    case Op.I32_LT_U:
      return Math.max(1, Math.ceil((limit - start) / step));
    case Op.I32_LE_S:
    case Op.I32_LE_U:
      return Math.max(1, Math.floor((limit - start) / step) + 1);
    default:
      return undefined;
  }
}
