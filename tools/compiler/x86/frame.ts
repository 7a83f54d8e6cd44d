import { type MachineFn, XMM } from './machine.ts';
import type { Target } from './target.ts';

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
function hasCalls({ clobbered }: MachineFn): boolean {
  return ((clobbered >>> XMM) & 1) === 1;
}
