import { mapList } from '../lists.ts';
import { isLoad, Op } from '../wasm/opcodes.ts';
import { orderBlocks } from './dominators.ts';
import { addEdge } from './edges.ts';
import { findLoops, isInLoop } from './loops.ts';
import { removeTrivialPhis } from './phis.ts';
import { isSimplifiable, Simplifier } from './simplify.ts';
import { SsaRepair } from './ssa-repair.ts';
import { type Block, Exit, type Fn, Ir, isDivision, isPure, resolve, type Value } from './value.ts';

/** Operations of a test that is copied, at most. */
const MOST_COPIED = 12;

/**
 * Turns loops that begin with their test into ones that end with it, behind a copy of the test that
 * decides whether they are entered at all: what their body does first is then done by whoever enters
 * them, and may be moved out; and each entry saves a jump.
 */
export function rotateLoops(fn: Fn): void {
  if (!fn.blocks.some(({ isLoopHeader }) => isLoopHeader)) return;
  findLoops(fn);
  const headers = fn.blocks.filter(isRotatable);
  if (headers.length === 0) return;
  const repair = new SsaRepair(fn);
  for (const header of headers) rotate(fn, header, repair);
  orderBlocks(fn);
  repair.run();
  removeTrivialPhis(fn);
}

/** Whether a loop begins with a short test, and does not end with one. */
function isRotatable(header: Block): boolean {
  const { isLoopHeader, exit, body, succs, preds } = header;
  if (!isLoopHeader || exit !== Exit.BRANCH || body.length > MOST_COPIED) return false;
  if (!body.every(({ op }) => isPure(op) || isLoad(op))) return false;
  const inside = succs.filter((succ) => isInLoop(succ, header));
  if (inside.length !== 1) return false;
  return preds.every((pred, i) => i === 0 || !isBehindTest(pred, header));
}

/** Whether a way back to the header is chosen by a test that may also leave the loop. */
function isBehindTest(block: Block, header: Block): boolean {
  const from = block.preds[0];
  return (
    block.body.length === 0 &&
    block.preds.length === 1 &&
    from?.exit === Exit.BRANCH &&
    !from.succs.every((succ) => isInLoop(succ, header))
  );
}

function rotate(fn: Fn, header: Block, repair: SsaRepair): void {
  const before = header.preds[0] as Block;
  const at = fn.blocks.indexOf(header);
  const [yes, no] = header.succs as [Block, Block];
  const inside = isInLoop(yes, header) ? yes : no;
  const isEntered = isSureToEnter(fn, header, inside === yes);
  const guard = copyTest(fn, header, repair);
  replace(before.succs, header, guard);
  guard.addPred(before);
  header.preds.shift();
  for (const phi of header.phis) phi.args.shift();
  header.isLoopHeader = false;
  inside.isLoopHeader = true;
  const outside = inside === yes ? no : yes;
  // Where the loop is left comes after it.
  fn.blocks.splice(at, 1, guard);
  fn.blocks.push(header);
  const enter = addEdge(fn, guard, inside);
  const again = addEdge(fn, header, inside);
  const leave = addEdge(fn, header, outside);
  inside.preds = [enter, again];
  outside.preds = [leave];
  header.succs = inside === yes ? [again, leave] : [leave, again];
  if (isEntered) {
    guard.exit = Exit.JUMP;
    guard.control = undefined;
    guard.succs = [enter];
    return;
  }
  const pass = addEdge(fn, guard, outside);
  outside.addPred(pass);
  guard.succs = inside === yes ? [enter, pass] : [pass, enter];
}

/** Whether the test is known to come out so the first time. */
function isSureToEnter(fn: Fn, header: Block, ifHolds: boolean): boolean {
  const known = new Map<Value, Value>();
  const mapped = (value: Value) => known.get(value) ?? value;
  const simplifier = new Simplifier(fn, (op, type, args) =>
    fn.value(op, type, args, 0, undefined, header.offset),
  );
  for (const phi of header.phis) known.set(phi, resolve(phi.args[0] as Value));
  for (const value of header.body) {
    if (!isSimplifiable(value.op) || isDivision(value.op)) continue;
    known.set(value, simplifier.make(value.op, value.type, mapList(value.args, mapped)));
  }
  const control = mapped(header.control as Value);
  return control.op === Op.I32_CONST && (control.imm !== 0) === ifHolds;
}

/** The header's operations once more, on what the loop starts with. */
function copyTest(fn: Fn, header: Block, repair: SsaRepair): Block {
  const guard = fn.detachedBlock();
  guard.exit = Exit.BRANCH;
  guard.offset = header.offset;
  const copies = new Map<Value, Value>();
  const note = (value: Value, copy: Value) => {
    copies.set(value, copy);
    repair.addCopy(value, copy);
  };
  for (const phi of header.phis) {
    const copy = fn.value(Ir.PHI, phi.type, [phi.args[0] as Value], 0, guard, phi.offset);
    guard.phis.push(copy);
    note(phi, copy);
  }
  const mapped = (value: Value) => copies.get(value) ?? value;
  for (const value of header.body) {
    const { op, type, args, imm, offset, aux } = value;
    const copy = fn.value(op, type, mapList(args, mapped), imm, guard, offset, aux);
    guard.body.push(copy);
    note(value, copy);
  }
  guard.control = mapped(header.control as Value);
  return guard;
}

function replace(blocks: Block[], old: Block, by: Block): void {
  blocks[blocks.indexOf(old)] = by;
}
