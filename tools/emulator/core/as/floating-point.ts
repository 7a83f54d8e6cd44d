/** State of x87 and SSE: initialised, saved, restored; no x87 arithmetic. APM5, APM2 §11.4. */
import { CR0_EM, CR0_TS, CR4_OSFXSR, CR4_OSXSAVE, VECTOR_NM } from '../../../../spec/cpu';
import { BOUNCE_END, finishWrite, readPointer, writePointer } from './access';
import { mode64 } from './address';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { raise, raiseGp, raiseUd } from './fault';
import { addressOf, failed, readOperandMemory, set0, throughStack } from './operand';

/** Bits of MXCSR that exist. */
const MXCSR_MASK: u32 = 0xffff;
/** XCR0: SSE and AVX state. APM2 §11.5.2. */
const AVX: u32 = 6;

/** Carries out an effect of this file. False if `effect` is none of them. */
export function floatingPoint(p: usize, effect: u32): bool {
  switch (effect) {
    case Effect.FNINIT:
      if (usable(true)) resetX87();
      return true;
    case Effect.FNCLEX:
      if (usable(true)) store<u16>(Cpu.X87_STATUS, load<u16>(Cpu.X87_STATUS) & 0x7f00);
      return true;
    case Effect.FWAIT:
    case Effect.EMMS:
      if (usable(true) && effect === Effect.EMMS) store<u16>(Cpu.X87_TAG, 0xffff);
      return true;
    case Effect.FLDCW: {
      if (!usable(true)) return true;
      const value = readOperandMemory(p, 2);
      if (!failed()) store<u16>(Cpu.X87_CONTROL, <u16>value);
      return true;
    }
    case Effect.FNSTCW:
      if (usable(true)) set0(p, 2, load<u16>(Cpu.X87_CONTROL));
      return true;
    case Effect.FNSTSW:
      if (usable(true)) set0(p, 2, load<u16>(Cpu.X87_STATUS));
      return true;
    case Effect.LDMXCSR: {
      if (!usableSse()) return true;
      const value = <u32>readOperandMemory(p, 4);
      if (failed()) return true;
      if (!isMxcsr(value)) raiseGp(0);
      else store<u32>(Cpu.MXCSR, value);
      return true;
    }
    case Effect.STMXCSR:
      if (usableSse()) set0(p, 4, load<u32>(Cpu.MXCSR));
      return true;
    case Effect.FXSAVE:
    case Effect.FXRSTOR:
      if (usable(false)) exchangeState(p, effect === Effect.FXSAVE);
      return true;
    default:
      return false;
  }
}

/** CR0.EM and CR0.TS decide about x87. APM2 §11.3. */
function usable(x87: bool): bool {
  const cr0 = load<u32>(Cpu.CR0);
  if ((cr0 & CR0_TS) !== 0 || (x87 && (cr0 & CR0_EM) !== 0)) {
    raise(VECTOR_NM);
    return false;
  }
  if ((cr0 & CR0_EM) !== 0) {
    raise(VECTOR_NM);
    return false;
  }
  return true;
}

/** Whether SSE instructions may run: CR0.EM, CR4.OSFXSR, CR0.TS. APM2 §11.3. */
export function usableSse(): bool {
  const cr0 = load<u32>(Cpu.CR0);
  if ((cr0 & CR0_EM) !== 0 || (load<u32>(Cpu.CR4) & CR4_OSFXSR) === 0) {
    raiseUd();
    return false;
  }
  if ((cr0 & CR0_TS) !== 0) {
    raise(VECTOR_NM);
    return false;
  }
  return true;
}

/** Whether AVX instructions may run: CR4.OSXSAVE, XCR0, CR0.TS. APM4 §1.5. */
export function usableAvx(): bool {
  const enabled = (load<u32>(Cpu.CR4) & CR4_OSXSAVE) !== 0 && (load<u32>(Cpu.XCR0) & AVX) === AVX;
  if (!enabled) {
    raiseUd();
    return false;
  }
  if ((load<u32>(Cpu.CR0) & CR0_TS) !== 0) {
    raise(VECTOR_NM);
    return false;
  }
  return true;
}

/** FXSAVE and FXRSTOR: 512 bytes, 16-byte aligned. APM2 §11.4.4. */
function exchangeState(p: usize, saves: bool): void {
  const linear = addressOf(p);
  if ((linear & 15) !== 0) {
    raiseGp(0);
    return;
  }
  if (saves) {
    const to = writePointer(linear, 512, throughStack(p));
    if (to === 0) return;
    storeX87(to);
    storeMxcsr(to);
    storeXmm(to);
    if (to < BOUNCE_END) finishWrite();
    return;
  }
  const from = readPointer(linear, 512, throughStack(p));
  if (from === 0) return;
  if (!isMxcsr(load<u32>(from, 24))) {
    raiseGp(0);
    return;
  }
  loadX87(from);
  store<u32>(Cpu.MXCSR, load<u32>(from, 24));
  loadXmm(from);
}

/** Bytes of the XMM registers that the mode has. */
function xmmSize(): usize {
  return mode64() ? 256 : 128;
}

/** x87 state to where FXSAVE has it. */
export function storeX87(to: usize): void {
  store<u16>(to, load<u16>(Cpu.X87_CONTROL));
  store<u16>(to, load<u16>(Cpu.X87_STATUS), 2);
  store<u16>(to, <u16>abridgedTag(load<u16>(Cpu.X87_TAG)), 4);
  store<u16>(to, load<u16>(Cpu.X87_OPCODE), 6);
  memory.fill(to + 8, 0, 16);
  memory.copy(to + 32, Cpu.X87, 128);
}

export function loadX87(from: usize): void {
  store<u16>(Cpu.X87_CONTROL, load<u16>(from));
  store<u16>(Cpu.X87_STATUS, load<u16>(from, 2));
  store<u16>(Cpu.X87_TAG, fullTag(load<u8>(from, 4)));
  store<u16>(Cpu.X87_OPCODE, load<u16>(from, 6));
  memory.copy(Cpu.X87, from + 32, 128);
}

export function storeMxcsr(to: usize): void {
  store<u32>(to, load<u32>(Cpu.MXCSR), 24);
  store<u32>(to, MXCSR_MASK, 28);
}

/** Whether only bits that exist are set. */
export function isMxcsr(value: u32): bool {
  return (value & ~MXCSR_MASK) === 0;
}

export function storeXmm(to: usize): void {
  memory.copy(to + 160, Cpu.XMM, xmmSize());
}

export function loadXmm(from: usize): void {
  memory.copy(Cpu.XMM, from + 160, xmmSize());
}

/** FNINIT's state, or of XRSTOR where the area has none. APM2 §11.5.5. */
export function resetX87(): void {
  store<u16>(Cpu.X87_CONTROL, 0x37f);
  store<u16>(Cpu.X87_STATUS, 0);
  store<u16>(Cpu.X87_TAG, 0xffff);
  store<u16>(Cpu.X87_OPCODE, 0);
}

/** One bit per register, set where the register is in use, from two, both set where it is empty. */
function abridgedTag(tag: u32): u32 {
  let bits: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    if (((tag >> (i * 2)) & 3) !== 3) bits |= 1 << i;
  }
  return bits;
}

function fullTag(bits: u32): u16 {
  let tag: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    if (((bits >> i) & 1) === 0) tag |= 3 << (i * 2);
  }
  return <u16>tag;
}
