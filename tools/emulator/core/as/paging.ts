/** From linear to system addresses: the guest's tables, the nested table, the RMP, the key. */
import * as Reg from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import { EFER_LMA, EFER_NXE } from '../../../../spec/msr';
import * as Fault from '../../../../spec/page-fault';
import * as Pte from '../../../../spec/paging';
import * as Region from '../memory-map';
import { EXECUTE, READ, WRITE } from './access-kind';
import * as Control from './control';
import * as Cpu from './cpu';
import { holdUnder, keySlot, takeOver } from './encryption';
import { exitWith, isSevEs, missing, raiseNotValidated, raiseWith } from './fault';
import { frameBytes, frameInfo, gpaFrames, nestedBase, noteWrite } from './machine';
import { checkRmp, RMP_DENIED, RMP_NOT_VALIDATED } from './rmp';

/** Result of {@link translate}: the frame, where its bytes are; or a device's page. */
export let frame: u32 = 0;
export let bytes: usize = 0;
export let device: bool = false;
/** A read of a frame that is held under another key than `slot`: `bytes` are not what the guest sees. */
export let foreign: bool = false;
export let slot: u32 = 0;
/** Guest physical address that was reached, and whether it was reached with the C-bit set. */
export let gpa: u64 = 0;
export let encrypted: bool = false;
/** Whether the nested table maps it with a page larger than 4 KiB, after {@link translateOnly}. */
export let nestedLarge: bool = false;

const MISSING_TWO_LEVEL: u32 = 5;
const MISSING_FIVE_LEVEL: u32 = 9;

/** What a linear address was being translated for, for the faults of the levels below. */
let forLinear: u64 = 0;
let forUser: bool = false;

/**
 * Translates `linear` for an access, with every check, and marks accessed and dirty. False if
 * that ends the instruction: fault or exit are pending.
 */
export function translate(linear: u64, access: u32, user: bool): bool {
  forLinear = linear;
  forUser = user;
  const encrypts = load<u8>(Control.SEV) !== 0;
  if ((load<u32>(Cpu.CR0) & Reg.CR0_PG) === 0) {
    // Without paging everything is private. APM2 §15.34.4
    gpa = linear;
    return nested(access, encrypts, false);
  }
  if (!walk(linear, access, user)) return false;
  const isPrivate = encrypted || access === EXECUTE;
  return nested(access, encrypts && isPrivate, false);
}

/**
 * Translates `linear` to its frame, as for a read of one byte, without the checks of the RMP on the page itself, which
 * PVALIDATE and RMPADJUST make in their own way. False if the instruction ends.
 */
export function translateOnly(linear: u64): bool {
  forLinear = linear;
  forUser = false;
  if ((load<u32>(Cpu.CR0) & Reg.CR0_PG) === 0) {
    gpa = linear;
    encrypted = true;
  } else if (!walk(linear, READ, false)) return false;
  device = false;
  const gfn = gpa >> 12;
  const entry = gfn < gpaFrames ? load<u64>(nestedBase + ((<usize>gfn) << 3)) : 0;
  if ((entry & Region.NPT_RESERVED) !== 0) {
    raiseWith(Reg.VECTOR_VC, Exit.NPF);
    return false;
  }
  if ((entry & Region.NPT_PRESENT) === 0) return nestedFault(READ, true, false, 0);
  frame = <u32>(entry >> 12);
  nestedLarge = (entry & Region.NPT_HUGE) !== 0;
  return true;
}

function cBitMask(): u64 {
  return load<u8>(Control.SEV) !== 0 ? (<u64>1) << load<u8>(Control.C_BIT) : 0;
}

