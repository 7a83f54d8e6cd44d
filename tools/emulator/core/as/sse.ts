/** SSE instructions by effect: what their operands are, and the moves. APM4 §1. */

import { FILE_XMM, ROW_OPERANDS } from '../row-format';
import { BOUNCE_END, finishWrite, writePointer } from './access';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { raiseGp } from './fault';
import {
  addressOf,
  failed,
  get1,
  isMemory0,
  isMemory1,
  set0,
  throughStack,
  writeRegister,
} from './operand';
import { DESTINATION, rowOf, SOURCE } from './record';
import { sseCipher } from './sse-cipher';
import { sseFloat } from './sse-float';
import { sseInteger } from './sse-integer';
import { destination, source } from './sse-operand';
import { sseText } from './sse-text';
import { sse4 } from './sse4';

/** Carries out an effect of SSE or AVX, which may be used. False if it is not among those that are built. */
export function sse(p: usize, effect: u32, n: u32): bool {
  return (
    move(p, effect, n) ||
    sseFloat(p, effect, n) ||
    sseCipher(p, effect) ||
    sseInteger(p, effect) ||
    sse4(p, effect, n) ||
    sseText(p, effect)
  );
}

/** Stores `n` bytes of the source register to the first operand in memory. */
function storeTo(p: usize, n: u32, from: usize, aligned: bool): void {
  const linear = addressOf(p);
  if (aligned && (linear & 15) !== 0) {
    raiseGp(0);
    return;
  }
  const to = writePointer(linear, n, throughStack(p));
  if (to === 0) return;
  if (n === 16) v128.store(to, v128.load(from));
  else if (n === 8) store<u64>(to, load<u64>(from));
  else store<u32>(to, load<u32>(from));
  if (to < BOUNCE_END) finishWrite();
}

function moveWhole(p: usize, aligned: bool): void {
  if (isMemory0(p)) {
    storeTo(p, 16, Cpu.XMM + load<u8>(p, SOURCE), aligned);
    return;
  }
  if (aligned && isMemory1(p) && (addressOf(p) & 15) !== 0) {
    raiseGp(0);
    return;
  }
  const from = source(p, 16, false);
  if (from === 0) return;
  v128.store(destination(p), v128.load(from));
}

/** movss, movsd, movq: from memory the rest of the register is cleared, between registers kept (not by movq). */
function moveScalar(p: usize, n: u32, clears: bool): void {
  if (isMemory0(p)) {
    storeTo(p, n, Cpu.XMM + load<u8>(p, SOURCE), false);
    return;
  }
  const from = source(p, n, false);
  if (from === 0) return;
  const value: u64 = n === 8 ? load<u64>(from) : load<u32>(from);
  const to = destination(p);
  if (clears || isMemory1(p)) {
    store<u64>(to, value);
    store<u64>(to, 0, 8);
  } else if (n === 8) store<u64>(to, value);
  else store<u32>(to, <u32>value);
}

/** Moves of one half of a register. */
function moveHalf(p: usize, toHigh: bool, fromHigh: bool): void {
  if (isMemory0(p)) {
    storeTo(p, 8, Cpu.XMM + load<u8>(p, SOURCE) + (fromHigh ? 8 : 0), false);
    return;
  }
  const from = source(p, 8, false);
  if (from === 0) return;
  const value = load<u64>(from + (fromHigh && !isMemory1(p) ? 8 : 0));
  store<u64>(destination(p) + (toHigh ? 8 : 0), value);
}

