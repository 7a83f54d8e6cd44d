/** Control transfers by effect: near ones outside 64-bit mode, far ones, returns. APM3 §3, APM2 §4.9. */
import { RFLAGS_NT, RFLAGS_VM, VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import { PLACE_RELATIVE, ROW_OPERANDS, ROW_SEGMENT } from '../row-format';
import { canonical, longMode, readMemory } from './access';
import { mode64, segmentState } from './address';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { intercept, missing, raiseGp, raiseWith } from './fault';
import { condition, flag } from './flags';
import { RESYNC, setPending } from './machine';
import { addressOf, failed, get0, isMemory0, throughStack, truncate } from './operand';
import {
  conditionOf,
  DESTINATION,
  FORM,
  FORM_ADDRESS16,
  FORM_ADDRESS32,
  IMMEDIATE,
  nextOf,
  rowOf,
} from './record';
import * as Segment from './segment';
import { peek, poppedMask, push, release, setStackPointer, stackMask } from './stack';
import { flushTlbs } from './tlb';

const MISSING_CALL_GATE: u32 = 7;
const MISSING_TASK_SWITCH: u32 = 3;
const MISSING_VIRTUAL_8086: u32 = 8;

/** The instruction is done and the next one is at `rip`. */
export function goTo(rip: u64): void {
  store<u64>(Cpu.RIP, rip);
  setPending(RESYNC);
}

/** Carries out an effect of this file. False if `effect` is none of them. */
export function transfer(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.JCC:
      if (condition(conditionOf(p))) jumpNear(load<u64>(p, IMMEDIATE));
      return true;
    case Effect.JMP: {
      const target = targetOf(p, n);
      if (!failed()) jumpNear(target);
      return true;
    }
    case Effect.CALL: {
      const target = targetOf(p, n);
      if (failed()) return true;
      if (!canonical(target)) raiseGp(0);
      else if (push(n, nextOf(p))) jumpNear(target);
      return true;
    }
    case Effect.RET: {
      const target = peek(n, 0);
      if (failed()) return true;
      if (!canonical(target)) {
        raiseGp(0);
        return true;
      }
      release(n + load<u64>(p, IMMEDIATE));
      jumpNear(target);
      return true;
    }
    case Effect.LOOP:
    case Effect.LOOPE:
    case Effect.LOOPNE:
      loop(p, effect);
      return true;
    case Effect.JCXZ:
      if ((load<u64>(Cpu.RCX) & countMask(p)) === 0) jumpNear(load<u64>(p, IMMEDIATE));
      return true;
    case Effect.JMP_FAR:
    case Effect.CALL_FAR:
      far(p, effect === Effect.CALL_FAR, n);
      return true;
    case Effect.RET_FAR:
      returnFar(n, load<u64>(p, IMMEDIATE));
      return true;
    case Effect.IRET:
      if (!intercept(Exit.IRET, 0, 0, nextOf(p))) returnInterrupt(n);
      return true;
    case Effect.LOAD_FAR: {
      const linear = addressOf(p);
      const offset = readMemory(linear, n, throughStack(p));
      if (failed()) return true;
      const selector = <u32>readMemory(linear + n, 2, throughStack(p));
      if (failed()) return true;
      if (Segment.loadSegment(farSegment(p), selector)) {
        if (n === 2) store<u16>(Cpu.FIRST + load<u8>(p, DESTINATION), <u16>offset);
        else store<u64>(Cpu.FIRST + load<u8>(p, DESTINATION), offset);
      }
      return true;
    }
    default:
      return false;
  }
}

/** The segment register that LES, LDS, LSS, LFS or LGS loads. */
function farSegment(p: usize): u32 {
  return load<u8>(rowOf(p), ROW_SEGMENT);
}

function targetOf(p: usize, n: u32): u64 {
  const place = <u32>load<u8>(rowOf(p), ROW_OPERANDS) & 15;
  return place === PLACE_RELATIVE ? load<u64>(p, IMMEDIATE) : get0(p, n);
}

function jumpNear(target: u64): void {
  if (!canonical(target)) raiseGp(0);
  else goTo(target);
}

function countMask(p: usize): u64 {
  const form: u32 = load<u8>(p, FORM);
  if ((form & FORM_ADDRESS16) !== 0) return 0xffff;
  return (form & FORM_ADDRESS32) !== 0 ? 0xffff_ffff : ~(<u64>0);
}

function loop(p: usize, effect: u32): void {
  const mask = countMask(p);
  const count = (load<u64>(Cpu.RCX) - 1) & mask;
  if (mask === 0xffff) store<u16>(Cpu.RCX, <u16>count);
  else store<u64>(Cpu.RCX, count);
  const zero = condition(4);
  const goes = count !== 0 && (effect === Effect.LOOP || (effect === Effect.LOOPE ? zero : !zero));
  if (goes) jumpNear(load<u64>(p, IMMEDIATE));
}

