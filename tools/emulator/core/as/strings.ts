/** String instructions, alone and repeated. APM3 §3, and §1.2.6 for the prefixes. */
import { RFLAGS_DF, RFLAGS_ZF } from '../../../../spec/cpu';
import {
  BOUNCE_END,
  finishWrite,
  READ_AT_ONCE,
  readMemory,
  readPointer,
  storeSized,
  writePointer,
} from './access';
import { segmentAddress } from './address';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { flag, SUB, setArithmetic } from './flags';
import { NONE, RESYNC, setExtraIterations, setPending } from './machine';
import { failed, readRegister, truncate } from './operand';
import { setOverwriting } from './paging';
import {
  FORM,
  FORM_ADDRESS16,
  FORM_ADDRESS32,
  PREFIX_REP,
  PREFIX_REPNE,
  PREFIX_SEGMENT_SHIFT,
  PREFIXES,
} from './record';

const ES: u32 = 0;
const DS: u32 = 3;

/** Bits of an index or count register that this instruction uses. */
function addressMask(p: usize): u64 {
  const form: u32 = load<u8>(p, FORM);
  if ((form & FORM_ADDRESS16) !== 0) return 0xffff;
  return (form & FORM_ADDRESS32) !== 0 ? 0xffff_ffff : ~(<u64>0);
}

/** Changes the part of RSI, RDI or RCX that is in use; 32 bits clear the upper half. */
function setIndex(at: usize, value: u64, mask: u64): void {
  if (mask === 0xffff) store<u16>(at, <u16>value);
  else store<u64>(at, value & mask);
}

/** Carries out a string effect; at most `most` iterations. False if `effect` is none. */
export function strings(p: usize, effect: u32, n: u32, most: u64): bool {
  switch (effect) {
    case Effect.MOVS:
    case Effect.CMPS:
    case Effect.STOS:
    case Effect.LODS:
    case Effect.SCAS:
      break;
    default:
      return false;
  }
  const prefixes: u32 = load<u8>(p, PREFIXES);
  const mask = addressMask(p);
  if ((prefixes & (PREFIX_REP | PREFIX_REPNE)) === 0) {
    step(p, effect, n, mask);
    return true;
  }
  const compares = effect === Effect.CMPS || effect === Effect.SCAS;
  const wanted = (prefixes & PREFIX_REP) !== 0;
  let done: u64 = 0;
  let count = load<u64>(Cpu.RCX) & mask;
  while (count !== 0 && done < most) {
    let steps = compares ? 0 : bulk(p, effect, n, mask, min(count, most - done));
    if (steps === 0) {
      // What may have stopped the bulk stops the step too, if it is at the step's bytes.
      setPending(NONE);
      if (!step(p, effect, n, mask)) break;
      steps = 1;
    }
    done += steps;
    count -= steps;
    setIndex(Cpu.RCX, count, mask);
    if (compares && flag(RFLAGS_ZF) !== wanted) {
      count = 0;
    }
  }
  if (failed()) {
    // What was done before the fault counts, the instruction that faults does not.
    store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + done);
    return true;
  }
  if (done > 1) setExtraIterations(done - 1);
  // Where the count ran into the limit, RIP stays here, with the registers as they are by now.
  if (count !== 0) setPending(RESYNC);
  return true;
}