function move(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.MOVUPS:
    case Effect.MOVUPD:
    case Effect.MOVDQU:
    case Effect.LDDQU:
      moveWhole(p, false);
      return true;
    case Effect.MOVAPS:
    case Effect.MOVAPD:
    case Effect.MOVDQA:
    case Effect.MOVNTPS:
    case Effect.MOVNTPD:
    case Effect.MOVNTDQ:
    case Effect.MOVNTDQA:
      moveWhole(p, true);
      return true;
    case Effect.MOVSS:
      moveScalar(p, 4, false);
      return true;
    case Effect.MOVSD_XMM:
      moveScalar(p, 8, false);
      return true;
    case Effect.MOVQ:
      moveScalar(p, 8, true);
      return true;
    case Effect.MOVLPS:
    case Effect.MOVLPD:
      moveHalf(p, false, false);
      return true;
    case Effect.MOVHPS:
    case Effect.MOVHPD:
      moveHalf(p, true, isMemory0(p));
      return true;
    case Effect.MOVHLPS:
      moveHalf(p, false, true);
      return true;
    case Effect.MOVLHPS:
      moveHalf(p, true, false);
      return true;
    case Effect.MOVD:
      moveGeneral(p, n);
      return true;
    case Effect.MOVMSKPS:
      writeRegister(load<u8>(p, DESTINATION), 4, i32x4.bitmask(v128.load(source(p, 16, false))));
      return true;
    case Effect.MOVMSKPD:
      writeRegister(load<u8>(p, DESTINATION), 4, i64x2.bitmask(v128.load(source(p, 16, false))));
      return true;
    case Effect.PMOVMSKB:
      writeRegister(load<u8>(p, DESTINATION), 4, i8x16.bitmask(v128.load(source(p, 16, false))));
      return true;
    case Effect.MOVSLDUP: {
      const from = source(p, 16, true);
      if (from === 0) return true;
      const a = v128.load(from);
      v128.store(destination(p), v128.shuffle<i32>(a, a, 0, 0, 2, 2));
      return true;
    }
    case Effect.MOVSHDUP: {
      const from = source(p, 16, true);
      if (from === 0) return true;
      const a = v128.load(from);
      v128.store(destination(p), v128.shuffle<i32>(a, a, 1, 1, 3, 3));
      return true;
    }
    case Effect.VPBROADCASTQ:
    case Effect.MOVDDUP: {
      const from = source(p, 8, false);
      if (from !== 0) v128.store(destination(p), i64x2.splat(load<i64>(from)));
      return true;
    }
    case Effect.VPBROADCASTB: {
      const from = source(p, 1, false);
      if (from !== 0) v128.store(destination(p), i8x16.splat(load<i8>(from)));
      return true;
    }
    case Effect.VPBROADCASTW: {
      const from = source(p, 2, false);
      if (from !== 0) v128.store(destination(p), i16x8.splat(load<i16>(from)));
      return true;
    }
    case Effect.VBROADCASTSS:
    case Effect.VPBROADCASTD: {
      const from = source(p, 4, false);
      if (from !== 0) v128.store(destination(p), i32x4.splat(load<i32>(from)));
      return true;
    }
    case Effect.MASKMOVDQU:
      moveMasked(p);
      return true;
    default:
      return false;
  }
}

/** movd and movq between general and XMM registers: which way, the row's operands tell. */
function moveGeneral(p: usize, n: u32): void {
  if (load<u8>(rowOf(p), ROW_OPERANDS) >> 4 !== FILE_XMM) {
    const from = Cpu.XMM + load<u8>(p, SOURCE);
    set0(p, n, n === 8 ? load<u64>(from) : load<u32>(from));
    return;
  }
  const value = get1(p, n);
  if (failed()) return;
  store<u64>(destination(p), value);
  store<u64>(destination(p), 0, 8);
}

/** Stores the bytes of the first register that the second one's sign bits name, at DS:rDI. */
function moveMasked(p: usize): void {
  const mask = Cpu.XMM + load<u8>(p, SOURCE);
  const to = writePointer(load<u64>(Cpu.RDI), 16, false);
  if (to === 0) return;
  for (let i: usize = 0; i < 16; i++) {
    if (load<i8>(mask + i) < 0) store<u8>(to + i, load<u8>(destination(p) + i));
  }
  if (to < BOUNCE_END) finishWrite();
}
