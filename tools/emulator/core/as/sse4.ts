/** SSE3, SSSE3 and SSE4 by effect. APM4 §1. */

import { ROW_SOURCE } from '../row-format';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { setFlags } from './flags';
import { failed, isMemory0, isMemory1, readOperandMemory, readRegister, set0 } from './operand';
import { IMMEDIATE, rowOf, SOURCE } from './record';
import { ADD, built, double, SUB, single } from './sse-float';
import { destination, source } from './sse-operand';

/** The two operands as they were, while the destination is written. */
const A: usize = memory.data(16, 16);
const B: usize = memory.data(16, 16);

/** Carries out an effect of this file. False if `effect` is none of them. */
export function sse4(p: usize, effect: u32, n: u32): bool {
  if (insertOrExtract(p, effect, n) || extend(p, effect)) return true;
  if (!isWhole(effect)) return false;
  const from = source(p, 16, true);
  if (from === 0) return true;
  const to = destination(p);
  v128.store(A, v128.load(to));
  v128.store(B, v128.load(from));
  if (horizontal(effect, to) || bytewise(p, effect, to) || blend(p, effect, to)) return true;
  lanes(effect, to);
  return true;
}

function isWhole(effect: u32): bool {
  switch (effect) {
    case Effect.ADDSUBPS:
    case Effect.ADDSUBPD:
    case Effect.HADDPS:
    case Effect.HADDPD:
    case Effect.HSUBPS:
    case Effect.HSUBPD:
    case Effect.PSHUFB:
    case Effect.PHADDW:
    case Effect.PHADDD:
    case Effect.PHADDSW:
    case Effect.PHSUBW:
    case Effect.PHSUBD:
    case Effect.PHSUBSW:
    case Effect.PMADDUBSW:
    case Effect.PMULHRSW:
    case Effect.PSIGNB:
    case Effect.PSIGNW:
    case Effect.PSIGND:
    case Effect.PABSB:
    case Effect.PABSW:
    case Effect.PABSD:
    case Effect.PALIGNR:
    case Effect.PMULDQ:
    case Effect.PCMPEQQ:
    case Effect.PCMPGTQ:
    case Effect.PACKUSDW:
    case Effect.PMINSB:
    case Effect.PMINSD:
    case Effect.PMINUW:
    case Effect.PMINUD:
    case Effect.PMAXSB:
    case Effect.PMAXSD:
    case Effect.PMAXUW:
    case Effect.PMAXUD:
    case Effect.PHMINPOSUW:
    case Effect.PBLENDVB:
    case Effect.BLENDVPS:
    case Effect.BLENDVPD:
    case Effect.BLENDPS:
    case Effect.BLENDPD:
    case Effect.PBLENDW:
    case Effect.PTEST:
    case Effect.MPSADBW:
      return true;
    default:
      return false;
  }
}