function far(p: usize, calls: bool, n: u32): void {
  let offset: u64;
  let selector: u32;
  if (isMemory0(p)) {
    const linear = addressOf(p);
    offset = readMemory(linear, n, throughStack(p));
    if (failed()) return;
    selector = <u32>readMemory(linear + n, 2, throughStack(p));
    if (failed()) return;
  } else {
    const pointer = load<u64>(p, IMMEDIATE);
    offset = truncate(pointer, n);
    selector = <u32>(pointer >> 32) & 0xffff;
  }
  if ((selector & 0xfffc) === 0) {
    raiseGp(0);
    return;
  }
  if (!Segment.readDescriptor(selector, false, VECTOR_GP)) return;
  if ((Segment.attributes & Segment.ORDINARY) === 0) {
    const type = Segment.attributes & Segment.TYPE;
    if (type === 12 || type === 4) missing(MISSING_CALL_GATE);
    else if (type === 9 || type === 5) missing(MISSING_TASK_SWITCH);
    else raiseGp(selector & 0xfffc);
    return;
  }
  const cpl: u32 = load<u8>(Cpu.CPL);
  if (!codeAllows(selector, cpl, selector & 3, false)) return;
  if (calls) {
    const before = load<u64>(Cpu.RSP);
    if (!push(n, load<u16>(Cpu.CS))) return;
    if (!push(n, nextOf(p))) {
      store<u64>(Cpu.RSP, before);
      return;
    }
  }
  enterCode(selector, cpl);
  goTo(codeOffset(offset));
}

/** Checks the descriptor read last as a target for CS. False with a fault pending. APM2 §4.10.1. */
function codeAllows(selector: u32, cpl: u32, rpl: u32, returns: bool): bool {
  const attributes = Segment.attributes;
  const dpl = Segment.dplOf(attributes);
  const conforming = (attributes & Segment.CONFORMING) !== 0;
  let right = (attributes & Segment.ORDINARY) !== 0 && (attributes & Segment.CODE) !== 0;
  if (returns) right = right && (conforming ? dpl <= rpl : dpl === rpl);
  else right = right && (conforming ? dpl <= cpl : dpl === cpl && rpl <= cpl);
  const both = Segment.LONG | Segment.DEFAULT_32;
  if (longMode() && (attributes & both) === both) right = false;
  if (!right) {
    raiseGp(selector & 0xfffc);
    return false;
  }
  if ((attributes & Segment.PRESENT) === 0) {
    raiseWith(VECTOR_NP, selector & 0xfffc);
    return false;
  }
  return true;
}

/** Loads CS with the descriptor read last. */
export function enterCode(selector: u32, cpl: u32): void {
  const before = load<u16>(Cpu.CS_ATTRIBUTES);
  const base = load<u64>(Cpu.CS_BASE);
  Segment.markAccessed();
  Segment.fillSegment(Cpu.CS, (selector & ~3) | cpl);
  codeChanged(before, base);
  setCpl(cpl);
}

/** After CS was loaded: code decoded for another operand size or base is not to be found any more. */
export function codeChanged(attributes: u32, base: u64): void {
  const both = Segment.LONG | Segment.DEFAULT_32;
  const changes = (attributes ^ load<u16>(Cpu.CS_ATTRIBUTES)) & both;
  if (changes !== 0 || base !== load<u64>(Cpu.CS_BASE)) flushTlbs();
}

/** Changes the privilege level; translations are checked for one of them. */
export function setCpl(cpl: u32): void {
  const before: u32 = load<u8>(Cpu.CPL);
  store<u8>(Cpu.CPL, <u8>cpl);
  if ((before === 3) !== (cpl === 3)) flushTlbs();
}

/** An offset as the code segment in CS takes it. */
export function codeOffset(offset: u64): u64 {
  return mode64() ? offset : offset & 0xffff_ffff;
}

function returnFar(n: u32, extra: u64): void {
  const offset = peek(n, 0);
  if (failed()) return;
  const selector = <u32>peek(n, n) & 0xffff;
  if (failed()) return;
  returnTo(n, offset, selector, n * 2, extra, false);
}

