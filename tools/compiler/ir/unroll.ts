import { mapList } from '../lists.ts';
import { isLoad, isStore } from '../wasm/opcodes.ts';
import { VECTOR_FIRST, VECTOR_INSTRUCTIONS } from '../wasm/simd.ts';
import { type Counted, countRounds } from './count-rounds.ts';
import { orderBlocks } from './dominators.ts';
import { addEdge, edgeOn } from './edges.ts';
import { findLoops } from './loops.ts';
import { removeTrivialPhis } from './phis.ts';
import { SsaRepair } from './ssa-repair.ts';
import { type Block, Exit, type Fn, hasEffect, isDivision, type Value } from './value.ts';

/** Operations of all rounds of an unrolled loop together, rounds, and blocks of one round, at most. */
const MOST_OPERATIONS = 100;
const MOST_ROUNDS = 4;
/** That many times as many operations where so many values only move from one local to the next: no moves are left. */
const ROTATING = 2;
const FEWEST_MOVED = 4;
/** The part of the operations that may be in loops whose rounds have to be tested each. */
const TESTED = 0.6;
const MOST_BLOCKS = 8;

/**
 * Writes the bodies of short innermost loops several times, each with its own test: values then move on
 * to the next round's registers once in several rounds, and the processor takes fewer jumps.
 */
export function unrollLoops(fn: Fn): void {
  if (!fn.blocks.some(({ isLoopHeader }) => isLoopHeader)) return;
  findLoops(fn);
  const loops = innermostLoops(fn).filter((blocks) => mostRounds(blocks) > 1);
  if (loops.length === 0) return;
  const repair = new SsaRepair(fn);
  for (const blocks of loops) {
    const most = mostRounds(blocks);
    const counted = countRounds(blocks);
    const rounds = counted
      ? divisor(counted.rounds, most)
      : Math.min(Math.floor(most * TESTED), MOST_ROUNDS);
    if (rounds > 1) new Unroller(fn, blocks, repair).run(rounds, counted);
  }
  orderBlocks(fn);
  repair.run();
  removeTrivialPhis(fn);
  fn.isSimplified = false;
  fn.isUnrolled = true;
}

/** The blocks of each innermost loop, its header first. */
function innermostLoops(fn: Fn): Block[][] {
  const loops = new Map<Block, Block[]>();
  const outer = new Set<Block>();
  for (const block of fn.blocks) {
    if (block.isLoopHeader) loops.set(block, []);
    if (block.isLoopHeader && block.outer) outer.add(block.outer);
    if (block.loop) loops.get(block.loop)?.push(block);
  }
  return [...loops].filter(([header]) => !outer.has(header)).map(([, blocks]) => blocks);
}

/** All rounds if there are few, else as many as they can be divided by. */
function divisor(rounds: number, most: number): number {
  if (rounds <= most) return rounds;
  for (let n = Math.min(most, MOST_ROUNDS); n > 1; n--) if (rounds % n === 0) return n;
  return 1;
}

/** How many rounds of a loop may follow each other: 1 for one that is better left as it is. */
function mostRounds(blocks: readonly Block[]): number {
  if (blocks.length > MOST_BLOCKS) return 1;
  const isSimple = blocks.every(
    ({ exit, body }) => (exit === Exit.JUMP || exit === Exit.BRANCH) && body.every(isShort),
  );
  if (!isSimple) return 1;
  const operations = blocks.reduce((sum, { body }) => sum + body.length + 1, 0);
  const most = rotates(blocks[0] as Block) ? ROTATING * MOST_OPERATIONS : MOST_OPERATIONS;
  return Math.floor(most / operations);
}

/** Whether many values only move on in each round, as the state of a hash does. */
function rotates({ phis }: Block): boolean {
  const moved = phis.filter(({ args }) => args.slice(1).every((next) => phis.includes(next)));
  return moved.length >= FEWEST_MOVED;
}

/** Nothing that calls, or takes as long as a call. */
function isShort({ op }: Value): boolean {
  if (op >= VECTOR_FIRST && VECTOR_INSTRUCTIONS.has(op)) return true;
  return !hasEffect(op) || isLoad(op) || isStore(op) || isDivision(op);
}

/** One of the rounds that follow the first. */
interface Round {
  readonly blocks: ReadonlyMap<Block, Block>;
  readonly values: ReadonlyMap<Value, Value>;
}

/** Makes a branch, whose outcome is known, a jump. */
function goOn(block: Block, way: number): void {
  block.exit = Exit.JUMP;
  block.control = undefined;
  block.succs = [block.succs[way] as Block];
}