/** Sums and differences of neighbours. */
function horizontal(effect: u32, to: usize): bool {
  switch (effect) {
    case Effect.ADDSUBPS:
      if (!built()) return true;
      for (let i: usize = 0; i < 16; i += 4) {
        const operation = (i & 4) === 0 ? SUB : ADD;
        store<u32>(to + i, single(operation, load<u32>(A + i), load<u32>(B + i)));
      }
      return true;
    case Effect.ADDSUBPD:
      if (!built()) return true;
      store<u64>(to, double(SUB, load<u64>(A), load<u64>(B)));
      store<u64>(to, double(ADD, load<u64>(A, 8), load<u64>(B, 8)), 8);
      return true;
    case Effect.HADDPS:
    case Effect.HSUBPS: {
      if (!built()) return true;
      const operation = effect === Effect.HADDPS ? ADD : SUB;
      for (let i: usize = 0; i < 8; i += 4) {
        store<u32>(to + i, single(operation, load<u32>(A + i * 2), load<u32>(A + i * 2, 4)));
        store<u32>(to + 8 + i, single(operation, load<u32>(B + i * 2), load<u32>(B + i * 2, 4)));
      }
      return true;
    }
    case Effect.HADDPD:
    case Effect.HSUBPD: {
      if (!built()) return true;
      const operation = effect === Effect.HADDPD ? ADD : SUB;
      store<u64>(to, double(operation, load<u64>(A), load<u64>(A, 8)));
      store<u64>(to, double(operation, load<u64>(B), load<u64>(B, 8)), 8);
      return true;
    }
    case Effect.PHADDW:
    case Effect.PHADDSW:
    case Effect.PHSUBW:
    case Effect.PHSUBSW:
      for (let i: usize = 0; i < 16; i += 2) {
        const from = i < 8 ? A + i * 2 : B + (i - 8) * 2;
        const a: i32 = load<i16>(from);
        const b: i32 = load<i16>(from, 2);
        const sum = effect === Effect.PHADDW || effect === Effect.PHADDSW ? a + b : a - b;
        const saturates = effect === Effect.PHADDSW || effect === Effect.PHSUBSW;
        store<i16>(to + i, <i16>(saturates ? saturate16(sum) : sum));
      }
      return true;
    case Effect.PHADDD:
    case Effect.PHSUBD:
      for (let i: usize = 0; i < 16; i += 4) {
        const from = i < 8 ? A + i * 2 : B + (i - 8) * 2;
        const a = load<i32>(from);
        const b = load<i32>(from, 4);
        store<i32>(to + i, effect === Effect.PHADDD ? a + b : a - b);
      }
      return true;
    default:
      return false;
  }
}

function saturate16(value: i32): i32 {
  return max<i32>(-32768, min<i32>(32767, value));
}

function bytewise(p: usize, effect: u32, to: usize): bool {
  switch (effect) {
    case Effect.PSHUFB:
      for (let i: usize = 0; i < 16; i++) {
        const order: u32 = load<u8>(B + i);
        store<u8>(to + i, order > 127 ? 0 : load<u8>(A + (order & 15)));
      }
      return true;
    case Effect.PMADDUBSW:
      for (let i: usize = 0; i < 16; i += 2) {
        const low: i32 = <i32>load<u8>(A + i) * <i32>load<i8>(B + i);
        const high: i32 = <i32>load<u8>(A + i, 1) * <i32>load<i8>(B + i, 1);
        store<i16>(to + i, <i16>saturate16(low + high));
      }
      return true;
    case Effect.PMULHRSW:
      for (let i: usize = 0; i < 16; i += 2) {
        const product: i32 = <i32>load<i16>(A + i) * <i32>load<i16>(B + i);
        store<i16>(to + i, <i16>(((product >> 14) + 1) >> 1));
      }
      return true;
    case Effect.PSIGNB:
      for (let i: usize = 0; i < 16; i++) {
        const sign: i32 = load<i8>(B + i);
        const a: i32 = load<i8>(A + i);
        store<i8>(to + i, <i8>(sign < 0 ? -a : sign === 0 ? 0 : a));
      }
      return true;
    case Effect.PSIGNW:
      for (let i: usize = 0; i < 16; i += 2) {
        const sign: i32 = load<i16>(B + i);
        const a: i32 = load<i16>(A + i);
        store<i16>(to + i, <i16>(sign < 0 ? -a : sign === 0 ? 0 : a));
      }
      return true;
    case Effect.PSIGND:
      for (let i: usize = 0; i < 16; i += 4) {
        const sign = load<i32>(B + i);
        const a = load<i32>(A + i);
        store<i32>(to + i, sign < 0 ? 0 - a : sign === 0 ? 0 : a);
      }
      return true;
    case Effect.PALIGNR: {
      const by = <u32>load<u64>(p, IMMEDIATE) & 0xff;
      for (let i: u32 = 0; i < 16; i++) {
        const at = by + i;
        store<u8>(to + i, at < 16 ? load<u8>(B + at) : at < 32 ? load<u8>(A + at - 16) : 0);
      }
      return true;
    }
    case Effect.MPSADBW: {
      const order = <u32>load<u64>(p, IMMEDIATE);
      const first = A + ((order & 4) !== 0 ? 4 : 0);
      const block = B + ((order & 3) << 2);
      for (let i: usize = 0; i < 8; i++) {
        let sum: i32 = 0;
        for (let k: usize = 0; k < 4; k++) {
          sum += abs<i32>(<i32>load<u8>(first + i + k) - <i32>load<u8>(block + k));
        }
        store<u16>(to + i * 2, <u16>sum);
      }
      return true;
    }
    default:
      return false;
  }
}