/** IRET in protected and long mode. APM3, IRET. */
function returnInterrupt(n: u32): void {
  if (flag(RFLAGS_NT)) {
    if (longMode()) raiseGp(0);
    else missing(MISSING_TASK_SWITCH);
    return;
  }
  const offset = peek(n, 0);
  if (failed()) return;
  const selector = <u32>peek(n, n) & 0xffff;
  if (failed()) return;
  const flags = peek(n, n * 2);
  if (failed()) return;
  if (!longMode() && (flags & RFLAGS_VM) !== 0) {
    missing(MISSING_VIRTUAL_8086);
    return;
  }
  let mask = poppedMask(n) | 0x1_0000;
  if (n === 2) mask &= 0xffff;
  if (returnTo(n, offset, selector, n * 3, 0, mode64())) {
    store<u64>(Cpu.RFLAGS, (load<u64>(Cpu.RFLAGS) & ~mask) | (flags & mask) | 2);
    // Whether NMIs are blocked is the hypervisor's to know.
  }
}

/**
 * Returns to a far address; `taken` bytes come off the stack before the outer stack pointer, `extra` after.
 * `always`: the stack pointer is there even if the level stays. False with a fault pending.
 */
function returnTo(n: u32, offset: u64, selector: u32, taken: u64, extra: u64, always: bool): bool {
  const cpl: u32 = load<u8>(Cpu.CPL);
  const rpl = selector & 3;
  if ((selector & 0xfffc) === 0 || rpl < cpl) {
    raiseGp(selector & 0xfffc);
    return false;
  }
  if (!Segment.readDescriptor(selector, false, VECTOR_GP)) return false;
  if (!codeAllows(selector, cpl, rpl, true)) return false;
  const outer = rpl > cpl;
  let pointer: u64 = 0;
  let stackSelector: u32 = 0;
  const from64 = mode64();
  if (outer || always) {
    pointer = peek(n, taken + extra);
    if (failed()) return false;
    stackSelector = <u32>peek(n, taken + extra + n) & 0xffff;
    if (failed()) return false;
  }
  const to64 = longMode() && (Segment.attributes & Segment.LONG) !== 0;
  if (to64 && !canonical(offset)) {
    raiseGp(0);
    return false;
  }
  if (outer || always) {
    if (!checkStack(stackSelector, rpl, to64)) return false;
    const null_ = (stackSelector & 0xfffc) === 0;
    if (!null_) Segment.markAccessed();
    if (failed()) return false;
    if (!Segment.readDescriptor(selector, false, VECTOR_GP)) return false;
    enterCode(selector, rpl);
    if (null_) Segment.loadNull(Segment.SS, stackSelector);
    else {
      Segment.readDescriptor(stackSelector, false, VECTOR_SS);
      Segment.fillSegment(Cpu.SS, stackSelector);
    }
    // A return to a stack of 16 or 32 bits sets no more of RSP than that, unless it comes from 64-bit mode.
    if (from64 && to64) store<u64>(Cpu.RSP, pointer + extra);
    else setStackPointer(pointer + (outer ? extra : 0), n === 8 ? ~(<u64>0) : stackMask());
    if (outer) dropInner(rpl);
  } else {
    release(taken + extra);
    enterCode(selector, rpl);
  }
  goTo(codeOffset(offset));
  return true;
}

/** Checks a selector for SS on a return. */
function checkStack(selector: u32, cpl: u32, to64: bool): bool {
  if ((selector & 0xfffc) === 0) {
    if (to64 && cpl < 3 && (selector & 3) === cpl) return true;
    raiseGp(0);
    return false;
  }
  if (!Segment.readDescriptor(selector, false, VECTOR_GP)) return false;
  const attributes = Segment.attributes;
  const kind = attributes & (Segment.ORDINARY | Segment.CODE | Segment.READABLE);
  const right =
    kind === (Segment.ORDINARY | Segment.READABLE) &&
    (selector & 3) === cpl &&
    Segment.dplOf(attributes) === cpl;
  if (!right) {
    raiseGp(selector & 0xfffc);
    return false;
  }
  if ((attributes & Segment.PRESENT) === 0) {
    raiseWith(VECTOR_SS, selector & 0xfffc);
    return false;
  }
  return true;
}

/** Data segments that the outer level may not use become null. APM2 §4.12.4. */
function dropInner(cpl: u32): void {
  for (let n: u32 = 0; n < 6; n++) {
    if (n === Segment.CS || n === Segment.SS) continue;
    const attributes: u32 = load<u16>(segmentState(n), 2);
    const conforming = (attributes & (Segment.CODE | Segment.CONFORMING)) === 12;
    if (!conforming && Segment.dplOf(attributes) < cpl) {
      const keptBase = n >= Segment.FS && longMode() ? load<u64>(segmentState(n), 8) : 0;
      Segment.loadNull(n, 0);
      store<u64>(segmentState(n), keptBase, 8);
    }
  }
}