/** One iteration. False with a fault pending, and nothing changed. */
function step(p: usize, effect: u32, n: u32, mask: u64): bool {
  const by: u64 = flag(RFLAGS_DF) ? 0 - <u64>n : n;
  const overriding = (<u32>load<u8>(p, PREFIXES) >> PREFIX_SEGMENT_SHIFT) & 7;
  const source = overriding !== 0 ? overriding - 1 : DS;
  const from = load<u64>(Cpu.RSI) & mask;
  const to = load<u64>(Cpu.RDI) & mask;
  let value: u64 = 0;
  if (effect === Effect.MOVS || effect === Effect.LODS || effect === Effect.CMPS) {
    const linear = segmentAddress(source, from, n, false);
    if (failed()) return false;
    value = readMemory(linear, n, false);
    if (failed()) return false;
  } else value = readRegister(0, n);
  if (effect === Effect.LODS) {
    if (n === 4) store<u64>(Cpu.RAX, value);
    else storeSized(Cpu.RAX, n, value);
    setIndex(Cpu.RSI, from + by, mask);
    return true;
  }
  const linear = segmentAddress(ES, to, n, effect === Effect.MOVS || effect === Effect.STOS);
  if (failed()) return false;
  if (effect === Effect.MOVS || effect === Effect.STOS) {
    const at = writePointer(linear, n, false);
    if (at === 0) return false;
    storeSized(at, n, value);
    if (at < BOUNCE_END) finishWrite();
  } else {
    const other = readMemory(linear, n, false);
    if (failed()) return false;
    setArithmetic(SUB, n, truncate(value - other, n), value, other);
  }
  if (effect === Effect.MOVS || effect === Effect.CMPS) setIndex(Cpu.RSI, from + by, mask);
  setIndex(Cpu.RDI, to + by, mask);
  return true;
}

/**
 * As many iterations as go in one stretch of memory within one page, forwards, without a
 * difference to doing them one by one. 0 if that is none: the caller then does one step.
 */
function bulk(p: usize, effect: u32, n: u32, mask: u64, most: u64): u64 {
  if (effect === Effect.LODS || flag(RFLAGS_DF)) return 0;
  const overriding = (<u32>load<u8>(p, PREFIXES) >> PREFIX_SEGMENT_SHIFT) & 7;
  const from = load<u64>(Cpu.RSI) & mask;
  const to = load<u64>(Cpu.RDI) & mask;
  let size: u64 = 4096 - (to & 0xfff);
  if (effect === Effect.MOVS) size = min(size, 4096 - (from & 0xfff));
  const steps = min(size / n, most);
  size = steps * n;
  if (size <= READ_AT_ONCE) return 0;
  const target = segmentAddress(ES, to, <u32>size, true);
  if (failed()) return 0;
  let source: usize = 0;
  if (effect === Effect.MOVS) {
    const linear = segmentAddress(overriding !== 0 ? overriding - 1 : DS, from, <u32>size, false);
    if (failed()) return 0;
    if (((linear ^ (linear + size - 1)) & ~0xfff) !== 0) return 0;
    source = readPointer(linear, <u32>size, false);
    if (source < BOUNCE_END) return 0;
  }
  if (((target ^ (target + size - 1)) & ~0xfff) !== 0) return 0;
  setOverwriting(effect === Effect.STOS && size === 4096);
  const at = writePointer(target, <u32>size, false);
  setOverwriting(false);
  if (at < BOUNCE_END) {
    // A fault; or a device or decoded code, where each step is to be seen.
    return 0;
  }
  if (effect === Effect.STOS) {
    fill(at, n, <usize>steps);
  } else {
    // Bytes that were just written are read again where the target follows the source closely.
    if (at > source && at < source + <usize>size) {
      if (at - source < n) return 0;
      for (let i: usize = 0; i < <usize>size; i += n) {
        if (n === 8) store<u64>(at + i, load<u64>(source + i));
        else if (n === 4) store<u32>(at + i, load<u32>(source + i));
        else if (n === 2) store<u16>(at + i, load<u16>(source + i));
        else store<u8>(at + i, load<u8>(source + i));
      }
    } else memory.copy(at, source, <usize>size);
    setIndex(Cpu.RSI, from + size, mask);
  }
  setIndex(Cpu.RDI, to + size, mask);
  return steps;
}

function fill(at: usize, n: u32, steps: usize): void {
  const value = load<u64>(Cpu.RAX);
  if (n === 1) memory.fill(at, <u8>value, steps);
  else if (n === 2) for (let i: usize = 0; i < steps; i++) store<u16>(at + (i << 1), <u16>value);
  else if (n === 4) for (let i: usize = 0; i < steps; i++) store<u32>(at + (i << 2), <u32>value);
  else for (let i: usize = 0; i < steps; i++) store<u64>(at + (i << 3), value);
}
