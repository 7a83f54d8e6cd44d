/** Where this machine's parts lie in memory, and what the current instruction has come to. */
import * as Region from '../memory-map';

export let systemFrames: u32 = 0;
export let gpaFrames: u64 = 0;
export let nestedBase: usize = 0;
export let codeBase: usize = 0;
export let framesBase: usize = 0;

export function setGeometry(
  system: u32,
  gpa: u32,
  nested: usize,
  code: usize,
  frames: usize,
): void {
  systemFrames = system;
  gpaFrames = gpa;
  nestedBase = nested;
  codeBase = code;
  framesBase = frames;
}

/** Address of the FrameInfo of a system frame. */
export function frameInfo(frame: u32): usize {
  return Region.FRAME_INFO + <usize>frame * Region.FRAME_INFO_SIZE;
}

/** Notes in the FrameInfo at `info` that the frame's bytes change by a write. */
export function noteWrite(info: usize): void {
  const flags = load<u8>(info, Region.FRAME_FLAGS);
  store<u8>(info, flags | <u8>(Region.FRAME_WRITTEN | Region.FRAME_CHANGED), Region.FRAME_FLAGS);
}

/** As {@link noteWrite}, where they change because the frame is held under another key. */
export function noteChange(info: usize): void {
  const flags = load<u8>(info, Region.FRAME_FLAGS);
  store<u8>(info, flags | <u8>Region.FRAME_CHANGED, Region.FRAME_FLAGS);
}

/** Address of a system frame's bytes. */
export function frameBytes(frame: u32): usize {
  return framesBase + ((<usize>frame) << 12);
}

/** The instruction is complete, or nothing has happened yet. */
export const NONE: u32 = 0;
/** An exception at the instruction, which has had no effect. */
export const EXCEPTION: u32 = 1;
/** A #VMEXIT at the instruction, which has had no effect. */
export const EXIT: u32 = 2;
/** The instruction is complete and `state.rip` is the next one's; what was decoded may not hold. */
export const RESYNC: u32 = 3;
/** As RESYNC, and the instruction count is up to date. */
export const STOP: u32 = 4;
/** An exception at `state.rip`, before any instruction there; the count is up to date. */
export const EXCEPTION_AT_RIP: u32 = 5;

/** A #VMEXIT; `state.rip` and the instruction count are what the exit shows. */
export const EXIT_AT_RIP: u32 = 6;

/** What became of the current instruction, one of the above. */
export let pending: u32 = 0;

export function setPending(what: u32): void {
  pending = what;
}

/** Says that `state.rip` and the instruction count are already what the pending event is to show. */
export function markAtRip(): void {
  if (pending === EXCEPTION) pending = EXCEPTION_AT_RIP;
  else if (pending === EXIT) pending = EXIT_AT_RIP;
}

/** Iterations of a REP instruction beyond the first, which count as instructions too. */
export let extraIterations: u64 = 0;

export function setExtraIterations(n: u64): void {
  extraIterations = n;
}
