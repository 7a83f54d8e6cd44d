/** SSE and SSE2 by effect. APM4. */
import { usableSse } from './floating-point';

/** Carries out an SSE effect. False if it is not among those that are built. */
export function sse(_p: usize, _effect: u32, _n: u32): bool {
  return !usableSse();
}
