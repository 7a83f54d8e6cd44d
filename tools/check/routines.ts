import { createHash } from 'node:crypto';
import type { Analysis, FunctionState } from './analysis.ts';
import { instructionAt } from './instruction.ts';

export type Contract =
  /** Moves RDX bytes from [RSI] to [RDI]. */
  | 'copy'
  /** Writes RDX bytes from [RDI] on. */
  | 'set'
  /** Grows the table whose descriptor is at RDI by ESI entries made of RDX and RCX. */
  | 'grow'
  /** Writes RDX entries made of R8 and R9 from RDI on. */
  | 'fill';

/**
 * SHA-256 of the code of routines that were written and reviewed by hand, whose pointer arithmetic the
 * checker does not follow. Each keeps to its contract for whatever it is called with, and to callers'
 * registers. Where they call {@link GROW_STUB} the digest has zeros.
 */
const REVIEWED: ReadonlyMap<string, Contract> = new Map([
  ['06ff7142508c56ff713e0fd10977483f1cfd8605bdf779507ac71bb3dc9734f8', 'copy'],
  // With vector registers, by the instructions of SSE and of AVX.
  ['663c1db691cb9938bcfbea8e0c2d88f13e46b0a643bb59221ac7ca9d61c1d8a8', 'copy'],
  ['4116bbec76e36acea7f43e680a9205845b12211b8a9911c0e095238983ffc019', 'copy'],
  ['609d01b4d87c27bc466025243275a80814b9cc925d93f6acb97a6d48e044158f', 'set'],
  ['b52780b0128f040da43f515077aac5d9305b8a699c701918973908349fe75e27', 'set'],
  ['e713fab6cc4e32445a27167985e8a58cbd75be8370cdb0703f8cc0dadfda7dcb', 'grow'],
  ['06177833638c5cd4eed33786ef6489240baf7861fed7a372b694b9d74721538d', 'fill'],
]);

/** Bytes of the longest of them: nothing longer need be digested. */
const LONGEST = 512;

/** The part of a compartment that asks the kernel to make room for a table. */
export const GROW_STUB = 'table_grow';

/** Bytes of a call's distance, at its end. */
const DISTANCE = 4;

/** The contract of a routine, if its bytes are those that were reviewed. */
export function contractOf(analysis: Analysis, fn: FunctionState): Contract | undefined {
  if (fn.contract === undefined) {
    const isShort = fn.code.end - fn.code.start <= LONGEST;
    fn.contract = (isShort && REVIEWED.get(digestOf(analysis, fn))) || 'none';
  }
  return fn.contract === 'none' ? undefined : fn.contract;
}

/** What {@link contractOf} knows a routine by. */
export function digestOf({ program, functions }: Analysis, { code }: FunctionState): string {
  const { start, end, compartment } = code;
  const bytes = Uint8Array.from(program.memory.read(start, end - start) ?? []);
  for (let at = 0; at < bytes.length; ) {
    const instruction = instructionAt(bytes, start, at);
    if (typeof instruction === 'string') break;
    at = instruction.next - start;
    const [operand] = instruction.operands;
    if (instruction.row.effect.name !== 'call' || operand?.kind !== 'target') continue;
    const callee = functions.get(operand.address)?.code.name;
    if (callee === `${compartment.name}!${GROW_STUB}`) bytes.fill(0, at - DISTANCE, at);
  }
  return createHash('sha256').update(bytes).digest('hex');
}
