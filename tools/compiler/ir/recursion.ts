import type { BodyFacts, FunctionBody } from '../wasm/module.ts';

/** Bytes of Wasm that a function's calls of itself may add to it in all. */
const MOST_ADDED = 600;
const DEEPEST = 4;

/**
 * How deep a function's calls of itself are to be replaced by its body: 0 for functions that do not
 * call themselves, or that do much else. Everything else that is worth inlining is left to Binaryen,
 * which sees all callers; it leaves out recursion.
 */
export function recursionDepth({ start, end, facts }: FunctionBody): number {
  const size = end - start;
  if (size > MOST_ADDED) return 0;
  const calls = countedCalls(facts);
  if (calls === 0) return 0;
  let depth = 0;
  for (let bodies = calls, added = 0; depth < DEEPEST; depth++, bodies *= calls) {
    added += bodies * size;
    if (added > MOST_ADDED) break;
  }
  return depth;
}

/** None for a function with a loop, where calls cost little of the time, or with tail calls. */
function countedCalls({ hasLoops, hasTailCalls, callsOfItself }: BodyFacts): number {
  return hasLoops || hasTailCalls ? 0 : callsOfItself;
}
