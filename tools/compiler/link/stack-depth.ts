import { EXCEPTION_STACK_SIZE, KERNEL_STACK_SIZE } from '../../../boot/memory-map.ts';
import { STACK_IN_HAND, TRAP_LEVELS } from '../../../spec/abi/platform.ts';
import { TrapFrame } from '../../../spec/abi/trap-frame.ts';
import { UserError } from '../../errors.ts';
import type { ObjectFunction, WasmObject } from '../object.ts';
import { UNCHECKED_FRAME } from '../x86/frame.ts';
import { SAVED_BY_CALLEE } from '../x86/target.ts';

const RETURN_ADDRESS = 8;
/** What the prologue of any function, and any routine assembled by hand, pushes at most. */
const PUSHED = RETURN_ADDRESS + 8 * SAVED_BY_CALLEE.length;
/** An exception's frame, and what the CPU leaves out to align it. APM2 §8.9.3 */
const TRAP_FRAME = TrapFrame.size + 8;
/** What a function of a compartment may use that makes sure of nothing. */
const UNCHECKED = UNCHECKED_FRAME + PUSHED;

/** The kernel's exports that no compartment calls. */
const ENTRIES = ['main', 'trap'];

/**
 * Holds that every stack has room for what is to run on it, exceptions within each other included: the kernel's,
 * those of exceptions, and what compartments' code keeps in hand. Nothing in the kernel calls itself or by
 * a table, so that all of it is known.
 *
 * @throws UserError `unlinkable: …`
 */
export function checkStacks(kernel: WasmObject): void {
  const depthOf = stackDepths(kernel);
  const depths = new Map(
    [...kernel.exports].flatMap(([name, { kind, symbol }]) =>
      kind === 'function' ? [[name, depthOf(symbol)]] : [],
    ),
  );
  const offered = [...depths].filter(([name]) => !ENTRIES.includes(name));
  // One level more than are served: that the last is one too many is found out in its handler.
  const traps = (TRAP_LEVELS + 1) * (TRAP_FRAME + (depths.get('trap') ?? 0));
  const main = depths.get('main') ?? 0;
  const calls = Math.max(0, ...offered.map(([, depth]) => depth));
  expect('a stack of exceptions', traps, EXCEPTION_STACK_SIZE);
  expect("the kernel's stack", main + traps, KERNEL_STACK_SIZE);
  expect("what is in hand of a compartment's stack", UNCHECKED + calls + traps, STACK_IN_HAND);
}

function expect(stack: string, needed: number, size: number): void {
  if (needed <= size) return;
  throw new UserError(`unlinkable: the kernel needs ${needed} bytes of ${stack}, which is ${size}`);
}

/**
 * Bytes of stack that a function of the object takes, with all that it calls and its return address.
 *
 * @throws UserError for a function that calls itself, and where functions are called by address.
 */
export function stackDepths({ functions, relocations }: WasmObject): (symbol: string) => number {
  const bySymbol = new Map(functions.map((each) => [each.symbol, each]));
  const callees = new Map<ObjectFunction, Set<string>>(functions.map((each) => [each, new Set()]));
  for (const { section, offset, symbol, addend } of relocations) {
    if (section === 'text') {
      const caller = functionAt(functions, offset);
      if (caller) callees.get(caller)?.add(symbol);
    } else if (addend === 0 && bySymbol.has(symbol)) {
      // A jump table's entries are behind their function's first byte.
      throw new UserError(`unlinkable: the kernel has the address of ${symbol} in its data`);
    }
  }
  const known = new Map<string, number>();
  const path: string[] = [];
  const depthOf = (symbol: string): number => {
    const before = known.get(symbol);
    if (before !== undefined) return before;
    const fn = bySymbol.get(symbol);
    if (!fn) return PUSHED;
    if (path.includes(symbol)) {
      throw new UserError(`unlinkable: the kernel calls itself: ${[...path, symbol].join(' > ')}`);
    }
    path.push(symbol);
    const deepest = Math.max(0, ...[...(callees.get(fn) ?? [])].map(depthOf));
    path.pop();
    const depth = fn.frameSize + RETURN_ADDRESS + deepest;
    known.set(symbol, depth);
    return depth;
  };
  return depthOf;
}

/** The function in whose code `offset` lies; they are sorted. */
function functionAt(
  functions: readonly ObjectFunction[],
  offset: number,
): ObjectFunction | undefined {
  let low = 0;
  let high = functions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((functions[middle] as ObjectFunction).end <= offset) low = middle + 1;
    else high = middle;
  }
  const found = functions[low];
  return found && offset >= found.start ? found : undefined;
}
