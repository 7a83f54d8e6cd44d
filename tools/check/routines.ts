import { createHash } from 'node:crypto';
import type { Analysis, FunctionState } from './analysis.ts';

/**
 * SHA-256 of the code of routines that were written and reviewed by hand, whose pointer arithmetic the
 * checker does not follow. Each keeps to its contract whatever its bytes are called with.
 */
const REVIEWED: ReadonlyMap<string, Contract> = new Map([
  ['06ff7142508c56ff713e0fd10977483f1cfd8605bdf779507ac71bb3dc9734f8', 'copy'],
]);

/** `copy`: moves RDX bytes from [RSI] to [RDI], touching nothing else but caller-saved registers. */
export type Contract = 'copy';

/** The contract of a routine, if its bytes are those that were reviewed. */
export function contractOf({ program }: Analysis, { code }: FunctionState): Contract | undefined {
  const bytes = program.memory.read(code.start, code.end - code.start);
  if (!bytes) return undefined;
  return REVIEWED.get(createHash('sha256').update(bytes).digest('hex'));
}