class Unroller {
  readonly #fn: Fn;
  readonly #blocks: readonly Block[];
  readonly #header: Block;
  readonly #repair: SsaRepair;

  constructor(fn: Fn, blocks: readonly Block[], repair: SsaRepair) {
    this.#fn = fn;
    this.#blocks = blocks;
    this.#header = blocks[0] as Block;
    this.#repair = repair;
  }

  /** @param counted what is known of the loop's rounds: a multiple of `count` of them */
  run(count: number, counted: Counted | undefined): void {
    const { blocks: all } = this.#fn;
    const header = this.#header;
    const latches = header.preds.slice(1);
    const exits = this.#splitExits();
    const after = all.indexOf(this.#blocks.at(-1) as Block) + 1;
    const nexts = header.phis.map(({ args }) => args.slice(1));
    const rounds: Round[] = [];
    for (let i = 1; i < count; i++) rounds.push(this.#copy(exits));
    all.splice(after, 0, ...rounds.flatMap(({ blocks }) => [...blocks.values()]));
    // Each round's ways back lead to the next one, the last one's to the first.
    const first: Round = { blocks: new Map(), values: new Map() };
    [first, ...rounds].forEach(({ blocks, values }, i) => {
      const target = rounds[i]?.blocks.get(header) ?? header;
      const from = mapList(latches, (latch) => blocks.get(latch) ?? latch);
      target.preds = target === header ? [header.preds[0] as Block, ...from] : from;
      for (const latch of from) {
        latch.succs = mapList(latch.succs, (succ) => (succ === header ? target : succ));
      }
      target.phis.forEach((phi, n) => {
        const next = mapList(nexts[n] as Value[], (value) => values.get(value) ?? value);
        phi.args = target === header ? [phi.args[0] as Value, ...next] : next;
      });
    });
    if (!counted) return;
    const isAll = counted.rounds === count;
    [first, ...rounds].forEach(({ blocks }, i) => {
      const test = blocks.get(counted.test) ?? counted.test;
      const isLast = i === rounds.length;
      if (!isLast || isAll) goOn(test, isLast ? 1 - counted.again : counted.again);
    });
  }

  /** Puts an empty block on each way out of the loop that has none. Answers these blocks. */
  #splitExits(): Block[] {
    const inside = new Set(this.#blocks);
    const exits: Block[] = [];
    for (const block of this.#blocks) {
      block.succs.forEach((succ, i) => {
        if (!inside.has(succ)) exits.push(edgeOn(this.#fn, block, i));
      });
    }
    return exits;
  }

  /** The loop's blocks once more, their ways out too; its ways back are left open. */
  #copy(exits: readonly Block[]): Round {
    const blocks = new Map(this.#blocks.map((block) => [block, this.#fn.detachedBlock()]));
    const values = new Map<Value, Value>();
    for (const [block, copy] of blocks) this.#copyValues(block, copy, values);
    const mapped = (value: Value) => values.get(value) ?? value;
    for (const [block, copy] of blocks) {
      copy.exit = block.exit;
      copy.offset = block.offset;
      copy.control = block.control && mapped(block.control);
      copy.preds = mapList(block.preds, (pred) => blocks.get(pred) ?? pred);
      copy.succs = mapList(block.succs, (succ) =>
        succ === this.#header ? succ : (blocks.get(succ) ?? succ),
      );
      for (const phi of copy.phis) phi.args = mapList(phi.args, mapped);
    }
    for (const exit of exits) {
      const from = blocks.get(exit.preds[0] as Block) as Block;
      const to = exit.succs[0] as Block;
      const edge = addEdge(this.#fn, from, to);
      from.succs = mapList(from.succs, (succ) => (succ === exit ? edge : succ));
      const way = to.preds.indexOf(exit);
      to.addPred(edge);
      for (const phi of to.phis) phi.args.push(mapped(phi.args[way] as Value));
    }
    return { blocks, values };
  }

  #copyValues(block: Block, copy: Block, values: Map<Value, Value>): void {
    const again = ({ op, type, args, imm, offset, aux }: Value) =>
      this.#fn.value(op, type, args, imm, copy, offset, aux);
    for (const phi of block.phis) {
      const value = again(phi);
      copy.phis.push(value);
      this.#note(phi, value, values);
    }
    for (const old of block.body) {
      const value = again(old);
      value.args = mapList(old.args, (arg) => values.get(arg) ?? arg);
      copy.body.push(value);
      this.#note(old, value, values);
    }
  }

  #note(value: Value, copy: Value, values: Map<Value, Value>): void {
    values.set(value, copy);
    this.#repair.addCopy(value, copy);
  }
}
