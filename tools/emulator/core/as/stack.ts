/** Pushes and pops, by effect and for the processor's own use. APM3 §3, APM2 §8.7. */
import { RFLAGS_IF, RFLAGS_IOPL } from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import { PLACE_IMMEDIATE, ROW_OPERANDS } from '../row-format';
import { readMemory, writeMemory } from './access';
import { mode64, segmentAddress } from './address';
import * as Control from './control';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { intercept } from './fault';
import { RESYNC, setPending } from './machine';
import { failed, get0, readRegister, set0, truncate, writeRegister } from './operand';
import { DESTINATION, IMMEDIATE, nextOf, rowOf } from './record';
import { loadSegment, SS } from './segment';

const SS_BIG: u32 = 0x400;

/** Bits of RSP that pushes and pops use. */
export function stackMask(): u64 {
  if (mode64()) return ~(<u64>0);
  return (load<u32>(Cpu.SS_ATTRIBUTES) & SS_BIG) !== 0 ? 0xffff_ffff : 0xffff;
}

export function setStackPointer(value: u64, mask: u64): void {
  if (mask === 0xffff) store<u16>(Cpu.RSP, <u16>value);
  else store<u64>(Cpu.RSP, value & mask);
}

/** Pushes `n` bytes. False with a fault pending, and RSP as it was. */
export function push(n: u32, value: u64): bool {
  const mask = stackMask();
  const to = (load<u64>(Cpu.RSP) - n) & mask;
  const linear = segmentAddress(SS, to, n, true);
  if (failed() || !writeMemory(linear, n, value, true)) return false;
  setStackPointer(to, mask);
  return true;
}

/** `n` bytes at RSP plus `offset`, which stays; 0 with a fault pending. */
export function peek(n: u32, offset: u64): u64 {
  const linear = segmentAddress(SS, (load<u64>(Cpu.RSP) + offset) & stackMask(), n, false);
  return failed() ? 0 : readMemory(linear, n, true);
}

export function release(bytes: u64): void {
  const mask = stackMask();
  setStackPointer(load<u64>(Cpu.RSP) + bytes, mask);
}

/** Carries out an effect of this file. False if `effect` is none of them. */
export function stack(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.PUSH: {
      const place = <u32>load<u8>(rowOf(p), ROW_OPERANDS) & 15;
      const value = place === PLACE_IMMEDIATE ? load<u64>(p, IMMEDIATE) : get0(p, n);
      if (!failed()) push(n, value);
      return true;
    }
    case Effect.POP: {
      const value = peek(n, 0);
      if (failed()) return true;
      // A destination in memory is addressed with RSP as it is after the pop. APM3, POP
      const before = load<u64>(Cpu.RSP);
      release(n);
      if (!set0(p, n, value)) store<u64>(Cpu.RSP, before);
      return true;
    }
    case Effect.PUSH_SEGMENT:
      push(n, load<u16>(Cpu.ES + ((<usize>load<u8>(p, DESTINATION)) << 4)));
      return true;
    case Effect.POP_SEGMENT: {
      const selector = <u32>peek(n, 0) & 0xffff;
      if (failed()) return true;
      const segment: u32 = load<u8>(p, DESTINATION);
      if (!loadSegment(segment, selector)) return true;
      release(n);
      if (segment === SS) shadow(p);
      return true;
    }
    case Effect.PUSHA:
      pushAll(n);
      return true;
    case Effect.POPA:
      popAll(n);
      return true;
    case Effect.PUSHF:
      if (intercept(Exit.PUSHF, 0, 0, nextOf(p))) return true;
      push(n, load<u64>(Cpu.RFLAGS) & 0xfc_ffff);
      return true;
    case Effect.POPF:
      popFlags(p, n);
      return true;
    case Effect.ENTER:
      enter(p, n);
      return true;
    case Effect.LEAVE:
      leave(n);
      return true;
    default:
      return false;
  }
}

/** No interrupt is taken before the next instruction has been executed. APM2 §15.21.5. */
export function shadow(p: usize): void {
  store<u64>(Control.INT_STATE, load<u64>(Control.INT_STATE) | 1);
  store<u64>(Cpu.RIP, nextOf(p));
  setPending(RESYNC);
}

