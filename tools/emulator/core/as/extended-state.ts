/** XSAVE and XRSTOR of x87, SSE and AVX state, in the standard format. APM2 §11.5, APM4. */
import { CR0_TS, CR4_OSXSAVE, VECTOR_NM } from '../../../../spec/cpu';
import { BOUNCE_END, finishWrite, readPointer, writePointer } from './access';
import { mode64 } from './address';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { raise, raiseGp, raiseUd } from './fault';
import {
  isMxcsr,
  loadX87,
  loadXmm,
  resetX87,
  storeMxcsr,
  storeX87,
  storeXmm,
} from './floating-point';
import { addressOf, throughStack } from './operand';

/** Bits of XCR0 and of the header. */
const X87: u64 = 1;
const SSE: u64 = 2;
const AVX: u64 = 4;

/** The area: FXSAVE's 512 bytes, the header, the upper halves of the YMM registers. */
const HEADER: usize = 0x200;
const YMM: usize = 0x240;
const SIZE: usize = 0x340;
/** The area goes to and from memory in pieces that lie in one page each. */
const PIECE: u32 = 64;
const AREA: usize = memory.data(0x340, 64);

/** Carries out an effect of this file. False if `effect` is none of them. */
export function extendedState(p: usize, effect: u32): bool {
  if (effect !== Effect.XSAVE && effect !== Effect.XRSTOR) return false;
  if ((load<u32>(Cpu.CR4) & CR4_OSXSAVE) === 0) {
    raiseUd();
    return true;
  }
  if ((load<u32>(Cpu.CR0) & CR0_TS) !== 0) {
    raise(VECTOR_NM);
    return true;
  }
  const linear = addressOf(p);
  if ((linear & (PIECE - 1)) !== 0) {
    raiseGp(0);
    return true;
  }
  const asked = <u64>load<u32>(Cpu.RAX) | ((<u64>load<u32>(Cpu.RDX)) << 32);
  const wanted = asked & load<u64>(Cpu.XCR0);
  const size = (wanted & AVX) !== 0 ? SIZE : YMM;
  if (!fetchArea(linear, size, throughStack(p))) return true;
  if (effect === Effect.XRSTOR) restore(wanted);
  else {
    save(wanted);
    storeArea(linear, size, throughStack(p));
  }
  return true;
}

function fetchArea(linear: u64, size: usize, stack: bool): bool {
  for (let at: usize = 0; at < size; at += PIECE) {
    const from = readPointer(linear + at, PIECE, stack);
    if (from === 0) return false;
    memory.copy(AREA + at, from, PIECE);
  }
  return true;
}

function storeArea(linear: u64, size: usize, stack: bool): void {
  for (let at: usize = 0; at < size; at += PIECE) {
    const to = writePointer(linear + at, PIECE, stack);
    if (to === 0) return;
    memory.copy(to, AREA + at, PIECE);
    if (to < BOUNCE_END) finishWrite();
  }
}

function save(wanted: u64): void {
  if ((wanted & X87) !== 0) storeX87(AREA);
  if ((wanted & (SSE | AVX)) !== 0) storeMxcsr(AREA);
  if ((wanted & SSE) !== 0) storeXmm(AREA);
  if ((wanted & AVX) !== 0) memory.copy(AREA + YMM, Cpu.YMM_HIGH, ymmSize());
  store<u64>(AREA + HEADER, (load<u64>(AREA + HEADER) & ~wanted) | wanted);
}

/** What the header says is not there gets its first state. */
function restore(wanted: u64): void {
  const there = load<u64>(AREA + HEADER);
  const isCompacted = load<u64>(AREA + HEADER, 8) !== 0 || load<u64>(AREA + HEADER, 16) !== 0;
  const hasMxcsr = (wanted & (SSE | AVX)) !== 0;
  if (
    isCompacted ||
    (there & ~load<u64>(Cpu.XCR0)) !== 0 ||
    (hasMxcsr && !isMxcsr(load<u32>(AREA, 24)))
  ) {
    raiseGp(0);
    return;
  }
  if ((wanted & X87) !== 0) {
    if ((there & X87) !== 0) loadX87(AREA);
    else {
      resetX87();
      memory.fill(Cpu.X87, 0, 128);
    }
  }
  if (hasMxcsr) store<u32>(Cpu.MXCSR, load<u32>(AREA, 24));
  if ((wanted & SSE) !== 0) {
    if ((there & SSE) === 0) memory.fill(AREA + 160, 0, 256);
    loadXmm(AREA);
  }
  if ((wanted & AVX) !== 0) {
    if ((there & AVX) === 0) memory.fill(AREA + YMM, 0, 256);
    memory.copy(Cpu.YMM_HIGH, AREA + YMM, ymmSize());
  }
}

/** Bytes of the registers that the mode has. */
function ymmSize(): usize {
  return mode64() ? 256 : 128;
}
