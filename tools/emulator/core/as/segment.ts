/** Segment registers and the descriptors they are loaded from. APM2 §4.5 to §4.8. */
import { VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../../../../spec/cpu';
import { longMode, systemPointer, writeMemory } from './access';
import { mode64, segmentState } from './address';
import * as Cpu from './cpu';
import { raiseGp, raiseWith } from './fault';
import { failed } from './operand';

export const ES: u32 = 0;
export const CS: u32 = 1;
export const SS: u32 = 2;
export const DS: u32 = 3;
export const FS: u32 = 4;
export const GS: u32 = 5;

/** Attributes as SegmentState has them: access byte, then AVL, L, D/B, G. */
export const TYPE: u32 = 0xf;
export const ACCESSED: u32 = 0x1;
export const READABLE: u32 = 0x2;
export const CONFORMING: u32 = 0x4;
export const CODE: u32 = 0x8;
/** Not a system segment. */
export const ORDINARY: u32 = 0x10;
export const PRESENT: u32 = 0x80;
export const LONG: u32 = 0x200;
export const DEFAULT_32: u32 = 0x400;
const GRANULAR: u32 = 0x800;

/** The descriptor that was read last: attributes, limit and base, and where it was. */
export let attributes: u32 = 0;
export let limit: u32 = 0;
export let base: u64 = 0;
export let at: u64 = 0;
/** Bits 19:16 of the descriptor's limit field, in place, which LAR shows as they are. */
export let limitHigh: u32 = 0;
/** The selector was outside its table: what made the last {@link readDescriptor} fail. */
export let outside: bool = false;

export function dplOf(attributesOfOne: u32): u32 {
  return (attributesOfOne >> 5) & 3;
}

/**
 * Reads the descriptor that `selector` names; `wide`: one of 16 bytes, of a system segment in long
 * mode. False with #GP (or `vector`) pending if it is outside its table.
 */
export function readDescriptor(selector: u32, wide: bool, vector: u32): bool {
  const local = (selector & 4) !== 0;
  const table = local ? load<u64>(Cpu.LDTR_BASE) : load<u64>(Cpu.GDTR_BASE);
  const size = local ? load<u32>(Cpu.LDTR_LIMIT) : load<u32>(Cpu.GDTR_LIMIT);
  const offset = selector & 0xfff8;
  outside = false;
  const usable = !local || (load<u32>(Cpu.LDTR_ATTRIBUTES) & PRESENT) !== 0;
  if (!usable || offset + (wide ? 15 : 7) > size) {
    raiseWith(vector, selector & 0xfffc);
    outside = true;
    return false;
  }
  at = table + offset;
  const from = systemPointer(at, wide ? 16 : 8);
  if (from === 0) return false;
  unpack(load<u64>(from));
  if (wide) base |= (<u64>load<u32>(from, 8)) << 32;
  return true;
}

function unpack(descriptor: u64): void {
  attributes = (<u32>(descriptor >> 40) & 0xff) | ((<u32>(descriptor >> 52) & 0xf) << 8);
  limit = (<u32>descriptor & 0xffff) | (<u32>(descriptor >> 32) & 0xf_0000);
  limitHigh = limit & 0xf_0000;
  if ((attributes & GRANULAR) !== 0) limit = (limit << 12) | 0xfff;
  base = ((descriptor >> 16) & 0xff_ffff) | ((descriptor >> 32) & 0xff00_0000);
}

/** Fills a segment register with the descriptor that was read last. */
export function fillSegment(state: usize, selector: u32): void {
  store<u16>(state, <u16>selector);
  store<u16>(state, <u16>attributes, 2);
  store<u32>(state, limit, 4);
  store<u64>(state, base, 8);
}

/** Sets the accessed bit of the descriptor that was read last, in memory too. APM2 §4.7.1. */
export function markAccessed(): bool {
  if ((attributes & ACCESSED) !== 0) return true;
  attributes |= ACCESSED;
  // The tables are the supervisor's, whoever loads the register.
  const cpl = load<u8>(Cpu.CPL);
  store<u8>(Cpu.CPL, 0);
  const done = writeMemory(at + 5, 1, attributes & 0xff, false);
  store<u8>(Cpu.CPL, cpl);
  return done;
}

/** Loads ES, SS, DS, FS or GS. False with a fault pending. APM2 §4.11. */
export function loadSegment(segment: u32, selector: u32): bool {
  const state = segmentState(segment);
  const cpl: u32 = load<u8>(Cpu.CPL);
  const rpl = selector & 3;
  if ((selector & 0xfffc) === 0) {
    if (segment === SS && !(mode64() && cpl < 3 && rpl === cpl)) {
      raiseGp(0);
      return false;
    }
    loadNull(segment, selector);
    return true;
  }
  if (!readDescriptor(selector, false, VECTOR_GP)) return false;
  const type = attributes & TYPE;
  const dpl = dplOf(attributes);
  const ordinary = (attributes & ORDINARY) !== 0;
  const code = (type & CODE) !== 0;
  let right: bool;
  if (segment === SS) {
    right = ordinary && !code && (type & READABLE) !== 0 && rpl === cpl && dpl === cpl;
  } else {
    right = ordinary && (!code || (type & READABLE) !== 0);
    const conforming = code && (type & CONFORMING) !== 0;
    if (!conforming && (rpl > dpl || cpl > dpl)) right = false;
  }
  if (!right) {
    raiseGp(selector & 0xfffc);
    return false;
  }
  if ((attributes & PRESENT) === 0) {
    raiseWith(segment === SS ? VECTOR_SS : VECTOR_NP, selector & 0xfffc);
    return false;
  }
  if (!markAccessed()) return false;
  fillSegment(state, selector);
  return true;
}

/** A null selector: an unusable segment; 64-bit mode does without its attributes. */
export function loadNull(segment: u32, selector: u32): void {
  const state = segmentState(segment);
  store<u16>(state, <u16>selector);
  store<u16>(state, 0, 2);
  store<u32>(state, 0, 4);
  // The bases of FS and GS in 64-bit mode are MSRs of their own, but a load clears them.
  store<u64>(state, 0, 8);
}

/** Loads LDTR or TR, whose kinds are `available` and, for TR, marked busy. APM3, LLDT and LTR. */
export function loadSystemSegment(state: usize, selector: u32, task: bool): void {
  if ((selector & 0xfffc) === 0) {
    if (task) {
      raiseGp(0);
      return;
    }
    store<u16>(state, <u16>selector);
    store<u16>(state, 0, 2);
    store<u32>(state, 0, 4);
    store<u64>(state, 0, 8);
    return;
  }
  if ((selector & 4) !== 0) {
    raiseGp(selector & 0xfffc);
    return;
  }
  const wide = longMode() && mode64();
  if (!readDescriptor(selector, wide, VECTOR_GP)) return;
  const type = attributes & (TYPE | ORDINARY);
  if (type !== (task ? 9 : 2)) {
    raiseGp(selector & 0xfffc);
    return;
  }
  if ((attributes & PRESENT) === 0) {
    raiseWith(VECTOR_NP, selector & 0xfffc);
    return;
  }
  if (task) {
    attributes |= 2;
    writeMemory(at + 5, 1, attributes & 0xff, false);
    if (failed()) return;
  }
  fillSegment(state, selector);
}
