import { mapList } from '../lists.ts';
import { type Block, type Fn, Ir, type Value } from './value.ts';

/** Copies of the values of one block, which are all made in the same blocks. */
interface Family {
  /** The blocks of the copies, that of the values themselves included. */
  readonly blocks: Set<Block>;
  /** Where different copies meet: their iterated dominance frontier. */
  meetings: ReadonlySet<Block> | undefined;
}

interface Copies {
  readonly family: Family;
  readonly byBlock: Map<Block, Value>;
  /** What of the value is there at blocks' starts, as far as it is known. */
  readonly atStart: Map<Block, Value>;
}

/**
 * Restores SSA form after blocks have been copied: each value has copies then, and where several of
 * them may arrive at a use a phi is needed (Cytron et al.: Efficiently Computing Static Single
 * Assignment Form, 1991, only where something is used).
 */
export class SsaRepair {
  readonly #fn: Fn;
  readonly #families = new Map<Block, Family>();
  readonly #copies = new Map<Value, Copies>();
  /** Phis whose arguments are still to be found. */
  readonly #work: { phi: Value; copies: Copies }[] = [];
  #frontiers: ReadonlyMap<Block, readonly Block[]> = new Map();

  constructor(fn: Fn) {
    this.#fn = fn;
  }

  /** Notes that in its block `copy` stands for the value. */
  addCopy(value: Value, copy: Value): void {
    const home = value.block as Block;
    let family = this.#families.get(home);
    if (!family) {
      family = { blocks: new Set([home]), meetings: undefined };
      this.#families.set(home, family);
    }
    let copies = this.#copies.get(value);
    if (!copies) {
      copies = { family, byBlock: new Map([[home, value]]), atStart: new Map() };
      this.#copies.set(value, copies);
    }
    family.blocks.add(copy.block as Block);
    copies.byBlock.set(copy.block as Block, copy);
  }

  /** Gives all uses of values with copies the one that arrives there. The dominators must be known. */
  run(): void {
    if (this.#copies.size === 0) return;
    this.#frontiers = findFrontiers(this.#fn.blocks);
    const hasCopies = new Uint8Array(this.#fn.valueCount);
    for (const { id } of this.#copies.keys()) hasCopies[id] = 1;
    for (const block of this.#fn.blocks) {
      const { phis, body, preds, results } = block;
      // Phis that are made on the way have no arguments yet.
      for (const { args } of phis) {
        for (let i = 0; i < args.length; i++) {
          const arg = args[i] as Value;
          if (hasCopies[arg.id] === 1) args[i] = this.#findAtEnd(arg, preds[i] as Block);
        }
      }
      for (const { args } of body) {
        this.#replace(args, block, hasCopies);
      }
      this.#replace(results, block, hasCopies);
      const { control } = block;
      if (control && hasCopies[control.id] === 1) block.control = this.#find(control, block);
    }
    for (let next = this.#work.pop(); next; next = this.#work.pop()) {
      const { phi, copies } = next;
      phi.args = mapList((phi.block as Block).preds, (pred) => this.#atEnd(copies, pred));
    }
  }

  #replace(values: Value[], block: Block, hasCopies: Uint8Array): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as Value;
      if (hasCopies[value.id] === 1) values[i] = this.#find(value, block);
    }
  }

  #find(value: Value, block: Block): Value {
    const copies = this.#copies.get(value);
    return !copies || copies.byBlock.has(block) ? value : this.#atStart(copies, block);
  }

  #findAtEnd(value: Value, block: Block): Value {
    const copies = this.#copies.get(value);
    return copies ? this.#atEnd(copies, block) : value;
  }

  #atEnd(copies: Copies, block: Block): Value {
    return copies.byBlock.get(block) ?? this.#atStart(copies, block);
  }

  #atStart(copies: Copies, block: Block): Value {
    const { family, byBlock, atStart } = copies;
    family.meetings ??= this.#meetings(family.blocks);
    const passed: Block[] = [];
    let found: Value | undefined;
    for (let at = block; !found; at = at.idom as Block) {
      passed.push(at);
      found = atStart.get(at);
      if (found) break;
      if (family.meetings.has(at)) found = this.#phi(copies, at);
      else found = byBlock.get(at.idom as Block);
    }
    for (const each of passed) atStart.set(each, found);
    return found;
  }

  #phi(copies: Copies, block: Block): Value {
    const { type, offset } = [...copies.byBlock.values()][0] as Value;
    const phi = this.#fn.value(Ir.PHI, type, [], 0, block, offset);
    block.phis.push(phi);
    this.#work.push({ phi, copies });
    return phi;
  }

  #meetings(blocks: ReadonlySet<Block>): Set<Block> {
    const meetings = new Set<Block>();
    const work = [...blocks];
    for (let block = work.pop(); block; block = work.pop()) {
      for (const each of this.#frontiers.get(block) ?? []) {
        if (meetings.has(each)) continue;
        meetings.add(each);
        work.push(each);
      }
    }
    return meetings;
  }
}

/** By block: the dominance frontier, as Cooper, Harvey and Kennedy find it. */
function findFrontiers(blocks: readonly Block[]): Map<Block, Block[]> {
  const frontiers = new Map<Block, Block[]>();
  for (const block of blocks) {
    if (block.preds.length < 2) continue;
    for (const pred of block.preds) {
      for (let at: Block | undefined = pred; at && at !== block.idom; at = at.idom) {
        const list = frontiers.get(at);
        if (!list) frontiers.set(at, [block]);
        else if (list.at(-1) !== block) list.push(block);
      }
    }
  }
  return frontiers;
}
