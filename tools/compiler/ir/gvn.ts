import { isCommutative, isSimplifiable, Simplifier } from './simplify.ts';
import { type Block, type Fn, isPure, mapInputs, resolve, type Value } from './value.ts';

/**
 * Global value numbering: of two equal pure operations, the one in a dominating block serves both.
 * Blocks stand in an order in which dominators come first. What changes an operand is simplified
 * again.
 */
export function numberValues(fn: Fn): void {
  const dominance = numberDominators(fn);
  const known = new Map<number, Value[]>();
  let block: Block;
  let body: Value[] = [];

  const findExact = (op: number, args: readonly Value[], imm: number): Value | undefined => {
    for (const value of known.get(hash(op, args, imm)) ?? []) {
      if (value.op !== op || value.imm !== imm || !sameArgs(value.args, args)) continue;
      if (dominance.dominates(value.block as Block, block)) return value;
    }
    return undefined;
  };
  const find = (op: number, args: readonly Value[], imm: number): Value | undefined => {
    const same = findExact(op, args, imm);
    if (same || !isCommutative(op)) return same;
    return findExact(op, [args[1] as Value, args[0] as Value], imm);
  };
  const add = (value: Value) => {
    const key = hash(value.op, value.args, value.imm);
    const list = known.get(key);
    if (list) list.push(value);
    else known.set(key, [value]);
    body.push(value);
  };
  const simplifier = new Simplifier(fn, (op, type, args) => {
    const same = isPure(op) ? find(op, args, 0) : undefined;
    if (same) return same;
    const value = fn.value(op, type, args, 0, block, block.offset);
    add(value);
    return value;
  });

  for (const next of fn.blocks) {
    block = next;
    const old = next.body;
    body = [];
    for (const value of old) {
      const changed = resolveArgs(value) || !fn.isSimplified;
      if (changed && isSimplifiable(value.op)) {
        value.replacement = simplifier.make(value.op, value.type, value.args);
        continue;
      }
      const same = isPure(value.op) ? find(value.op, value.args, value.imm) : undefined;
      if (same) value.replacement = same;
      else if (isPure(value.op)) add(value);
      else body.push(value);
    }
    next.body = body;
  }
  for (const each of fn.blocks) mapInputs(each, resolve);
  fn.isSimplified = true;
}

function resolveArgs(value: Value): boolean {
  let changed = false;
  const { args } = value;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as Value;
    if (!arg.replacement) continue;
    args[i] = resolve(arg);
    changed = true;
  }
  return changed;
}

function hash(op: number, args: readonly Value[], imm: number): number {
  let h = Math.imul(op, 0x9e3779b1) ^ imm;
  for (const { id } of args) h = Math.imul(h ^ id, 0x85ebca6b) ^ (h >>> 15);
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
function numberDominators(fn: Fn): Dominance {
  const size = new Int32Array(fn.blockCount).fill(1);
  const first = new Int32Array(fn.blockCount);
  const { blocks } = fn;
  for (let i = blocks.length - 1; i > 0; i--) {
    const { id, idom } = blocks[i] as Block;
    size[(idom as Block).id] = (size[(idom as Block).id] as number) + (size[id] as number);
  }
  const taken = new Int32Array(fn.blockCount);
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
