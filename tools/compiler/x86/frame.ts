import { type Inst, type MachineFn, XMM } from './machine.ts';
import type { Target } from './target.ts';

/** General registers that the function's code changes, a bit for each. */
export function writtenRegisters(fn: MachineFn): number {
  let written = 0;
  const note = (location: number) => {
    if (location >= 0 && location < XMM) written |= 1 << location;
  };
  for (const { insts, startMoves, endMoves, moves } of fn.blocks) {
    for (const { defAt, tempAt, clobbers } of insts) {
      for (const location of defAt) note(location);
      for (const location of tempAt) note(location);
      written |= clobbers;
    }
    for (const { to } of startMoves) note(to);
    for (const { to } of endMoves) note(to);
    if (moves) for (const list of moves.values()) for (const { to } of list) note(to);
  }
  return written;
}

const PAGE = 4096;
/** Frames up to this size can not step over a guard page: a call's return address lies within it. */
const UNPROBED = PAGE - 64;
/**
 * Largest frame, without saved registers, of a function that makes sure of no stack, where others do:
 * it calls nothing, and is the last of a chain.
 */
export const UNCHECKED_FRAME = 512;

/** Whether RSP must be aligned: something is called, or the frame is used. */
export function needsFrame(fn: MachineFn, bytes: number): boolean {
  return bytes > 0 || hasCalls(fn);
}

/**
 * How far below RSP a function that is about to make a frame of `bytes` bytes touches the stack, in that
 * order: each page of a large frame, and what it must have in hand below.
 */
export function stackProbes(fn: MachineFn, bytes: number, { stackInHand }: Target): number[] {
  const probes: number[] = [];
  if (bytes > UNPROBED) {
    for (let at = PAGE; at <= bytes; at += PAGE) probes.push(at);
  }
  const checks = stackInHand > 0 && (bytes > UNCHECKED_FRAME || hasCalls(fn));
  return checks ? [...probes, bytes + stackInHand] : probes;
}

/** Whether something is called, which destroys XMM0. */
function hasCalls(fn: MachineFn): boolean {
  const calls = ({ clobbers }: Inst) => ((clobbers >>> XMM) & 1) === 1;
  return fn.blocks.some(({ insts }) => insts.some(calls));
}