/** Sets `gpa` and `encrypted` from the guest's page tables. APM2 §5.3. */
function walk(linear: u64, access: u32, user: bool): bool {
  const cr4 = load<u32>(Cpu.CR4);
  if ((cr4 & Reg.CR4_PAE) === 0) {
    missing(MISSING_TWO_LEVEL);
    return false;
  }
  if ((cr4 & Reg.CR4_LA57) !== 0) {
    missing(MISSING_FIVE_LEVEL);
    return false;
  }
  const efer = load<u32>(Cpu.EFER);
  const long = (efer & EFER_LMA) !== 0;
  const cBit = cBitMask();
  const widthMask = ((<u64>1) << load<u8>(Control.ADDRESS_WIDTH)) - 1;
  const frameMask = Pte.ADDRESS_MASK & widthMask & ~cBit;
  let reserved = Pte.ADDRESS_MASK & ~(frameMask | cBit);
  if ((efer & EFER_NXE) === 0) reserved |= Pte.NO_EXECUTE;
  let table = load<u64>(Cpu.CR3) & (long ? frameMask : 0xffff_ffe0);
  let rights: u64 = Pte.WRITABLE | Pte.USER;
  let noExecute: u64 = 0;
  let level: u32 = long ? 4 : 3;
  while (true) {
    const shift = level * 9 + 3;
    gpa = table + (((linear >> shift) & 0x1ff) << 3);
    if (!nested(READ, cBit !== 0, true)) return false;
    const at = bytes + <usize>(gpa & 0xfff);
    const entry = load<u64>(at);
    if ((entry & Pte.PRESENT) === 0) return pageFault(linear, access, user, 0);
    // An entry of PAE's first level has no rights, and is not marked. APM2 §5.2.3
    const pointer = !long && level === 3;
    if (!pointer) {
      rights &= entry;
      noExecute |= entry & Pte.NO_EXECUTE;
    }
    const leaf = level === 1 || (level < 4 && !pointer && (entry & Pte.PAGE_SIZE) !== 0);
    let wrong = entry & reserved;
    if (level === 4) wrong |= entry & Pte.PAGE_SIZE;
    if (leaf && level > 1) {
      // Below the frame only bit 12, PAT, may be set.
      wrong |= entry & ((((<u64>1) << shift) - 1) & ~0x1fff);
    }
    if (wrong !== 0) return pageFault(linear, access, user, Fault.PRESENT | Fault.RESERVED);
    if (leaf) {
      if (!allowed(access, user, rights, noExecute)) {
        return pageFault(linear, access, user, Fault.PRESENT);
      }
      const marks = Pte.ACCESSED | (access === WRITE ? Pte.DIRTY : 0);
      if (!mark(at, entry, marks, cBit !== 0)) return false;
      const within = ((<u64>1) << shift) - 1;
      gpa = (entry & frameMask & ~within) | (linear & within);
      encrypted = (entry & cBit) !== 0;
      return true;
    }
    if (!pointer && !mark(at, entry, Pte.ACCESSED, cBit !== 0)) return false;
    table = entry & frameMask;
    level--;
  }
}

/** Sets bits of a table entry that are not set: a write to the guest's table. */
function mark(at: usize, entry: u64, marks: u64, isPrivate: bool): bool {
  if ((entry & marks) === marks) return true;
  const entryGpa = gpa;
  if (!nested(WRITE, isPrivate, true)) return false;
  store<u64>(at, entry | marks);
  noteWrite(frameInfo(frame));
  gpa = entryGpa;
  return true;
}

/** Page protection. APM2 §5.6. */
function allowed(access: u32, user: bool, rights: u64, noExecute: u64): bool {
  const cr4 = load<u32>(Cpu.CR4);
  const userPage = (rights & Pte.USER) !== 0;
  if (user && !userPage) return false;
  if (access === EXECUTE) {
    if (noExecute !== 0) return false;
    return user || !userPage || (cr4 & Reg.CR4_SMEP) === 0;
  }
  if (!user && userPage && (cr4 & Reg.CR4_SMAP) !== 0) {
    if ((load<u32>(Cpu.RFLAGS) & Reg.RFLAGS_AC) === 0) return false;
  }
  if (access === WRITE && (rights & Pte.WRITABLE) === 0) {
    return !user && (load<u32>(Cpu.CR0) & Reg.CR0_WP) === 0;
  }
  return true;
}

function pageFault(linear: u64, access: u32, user: bool, cause: u64): bool {
  store<u64>(Cpu.CR2, linear);
  raiseWith(Reg.VECTOR_PF, <u32>(cause | faultBits(access, user)));
  return false;
}

