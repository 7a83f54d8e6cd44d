/** Instructions that have no operation of their own: carried out by the effect of their row. */

import { FLAG_HOST, FLAG_SSE, ROW_EFFECT, ROW_FLAGS } from '../row-format';
import { vectors } from './avx';
import { bits } from './bits';
import { controlRegisters } from './control-registers';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { extendedState } from './extended-state';
import { raiseGp, raiseUd, unimplementedRow } from './fault';
import { floatingPoint } from './floating-point';
import { integer } from './integer';
import { legacy } from './legacy';
import {
  extraIterations,
  markAtRip,
  NONE,
  pending,
  RESYNC,
  STOP,
  setExtraIterations,
  setPending,
} from './machine';
import { msrs } from './msr';
import { ports } from './ports';
import { ROW, rowOf, WIDTH } from './record';
import { snp } from './snp';
import { stack } from './stack';
import { strings } from './strings';
import { lacksPrivilege, system } from './system';
import { transfer } from './transfer';

/**
 * Carries out the record at `p`, whose flags, RIP and instruction count are in the state; `most` is
 * how many instructions may still be counted. Afterwards nothing is pending, or what is says that the
 * state is up to date.
 */
export function slow(p: usize, most: u64): void {
  setExtraIterations(0);
  dispatch(p, most);
  if (pending === NONE) return;
  if (pending === RESYNC) {
    store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + 1 + extraIterations);
    setPending(STOP);
  } else markAtRip();
}

function dispatch(p: usize, most: u64): void {
  const row = rowOf(p);
  const effect: u32 = load<u16>(row, ROW_EFFECT);
  const n: u32 = load<u8>(p, WIDTH);
  const flags: u32 = load<u8>(row, ROW_FLAGS);
  if ((flags & FLAG_HOST) !== 0) {
    // A guest has neither SVM nor the host's RMP instructions here: EFER.SVME does not show them.
    raiseUd();
    return;
  }
  if (lacksPrivilege(p)) {
    if (effect === Effect.PVALIDATE || effect === Effect.RMPADJUST || effect === Effect.RMPQUERY) {
      snp(p, effect);
    } else raiseGp(0);
    return;
  }
  if ((flags & FLAG_SSE) !== 0) {
    if (vectors(p, effect, n)) return;
  } else {
    if (integer(p, effect, n) || strings(p, effect, n, most) || stack(p, effect, n)) return;
    if (transfer(p, effect, n) || bits(p, effect, n) || system(p, effect, n)) return;
    if (controlRegisters(p, effect, n) || msrs(p, effect, n) || ports(p, effect, n)) return;
    if (snp(p, effect) || legacy(p, effect, n)) return;
    if (floatingPoint(p, effect) || extendedState(p, effect)) return;
  }
  unimplementedRow(load<u16>(p, ROW));
}
