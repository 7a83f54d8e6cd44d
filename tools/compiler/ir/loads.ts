import { accessShift, isStore, Op } from '../wasm/opcodes.ts';
import { isInLoop } from './loops.ts';
import {
  type Block,
  type Fn,
  hasEffect,
  isConstant,
  isPure,
  mapOperands,
  resolve,
  retain,
  type Value,
} from './value.ts';
import { onlyLoads } from './vector-ops.ts';

/** How many loads are remembered at a time, and how many leave a loop. */
const MOST_KNOWN = 32;
const MOST_HOISTED = 4;
/** Greatest offset of a load that is remembered. */
const FARTHEST = 0xffff;

/**
 * Removes loads of what is known: loaded from or stored to the same address before, with nothing
 * in between that may write there. (Memory that someone else writes too is read by `volatile.*`.)
 */
export function forwardLoads(fn: Fn): void {
  const quiet = quietLoops(fn);
  const ends = new Array<Known | undefined>(fn.blockCount).fill(undefined);
  let isChanged = false;
  const forward = (value: Value, known: Fact[]) => {
    value.replacement = isScalarLoad(value.op) ? load(value, known) : undefined;
    if (value.replacement) isChanged = true;
    else if (writesMemory(value.op)) write(value, known);
    return !value.replacement;
  };
  for (const block of fn.blocks) {
    const start = knownAtStart(block, ends, quiet);
    ends[block.id] = start;
    if (!block.body.some(({ op }) => isScalarLoad(op) || writesMemory(op))) continue;
    const known = start.slice();
    retain(block.body, (value) => forward(value, known));
    ends[block.id] = known;
  }
  if (isChanged) for (const block of fn.blocks) mapOperands(block, resolve);
}

/** That memory holds `value`, as a load from a pointer and an offset would read it. */
interface Fact {
  readonly load: number;
  readonly pointer: Value;
  readonly offset: number;
  /** Offset of the first byte after it. */
  readonly end: number;
  readonly value: Value;
}

/** What memory is known to hold, the oldest first. */
type Known = readonly Fact[];

const NOTHING: Known = [];

/** What is known where all ways to a block meet; of a loop that writes nothing, where it is entered. */
function knownAtStart(
  block: Block,
  ends: readonly (Known | undefined)[],
  quiet: ReadonlySet<Block>,
): Known {
  const count = quiet.has(block) ? 1 : block.preds.length;
  let known = count > 0 ? ends[(block.preds[0] as Block).id] : undefined;
  for (let i = 1; i < count && known && known.length > 0; i++) {
    const other = ends[(block.preds[i] as Block).id];
    known = other && (other === known ? known : inBoth(known, other));
  }
  return known ?? NOTHING;
}

function inBoth(a: Known, b: Known): Known {
  return a.filter(
    (fact) =>
      b.includes(fact) || find(b, fact.load, fact.pointer, fact.offset)?.value === fact.value,
  );
}

function find(known: Known, load: number, pointer: Value, offset: number): Fact | undefined {
  for (let i = 0; i < known.length; i++) {
    const fact = known[i] as Fact;
    if (fact.pointer === pointer && fact.offset === offset && fact.load === load) return fact;
  }
  return undefined;
}

/** What a load is known to load; if nothing, it is remembered. */
function load(value: Value, known: Fact[]): Value | undefined {
  const { op, imm: offset } = value;
  const pointer = resolve(value.args[0] as Value);
  if (offset > FARTHEST) return undefined;
  const fact = find(known, op, pointer, offset);
  if (!fact) remember(known, op, pointer, offset, value);
  return fact?.value;
}

function remember(known: Fact[], op: number, pointer: Value, offset: number, value: Value): void {
  if (known.length >= MOST_KNOWN) return;
  known.push({ load: op, pointer, offset, end: offset + (1 << accessShift(op)), value });
}