/** The bits of an error code that tell what the access was. APM2 §8.4.2. */
function faultBits(access: u32, user: bool): u64 {
  let code: u64 = user ? Fault.USER : 0;
  if (access === WRITE) code |= Fault.WRITE;
  if (access === EXECUTE) {
    const smep = (load<u32>(Cpu.CR4) & Reg.CR4_SMEP) !== 0;
    if (smep || (load<u32>(Cpu.EFER) & EFER_NXE) !== 0) code |= Fault.FETCH;
  }
  return code;
}

/**
 * From `gpa` to `frame` and `bytes`, with the key that `isPrivate` asks for. `table`: the access is to the
 * guest's page tables. False if the instruction ends. APM2 §15.25.6, §15.36.10.
 */
export function nested(access: u32, isPrivate: bool, table: bool): bool {
  device = false;
  foreign = false;
  const gfn = gpa >> 12;
  const entry = gfn < gpaFrames ? load<u64>(nestedBase + ((<usize>gfn) << 3)) : 0;
  const flags = <u32>entry & 0xfff;
  if ((flags & Region.NPT_RESERVED) !== 0) {
    if (isSevEs()) {
      raiseWith(Reg.VECTOR_VC, Exit.NPF);
      return false;
    }
    if (table || access === EXECUTE) return nestedFault(access, isPrivate, table, Fault.RESERVED);
    device = true;
    return true;
  }
  if ((flags & Region.NPT_PRESENT) === 0) return nestedFault(access, isPrivate, table, 0);
  if (
    (access === WRITE && (flags & Region.NPT_WRITABLE) === 0) ||
    (access === EXECUTE && (flags & Region.NPT_EXECUTABLE) === 0)
  ) {
    return nestedFault(access, isPrivate, table, Fault.PRESENT);
  }
  frame = <u32>(entry >> 12);
  const huge = (flags & Region.NPT_HUGE) !== 0;
  const verdict = checkRmp(frame, gfn, huge, access, isPrivate, table, forUser);
  if (verdict === RMP_NOT_VALIDATED) {
    raiseNotValidated(forLinear);
    return false;
  }
  if (verdict >= RMP_DENIED) {
    const why = Fault.RMP | (verdict > RMP_DENIED ? Fault.VMPL : 0);
    return nestedFault(access, isPrivate, table, Fault.PRESENT | why);
  }
  const encrypts = (load<u32>(Control.LIFTED) & Region.LIFTED_ENCRYPTION) === 0;
  slot = isPrivate && encrypts ? keySlot(load<u32>(Control.ASID)) : 0;
  bytes = frameBytes(frame);
  if (load<u8>(frameInfo(frame), Region.FRAME_KEY) !== slot) changeKey(access, table);
  if (access === WRITE) noteWrite(frameInfo(frame));
  return true;
}

/**
 * The guest comes to a frame that is held under another key. Its first few reads are served block by block,
 * since touching a line of a new page is all that some guests do; then the page is converted.
 */
function changeKey(access: u32, table: bool): void {
  const flags = frameInfo(frame) + Region.FRAME_FLAGS;
  const before: u32 = load<u8>(flags);
  const peeks = before >> Region.FRAME_PEEKS_SHIFT;
  if (access === READ && !table && peeks < Region.FRAME_PEEKS_MAX) {
    foreign = true;
    store<u8>(flags, <u8>(before + (1 << Region.FRAME_PEEKS_SHIFT)));
    return;
  }
  store<u8>(flags, <u8>(before & ((1 << Region.FRAME_PEEKS_SHIFT) - 1)));
  if (overwriting && access === WRITE) takeOver(frame, slot);
  else holdUnder(frame, slot);
}

/** Set while every byte of the page to be written is going to be. */
let overwriting: bool = false;

export function setOverwriting(all: bool): void {
  overwriting = all;
}

/** #VMEXIT(NPF). Accesses are user accesses as far as the nested table goes. APM2 §15.25.6. */
function nestedFault(access: u32, isPrivate: bool, table: bool, cause: u64): bool {
  let info = cause | Fault.USER | (table ? Fault.TABLE_ADDRESS : Fault.FINAL_ADDRESS);
  if (access === WRITE) info |= Fault.WRITE;
  if (access === EXECUTE) info |= Fault.FETCH;
  if (isPrivate) info |= Fault.ENCRYPTED;
  exitWith(Exit.NPF, info, gpa);
  return false;
}
