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
  const ends: (ReadonlyKnown | undefined)[] = [];
  for (const block of fn.blocks) {
    const start = knownAtStart(block, ends, quiet);
    ends[block.id] = start;
    if (!block.body.some(({ op }) => isScalarLoad(op) || writesMemory(op))) continue;
    const known = new Map(start);
    block.body = block.body.filter((value) => !forward(value, known));
    ends[block.id] = known;
  }
  for (const block of fn.blocks) mapOperands(block, resolve);
}

/** What memory is known to hold, by operation, pointer and offset of the load that would read it. */
type Known = Map<number, { readonly load: Value; readonly pointer: Value; readonly value: Value }>;

type ReadonlyKnown = ReadonlyMap<number, Readonly<{ load: Value; pointer: Value; value: Value }>>;

const NOTHING: ReadonlyKnown = new Map();

/** What is known where all ways to a block meet; of a loop that writes nothing, where it is entered. */
function knownAtStart(
  block: Block,
  ends: readonly (ReadonlyKnown | undefined)[],
  quiet: ReadonlySet<Block>,
): ReadonlyKnown {
  const count = quiet.has(block) ? 1 : block.preds.length;
  let known = count > 0 ? ends[(block.preds[0] as Block).id] : undefined;
  for (let i = 1; i < count && known && known.size > 0; i++) {
    const other = ends[(block.preds[i] as Block).id];
    known = other && (other === known ? known : inBoth(known, other));
  }
  return known ?? NOTHING;
}

function inBoth(a: ReadonlyKnown, b: ReadonlyKnown): ReadonlyKnown {
  const both: Known = new Map();
  for (const [key, entry] of a) if (b.get(key)?.value === entry.value) both.set(key, entry);
  return both;
}

/** Whether the value is a load that another one stands for now. */
function forward(value: Value, known: Known): boolean {
  const { op, args } = value;
  if (isScalarLoad(op)) {
    const pointer = resolve(args[0] as Value);
    if (value.imm > FARTHEST) return false;
    const key = keyOf(op, pointer, value.imm);
    const found = known.get(key);
    if (found) {
      value.replacement = found.value;
      return true;
    }
    if (known.size < MOST_KNOWN) known.set(key, { load: value, pointer, value });
  } else if (op >= Op.I32_STORE && op <= Op.I64_STORE32) {
    store(value, known);
  } else if (writesMemory(op)) {
    known.clear();
  }
  return false;
}

function store(value: Value, known: Known): void {
  const pointer = resolve(value.args[0] as Value);
  const end = value.imm + (1 << accessShift(value.op));
  for (const [key, { load, pointer: other }] of known) {
    const loadEnd = load.imm + (1 << accessShift(load.op));
    const isApart = other === pointer && (loadEnd <= value.imm || end <= load.imm);
    if (!isApart) known.delete(key);
  }
  const load = READS_BACK.get(value.op);
  if (load === undefined || known.size >= MOST_KNOWN || value.imm > FARTHEST) return;
  const stored = resolve(value.args[1] as Value);
  known.set(keyOf(load, pointer, value.imm), { load: value, pointer, value: stored });
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

function keyOf(op: number, { id }: Value, offset: number): number {
  return (id * 16 + (op - Op.I32_LOAD)) * (FARTHEST + 1) + offset;
}

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
  header.body = header.body.filter((value, i) => {
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
    block.body = block.body.filter((value) => {
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
