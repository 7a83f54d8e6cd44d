import { Op } from '../wasm/opcodes.ts';
import { inverseOf } from './simplify.ts';
import { type Block, Exit, type Value } from './value.ts';

/** A loop that is left in one place only, after a number of rounds that is known. */
export interface Counted {
  readonly rounds: number;
  /** The block that ends with the test, and which of its successors goes on with the loop. */
  readonly test: Block;
  readonly again: 0 | 1;
}

const I31 = 0x7fff_ffff;

/** How often the blocks of a loop (its header first) are gone through, if constants alone say so. */
export function countRounds(blocks: readonly Block[]): Counted | undefined {
  const inside = new Set(blocks);
  const tests = blocks.filter(({ succs }) => succs.some((succ) => !inside.has(succ)));
  const [test] = tests;
  const [header] = blocks;
  if (tests.length !== 1 || !test || !header || test.exit !== Exit.BRANCH || !test.control)
    return undefined;
  if (!isOnEveryWay(test, header)) return undefined;
  const again = inside.has(test.succs[0] as Block) ? 0 : 1;
  const { op, args } = test.control;
  const [next, limit] = args;
  if (!next || limit?.op !== Op.I32_CONST) return undefined;
  const phi = next.args[0];
  const step = next.args[1];
  if (next.op !== Op.I32_ADD || step?.op !== Op.I32_CONST || !phi || !header.phis.includes(phi)) {
    return undefined;
  }
  const [start, ...nexts] = phi.args as [Value, ...Value[]];
  if (start.op !== Op.I32_CONST || nexts.some((each) => each !== next)) return undefined;
  const condition = again === 0 ? op : inverseOf(op);
  const rounds = roundsUntil(condition, start.imm, step.imm, limit.imm);
  return rounds === undefined ? undefined : { rounds, test, again };
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