/** Blends take a lane of the second operand where a bit of the immediate, or a sign in XMM0, says so. */
function blend(p: usize, effect: u32, to: usize): bool {
  let size: usize;
  let masked = false;
  switch (effect) {
    case Effect.PBLENDVB:
      size = 1;
      masked = true;
      break;
    case Effect.BLENDVPS:
      size = 4;
      masked = true;
      break;
    case Effect.BLENDVPD:
      size = 8;
      masked = true;
      break;
    case Effect.PBLENDW:
      size = 2;
      break;
    case Effect.BLENDPS:
      size = 4;
      break;
    case Effect.BLENDPD:
      size = 8;
      break;
    default:
      return false;
  }
  const order = <u32>load<u64>(p, IMMEDIATE);
  for (let i: usize = 0; i < 16; i += size) {
    const takes = masked
      ? load<i8>(Cpu.XMM + i + size - 1) < 0
      : ((order >> <u32>(i / size)) & 1) !== 0;
    if (takes) memory.copy(to + i, B + i, size);
  }
  return true;
}

function lanes(effect: u32, to: usize): void {
  const a = v128.load(A);
  const b = v128.load(B);
  switch (effect) {
    case Effect.PABSB:
      v128.store(to, i8x16.abs(b));
      return;
    case Effect.PABSW:
      v128.store(to, i16x8.abs(b));
      return;
    case Effect.PABSD:
      v128.store(to, i32x4.abs(b));
      return;
    case Effect.PMULDQ:
      store<i64>(to, <i64>load<i32>(A) * <i64>load<i32>(B));
      store<i64>(to, <i64>load<i32>(A, 8) * <i64>load<i32>(B, 8), 8);
      return;
    case Effect.PCMPEQQ:
      v128.store(to, i64x2.eq(a, b));
      return;
    case Effect.PCMPGTQ:
      v128.store(to, i64x2.gt_s(a, b));
      return;
    case Effect.PACKUSDW:
      v128.store(to, i16x8.narrow_i32x4_u(a, b));
      return;
    case Effect.PMINSB:
      v128.store(to, i8x16.min_s(a, b));
      return;
    case Effect.PMAXSB:
      v128.store(to, i8x16.max_s(a, b));
      return;
    case Effect.PMINSD:
      v128.store(to, i32x4.min_s(a, b));
      return;
    case Effect.PMAXSD:
      v128.store(to, i32x4.max_s(a, b));
      return;
    case Effect.PMINUW:
      v128.store(to, i16x8.min_u(a, b));
      return;
    case Effect.PMAXUW:
      v128.store(to, i16x8.max_u(a, b));
      return;
    case Effect.PMINUD:
      v128.store(to, i32x4.min_u(a, b));
      return;
    case Effect.PMAXUD:
      v128.store(to, i32x4.max_u(a, b));
      return;
    case Effect.PTEST: {
      const none = !v128.any_true(v128.and(a, b));
      const all = !v128.any_true(v128.andnot(b, a));
      setFlags(0x8d5, (none ? 0x40 : 0) | (all ? 1 : 0));
      return;
    }
    default:
      smallestWord(to);
  }
}

/** PHMINPOSUW: the smallest of eight words, and where it is. */
function smallestWord(to: usize): void {
  let least: u32 = 0x1_0000;
  let where: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const word: u32 = load<u16>(B + i * 2);
    if (word < least) {
      least = word;
      where = i;
    }
  }
  store<u64>(to, <u64>(least | (where << 16)));
  store<u64>(to, 0, 8);
}