function pushAll(n: u32): void {
  const before = load<u64>(Cpu.RSP);
  for (let i: u32 = 0; i < 8; i++) {
    const value = i === 4 ? truncate(before, n) : readRegister(i << 3, n);
    if (!push(n, value)) {
      store<u64>(Cpu.RSP, before);
      return;
    }
  }
}

function popAll(n: u32): void {
  // All are read before any is written.
  for (let i: u32 = 0; i < 8; i++) {
    peek(n, <u64>(i * n));
    if (failed()) return;
  }
  const before = load<u64>(Cpu.RSP);
  for (let i: u32 = 0; i < 8; i++) {
    store<u64>(Cpu.RSP, before);
    const value = peek(n, <u64>(i * n));
    if (i !== 3) writeRegister((7 - i) << 3, n, value);
  }
  store<u64>(Cpu.RSP, before);
  release(n * 8);
}

/** Bits of RFLAGS that POPF and IRET may set, for the present CPL and IOPL. APM2 §3.1.6. */
export function poppedMask(n: u32): u64 {
  const flags = load<u32>(Cpu.RFLAGS);
  const cpl: u32 = load<u8>(Cpu.CPL);
  let mask: u64 = 0x24_4dd5;
  if (cpl === 0) mask |= RFLAGS_IOPL;
  if (cpl <= ((flags >> 12) & 3)) mask |= RFLAGS_IF;
  return n === 2 ? mask & 0xffff : mask;
}

function popFlags(p: usize, n: u32): void {
  if (intercept(Exit.POPF, 0, 0, nextOf(p))) return;
  const value = peek(n, 0);
  if (failed()) return;
  release(n);
  const mask = poppedMask(n);
  // RF is cleared by every POPF of more than 16 bits.
  const before = load<u64>(Cpu.RFLAGS) & (n === 2 ? ~(<u64>0) : ~(<u64>0x1_0000));
  store<u64>(Cpu.RFLAGS, (before & ~mask) | (value & mask) | 2);
  resume(p);
}

/** After RFLAGS changed: interrupts, single steps and access rights are looked at again. */
export function resume(p: usize): void {
  store<u64>(Cpu.RIP, nextOf(p));
  setPending(RESYNC);
}

function enter(p: usize, n: u32): void {
  const immediate = load<u64>(p, IMMEDIATE);
  const size = immediate & 0xffff;
  const nesting = <u32>(immediate >> 16) & 31;
  const before = load<u64>(Cpu.RSP);
  const mask = stackMask();
  const frameBefore = load<u64>(Cpu.RBP);
  if (!push(n, truncate(frameBefore, n))) return;
  const frame = load<u64>(Cpu.RSP);
  let source = frameBefore;
  for (let i: u32 = 1; i < nesting; i++) {
    source -= n;
    const linear = segmentAddress(SS, source & mask, n, false);
    const value = failed() ? 0 : readMemory(linear, n, true);
    if (failed() || !push(n, value)) {
      store<u64>(Cpu.RSP, before);
      return;
    }
  }
  if (nesting > 0 && !push(n, truncate(frame, n))) {
    store<u64>(Cpu.RSP, before);
    return;
  }
  // The new top of the stack must be writable. APM3, ENTER
  const top = (load<u64>(Cpu.RSP) - size) & mask;
  const linear = segmentAddress(SS, top, n, true);
  if (failed() || !probeWrite(linear, n)) {
    store<u64>(Cpu.RSP, before);
    return;
  }
  setStackPointer(top, mask);
  if (n === 2) store<u16>(Cpu.RBP, <u16>frame);
  else writeRegister(0x28, n, truncate(frame, n));
}

/** Whether `n` bytes could be written: writes back what is there. */
function probeWrite(linear: u64, n: u32): bool {
  const value = readMemory(linear, n, true);
  return !failed() && writeMemory(linear, n, value, true);
}

function leave(n: u32): void {
  const before = load<u64>(Cpu.RSP);
  const mask = stackMask();
  setStackPointer(load<u64>(Cpu.RBP), mask);
  const value = peek(n, 0);
  if (failed()) {
    store<u64>(Cpu.RSP, before);
    return;
  }
  release(n);
  writeRegister(0x28, n, value);
}

/** Whether interrupt flag and friends are beyond the current CPL: CLI, STI, IN, OUT. */
export function beyondIopl(): bool {
  return load<u8>(Cpu.CPL) > ((load<u32>(Cpu.RFLAGS) >> 12) & 3);
}
