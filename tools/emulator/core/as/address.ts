/** Segmentation: from an offset in a segment to a linear address. APM2 §4.5, §4.12. */
import { VECTOR_GP, VECTOR_SS } from '../../../../spec/cpu';
import { longMode } from './access';
import * as Cpu from './cpu';
import { NO_SEGMENT } from './decode';
import { missing, raiseWith } from './fault';
import { addressOf, failed } from './operand';
import {
  FORM,
  FORM_ADDRESS16,
  FORM_ADDRESS32,
  IMMEDIATE,
  PREFIX_SEGMENT_SHIFT,
  PREFIXES,
  WIDTH,
} from './record';

const MISSING_EXPAND_DOWN: u32 = 6;

const CS_LONG: u32 = 0x200;
const SS: u32 = 2;
const FS: u32 = 4;

/** Attributes: present; type bits of a data segment. APM2 §4.8. */
const PRESENT: u32 = 0x80;
const CODE: u32 = 0x8;
const EXPAND_DOWN: u32 = 0x4;
const WRITABLE: u32 = 0x2;

/** Whether the processor is in 64-bit mode: long mode with a 64-bit code segment. */
export function mode64(): bool {
  return longMode() && (load<u32>(Cpu.CS_ATTRIBUTES) & CS_LONG) !== 0;
}

/** Address of the state of segment register `n`: ES, CS, SS, DS, FS, GS. */
export function segmentState(n: u32): usize {
  return Cpu.ES + ((<usize>n) << 4);
}

/**
 * Linear address of `n` bytes at an offset in a segment, checked against its limit and kind outside
 * 64-bit mode. A fault may be pending afterwards.
 */
export function segmentAddress(segment: u32, offset: u64, n: u32, writes: bool): u64 {
  const state = segmentState(segment);
  if (mode64()) return segment < FS ? offset : offset + load<u64>(state, 8);
  const attributes: u32 = load<u16>(state, 2);
  const vector = segment === SS ? VECTOR_SS : VECTOR_GP;
  const data = (attributes & CODE) === 0;
  if ((attributes & PRESENT) === 0 || (writes && (!data || (attributes & WRITABLE) === 0))) {
    raiseWith(vector, 0);
    return 0;
  }
  if (data && (attributes & EXPAND_DOWN) !== 0) {
    missing(MISSING_EXPAND_DOWN);
    return 0;
  }
  const last = offset + (n === 0 ? 0 : n - 1);
  if (last > load<u32>(state, 4)) {
    raiseWith(vector, 0);
    return 0;
  }
  return (load<u64>(state, 8) + offset) & 0xffff_ffff;
}

/** Carries out an ADDRESS record: sets `state.address` for the next one. False with a fault pending. */
export function computeAddress(p: usize): bool {
  const form: u32 = load<u8>(p, FORM);
  // The displacement is in the immediate, all 64 bits of it; the field of its own is zero.
  let offset = addressOf(p) + load<u64>(p, IMMEDIATE);
  if ((form & FORM_ADDRESS16) !== 0) offset &= 0xffff;
  else if ((form & FORM_ADDRESS32) !== 0) offset &= 0xffff_ffff;
  const segment = (<u32>load<u8>(p, PREFIXES) >> PREFIX_SEGMENT_SHIFT) & 7;
  let linear = offset;
  if (segment !== NO_SEGMENT) {
    linear = segmentAddress(segment, offset, load<u8>(p, WIDTH), false);
    if (failed()) return false;
  }
  store<u64>(Cpu.ADDRESS, linear);
  return true;
}