/** PMOVSX, PMOVZX: each lane from a narrower one. */
function extend(p: usize, effect: u32): bool {
  let from: u32;
  let into: u32;
  let keepsSign = true;
  switch (effect) {
    case Effect.PMOVZXBW:
    case Effect.PMOVZXBD:
    case Effect.PMOVZXBQ:
    case Effect.PMOVZXWD:
    case Effect.PMOVZXWQ:
    case Effect.PMOVZXDQ:
      keepsSign = false;
  }
  switch (effect) {
    case Effect.PMOVSXBW:
    case Effect.PMOVZXBW:
      from = 1;
      into = 2;
      break;
    case Effect.PMOVSXBD:
    case Effect.PMOVZXBD:
      from = 1;
      into = 4;
      break;
    case Effect.PMOVSXBQ:
    case Effect.PMOVZXBQ:
      from = 1;
      into = 8;
      break;
    case Effect.PMOVSXWD:
    case Effect.PMOVZXWD:
      from = 2;
      into = 4;
      break;
    case Effect.PMOVSXWQ:
    case Effect.PMOVZXWQ:
      from = 2;
      into = 8;
      break;
    case Effect.PMOVSXDQ:
    case Effect.PMOVZXDQ:
      from = 4;
      into = 8;
      break;
    default:
      return false;
  }
  const at = source(p, load<u8>(rowOf(p), ROW_SOURCE), false);
  if (at === 0) return true;
  memory.copy(A, at, (16 / into) * from);
  const shift: u64 = 64 - ((<u64>from) << 3);
  for (let i: u32 = 0; i * into < 16; i++) {
    const narrow: u64 =
      from === 1 ? load<u8>(A + i) : from === 2 ? load<u16>(A + i * 2) : load<u32>(A + i * 4);
    const wide = keepsSign ? <u64>(<i64>(narrow << shift) >> shift) : narrow;
    storeLane(destination(p) + i * into, into, wide);
  }
  return true;
}

function storeLane(at: usize, n: u32, value: u64): void {
  if (n === 8) store<u64>(at, value);
  else if (n === 4) store<u32>(at, <u32>value);
  else if (n === 2) store<u16>(at, <u16>value);
  else store<u8>(at, <u8>value);
}

function loadLane(at: usize, n: u32): u64 {
  if (n === 8) return load<u64>(at);
  return n === 4 ? load<u32>(at) : load<u8>(at);
}

/** Between general registers or memory and one lane, which the immediate names. */
function insertOrExtract(p: usize, effect: u32, n: u32): bool {
  const order = <usize>load<u64>(p, IMMEDIATE);
  switch (effect) {
    case Effect.PEXTRB:
    case Effect.PEXTRD:
    case Effect.PEXTRQ:
    case Effect.EXTRACTPS: {
      const lane = order & (16 / n - 1);
      const value = loadLane(Cpu.XMM + load<u8>(p, SOURCE) + lane * n, n);
      set0(p, isMemory0(p) || n === 8 ? n : 4, value);
      return true;
    }
    case Effect.PINSRB:
    case Effect.PINSRD:
    case Effect.PINSRQ: {
      const lane = order & (16 / n - 1);
      const value = isMemory1(p) ? readOperandMemory(p, n) : readRegister(load<u8>(p, SOURCE), n);
      if (!failed()) storeLane(destination(p) + lane * n, n, value);
      return true;
    }
    case Effect.INSERTPS: {
      const from = source(p, 4, false);
      if (from === 0) return true;
      const value = load<u32>(from + (isMemory1(p) ? 0 : ((order >> 6) & 3) << 2));
      const to = destination(p);
      store<u32>(to + (((order >> 4) & 3) << 2), value);
      for (let i: usize = 0; i < 4; i++) {
        if (((order >> i) & 1) !== 0) store<u32>(to + (i << 2), 0);
      }
      return true;
    }
    default:
      return false;
  }
}
