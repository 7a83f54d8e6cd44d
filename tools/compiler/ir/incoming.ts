import type { Codes } from './context.ts';
import type { LocalValues } from './locals.ts';
import type { Block, Value } from './value.ts';

/** A jump to the end of a block construct, made before that end is reached. */
export interface Incoming {
  readonly from: Block;
  readonly locals: LocalValues;
  readonly values: readonly Value[];
  readonly globals: ReadonlyMap<number, Value>;
}

/** An open construct. */
export interface Frame {
  readonly op: number;
  readonly type: Codes;
  /** Height of the operand stack below the construct's parameters. */
  readonly height: number;
  readonly incoming: Incoming[];
  readonly loop: LoopFrame | undefined;
  /** IF: where the else branch starts, until it does. */
  otherwise: Incoming | undefined;
}

/** What jumps to a loop's top need: the locals it has a phi for, and those phis, parameters' phis last. */
export interface LoopFrame {
  readonly header: Block;
  readonly assigned: readonly number[];
  readonly phis: readonly Value[];
}

/** The last block that all the jumps have passed. */
export function commonDominator(incoming: readonly Incoming[]): Block {
  let common = (incoming[0] as Incoming).from;
  for (const { from } of incoming) {
    let other = from;
    while (common !== other) {
      if (common.level > other.level) common = common.idom as Block;
      else other = other.idom as Block;
    }
  }
  return common;
}

/** What all the jumps know globals to hold. */
export function commonGlobals(incoming: readonly Incoming[]): ReadonlyMap<number, Value> {
  const first = incoming[0] as Incoming;
  if (incoming.every(({ globals }) => globals === first.globals)) return first.globals;
  const common = new Map<number, Value>();
  for (const [index, value] of first.globals) {
    if (incoming.every(({ globals }) => globals.get(index) === value)) common.set(index, value);
  }
  return common;
}
