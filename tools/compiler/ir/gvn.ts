import { Numbers, Table } from '../numbers.ts';
import { isCommutative, isSimplifiable, Simplifier } from './simplify.ts';
import { type Block, type Fn, isPure, mapInputs, resolve, type Value } from './value.ts';

/**
 * Global value numbering: of two equal pure operations, the one in a dominating block serves both.
 * Blocks stand in an order in which dominators come first. What changes an operand is simplified
 * again. One for all functions of a module, which have its tables one after the other.
 */
export class ValueNumbering {
  readonly #tables = new Tables();

  run(fn: Fn): void {
    new Numbering(fn, this.#tables).run();
    for (const each of fn.blocks) mapInputs(each, resolve);
    fn.isSimplified = true;
  }
}

class Tables {
  readonly heads = new Table();
  readonly hashes = new Numbers();
  readonly before = new Numbers();
  readonly size = new Table();
  readonly first = new Table();
  readonly taken = new Table();
}

class Numbering {
  readonly #fn: Fn;
  readonly #dominance: Dominance;
  readonly #simplifier: Simplifier;
  /** A hash table of pure values: by low bits the number of the last one, by number the one before. */
  readonly #heads: Int32Array;
  readonly #mask: number;
  readonly #values: Value[] = [];
  readonly #hashes: Numbers;
  readonly #before: Numbers;
  #block: Block;
  /** The block's new body is the first so many of these. */
  readonly #body: Value[] = [];
  #count = 0;
  #isChanged = false;

  constructor(fn: Fn, tables: Tables) {
    const size = 2 ** (32 - Math.clz32(fn.valueCount));
    this.#fn = fn;
    this.#block = fn.blocks[0] as Block;
    this.#dominance = numberDominators(fn, tables);
    this.#simplifier = new Simplifier(fn, (op, type, args) => this.#make(op, type, args));
    this.#heads = tables.heads.filled(size, -1);
    this.#mask = size - 1;
    this.#hashes = tables.hashes.clear();
    this.#before = tables.before.clear();
  }

  run(): void {
    for (const block of this.#fn.blocks) {
      this.#block = block;
      this.#count = 0;
      this.#isChanged = false;
      for (const value of block.body) this.#number(value);
      if (this.#isChanged) block.body = this.#body.slice(0, this.#count);
    }
  }

  #number(value: Value): void {
    const { op, args } = value;
    const isToSimplify = resolveArgs(args) || !this.#fn.isSimplified;
    if (isToSimplify && isSimplifiable(op)) {
      value.replacement = this.#simplifier.make(op, value.type, args);
      this.#isChanged = true;
    } else if (!isPure(op)) {
      this.#body[this.#count++] = value;
    } else {
      value.replacement = this.#find(op, args, value.imm);
      if (value.replacement) this.#isChanged = true;
      else this.#add(value);
    }
  }

  #make(op: number, type: number, args: Value[]): Value {
    const same = isPure(op) ? this.#find(op, args, 0) : undefined;
    if (same) return same;
    const value = this.#fn.value(op, type, args, 0, this.#block, this.#block.offset);
    this.#add(value);
    return value;
  }

  #add(value: Value): void {
    const hash = hashOf(value.op, value.args, value.imm);
    const head = hash & this.#mask;
    this.#before.push(this.#heads[head] as number);
    this.#hashes.push(hash);
    this.#heads[head] = this.#values.push(value) - 1;
    this.#body[this.#count++] = value;
  }

  #find(op: number, args: readonly Value[], imm: number): Value | undefined {
    const same = this.#findExact(op, args, imm);
    if (same || !isCommutative(op)) return same;
    return this.#findExact(op, [args[1] as Value, args[0] as Value], imm);
  }

  #findExact(op: number, args: readonly Value[], imm: number): Value | undefined {
    const hash = hashOf(op, args, imm);
    let i = this.#heads[hash & this.#mask] as number;
    for (; i >= 0; i = this.#before.items[i] as number) {
      if (this.#hashes.items[i] !== hash) continue;
      const value = this.#values[i] as Value;
      if (value.op !== op || value.imm !== imm || !sameArgs(value.args, args)) continue;
      if (this.#dominance.dominates(value.block as Block, this.#block)) return value;
    }
    return undefined;
  }
}

function resolveArgs(args: Value[]): boolean {
  let changed = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as Value;
    if (!arg.replacement) continue;
    args[i] = resolve(arg);
    changed = true;
  }
  return changed;
}

function hashOf(op: number, args: readonly Value[], imm: number): number {
  let h = Math.imul(op, 0x9e3779b1) ^ imm;
  for (let i = 0; i < args.length; i++) {
    h = Math.imul(h ^ (args[i] as Value).id, 0x85ebca6b) ^ (h >>> 15);
  }
  return h;
}

function sameArgs(a: readonly Value[], b: readonly Value[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

interface Dominance {
  dominates(a: Block, b: Block): boolean;
}

/** Numbers the dominator tree in preorder, so that a subtree is an interval. */
function numberDominators(fn: Fn, tables: Tables): Dominance {
  const size = tables.size.filled(fn.blockCount, 1);
  const first = tables.first.filled(fn.blockCount, 0);
  const { blocks } = fn;
  for (let i = blocks.length - 1; i > 0; i--) {
    const { id, idom } = blocks[i] as Block;
    size[(idom as Block).id] = (size[(idom as Block).id] as number) + (size[id] as number);
  }
  const taken = tables.taken.filled(fn.blockCount, 0);
  for (const { id, idom } of blocks) {
    if (!idom) continue;
    first[id] = (first[idom.id] as number) + 1 + (taken[idom.id] as number);
    taken[idom.id] = (taken[idom.id] as number) + (size[id] as number);
  }
  return {
    dominates: (a, b) => {
      const distance = (first[b.id] as number) - (first[a.id] as number);
      return distance >= 0 && distance < (size[a.id] as number);
    },
  };
}