/** Forgets what something with an effect may change, and remembers what a store stores. */
function write(value: Value, known: Fact[]): void {
  const { op, args, imm: offset } = value;
  if (op < Op.I32_STORE || op > Op.I64_STORE32) {
    known.length = 0;
    return;
  }
  const pointer = resolve(args[0] as Value);
  const end = offset + (1 << accessShift(op));
  retain(known, (fact) => fact.pointer === pointer && (fact.end <= offset || end <= fact.offset));
  const load = READS_BACK.get(op);
  if (load === undefined || offset > FARTHEST) return;
  remember(known, load, pointer, offset, resolve(args[1] as Value));
}

function isScalarLoad(op: number): boolean {
  return op >= Op.I32_LOAD && op <= Op.I64_LOAD32_U;
}

/** The load that reads what a store has stored, as it was. */
const READS_BACK = new Map<number, number>([
  [Op.I32_STORE, Op.I32_LOAD],
  [Op.I64_STORE, Op.I64_LOAD],
  [Op.F32_STORE, Op.F32_LOAD],
  [Op.F64_STORE, Op.F64_LOAD],
]);

/** Anything with an effect may write memory, but what only traps and what sets globals. */
function writesMemory(op: number): boolean {
  return (
    isStore(op) ||
    (hasEffect(op) && !onlyLoads(op) && !isDivisionOrTruncation(op) && op !== Op.GLOBAL_SET)
  );
}

function isDivisionOrTruncation(op: number): boolean {
  return op >= Op.I32_DIV_S && op <= Op.I64_TRUNC_F64_U;
}

/** Headers of the loops in which nothing writes memory. */
function quietLoops(fn: Fn): Set<Block> {
  const quiet = new Set(fn.blocks.filter(({ isLoopHeader }) => isLoopHeader));
  for (const { body, loop } of fn.blocks) {
    if (!loop || !body.some(({ op }) => writesMemory(op))) continue;
    for (let around: Block | undefined = loop; around; around = around.outer) {
      quiet.delete(around);
    }
  }
  return quiet;
}

/**
 * Moves loads out of loops that write no memory: those that every entry of the loop would do first
 * of all, and those that lie below the end of such a one from the same pointer, so that they can
 * not trap where it did not.
 */
export function hoistLoads(fn: Fn): void {
  const quiet = quietLoops(fn);
  for (const header of fn.blocks) if (quiet.has(header)) hoistFrom(fn, header);
}

function hoistFrom(fn: Fn, header: Block): void {
  const before = header.preds[0] as Block;
  const safeEnds = new Map<Value, number>();
  let left = MOST_HOISTED;
  const isInvariant = (value: Value) =>
    isConstant(value) || (value.block !== undefined && !isInLoop(value.block, header));
  const hoist = (load: Value) => {
    load.block = before;
    before.body.push(load);
    left--;
    const pointer = load.args[0] as Value;
    safeEnds.set(pointer, Math.max(safeEnds.get(pointer) ?? 0, endOf(load)));
  };
  const first = header.body.findIndex(({ op }) => !isPure(op) && !onlyLoads(op) && hasEffect(op));
  const leading = first < 0 ? header.body.length : first;
  retain(header.body, (value, i) => {
    const { op, args } = value;
    if (i >= leading || left === 0 || !isScalarLoad(op) || !isInvariant(args[0] as Value))
      return true;
    hoist(value);
    return false;
  });
  if (safeEnds.size === 0) return;
  for (let i = header.order; i < fn.blocks.length; i++) {
    const block = fn.blocks[i] as Block;
    if (!isInLoop(block, header)) break;
    retain(block.body, (value) => {
      const safeEnd = isScalarLoad(value.op) ? safeEnds.get(value.args[0] as Value) : undefined;
      if (left === 0 || safeEnd === undefined || endOf(value) > safeEnd) return true;
      hoist(value);
      return false;
    });
  }
}

function endOf(load: Value): number {
  return load.imm + (1 << accessShift(load.op));
}
