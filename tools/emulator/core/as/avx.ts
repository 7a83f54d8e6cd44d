/** SSE, and AVX on XMM registers: SSE's effects with a result of their own. APM1 §4, APM4 §1.5. */
import { AVX_NONE, AVX_SAME, FILE_XMM, ROW_AVX, ROW_OPERANDS } from '../row-format';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { usableAvx, usableSse } from './floating-point';
import { NONE, pending } from './machine';
import { isMemory0 } from './operand';
import { AVX_FIRST, DESTINATION, PREFIXES, rowOf } from './record';
import { sse } from './sse';
import { setOperands } from './sse-operand';

/** The result in the making: first the first operand. */
const RESULT: usize = memory.data(16, 16);

/** Carries out an effect of SSE or AVX. False if it is not among those that are built. */
export function vectors(p: usize, effect: u32, n: u32): bool {
  if (load<u8>(rowOf(p), ROW_AVX) !== AVX_NONE) return avx(p, effect, n);
  return !usableSse() || sse(p, effect, n);
}

function avx(p: usize, effect: u32, n: u32): bool {
  if (!usableAvx()) return true;
  const row = rowOf(p);
  const isApart = load<u8>(row, ROW_AVX) !== AVX_SAME;
  if (isApart) {
    const first = (<usize>(load<u8>(p, PREFIXES) & AVX_FIRST)) << 4;
    v128.store(RESULT, v128.load(Cpu.XMM + first));
  }
  setOperands(isApart ? RESULT : 0, false);
  const known = sse(p, effect, n);
  setOperands(0, true);
  if (!known || pending !== NONE) return known;
  const to: usize = load<u8>(p, DESTINATION);
  if (isApart) v128.store(Cpu.XMM + to, v128.load(RESULT));
  if (load<u8>(row, ROW_OPERANDS) >> 4 === FILE_XMM && !isMemory0(p) && !readsFirst(effect)) {
    clearHigh(to);
  }
  if (effect === Effect.PCMPESTRM || effect === Effect.PCMPISTRM) clearHigh(0);
  return true;
}

/** The upper half of the YMM register whose lower one was written. */
function clearHigh(register: usize): void {
  v128.store(Cpu.YMM_HIGH + register, i64x2.splat(0));
}

/** Whether the first operand is a vector that is not written. */
function readsFirst(effect: u32): bool {
  switch (effect) {
    case Effect.UCOMISS:
    case Effect.UCOMISD:
    case Effect.COMISS:
    case Effect.COMISD:
    case Effect.PTEST:
    case Effect.MASKMOVDQU:
    case Effect.PCMPESTRM:
    case Effect.PCMPISTRM:
    case Effect.PCMPESTRI:
    case Effect.PCMPISTRI:
      return true;
    default:
      return false;
  }
}
