import { type Inst, type MachineFn, XMM } from './machine.ts';

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

/** Whether RSP must be aligned: something is called, which destroys XMM0, or the frame is used. */
export function needsFrame(fn: MachineFn, bytes: number): boolean {
  const calls = ({ clobbers }: Inst) => ((clobbers >>> XMM) & 1) === 1;
  return bytes > 0 || fn.blocks.some(({ insts }) => insts.some(calls));
}
