/** PVALIDATE, RMPADJUST, RMPQUERY. APM3 §4, APM2 §15.36. */
import * as Exit from '../../../../spec/exit';
import * as Fault from '../../../../spec/page-fault';
import * as Rmp from '../../../../spec/rmp';
import {
  LIFTED_PVALIDATE_VMPL,
  LIFTED_RMPADJUST_VMPL,
  LIFTED_SIZE,
  RMP_HUGE,
  RMP_VALIDATED_SHIFT,
  RMP_VMSA_SHIFT,
} from '../memory-map';
import { canonical } from './access';
import { mode64 } from './address';
import * as Control from './control';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { exitWith, isSnp, raiseGp, raiseNotValidated, raiseUd } from './fault';
import { SUB, setArithmetic, setFlags } from './flags';
import { pvalidate } from './observer';
import { frame, gpa, nestedLarge, translateOnly } from './paging';
import { ownsPage, rmpEntry } from './rmp';
import { resume } from './stack';
import { flushTlbs } from './tlb';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function snp(p: usize, effect: u32): bool {
  switch (effect) {
    case Effect.PVALIDATE:
      if (permittedHere(false)) validate(p);
      return true;
    case Effect.RMPADJUST:
      if (permittedHere(true)) adjust(p);
      return true;
    case Effect.RMPQUERY:
      if (permittedHere(true)) query(p);
      return true;
    default:
      return false;
  }
}

function permittedHere(needs64: bool): bool {
  if (!isSnp() || (needs64 && !mode64())) {
    raiseUd();
    return false;
  }
  if (load<u8>(Cpu.CPL) !== 0) {
    raiseGp(0);
    return false;
  }
  return true;
}

/** Return code in EAX; the flags as after comparing it with 0, CF aside. */
function answer(p: usize, code: u32): void {
  store<u64>(Cpu.RAX, code);
  const carry = load<u32>(Cpu.RFLAGS) & 1;
  setArithmetic(SUB, 4, code, code, 0);
  setFlags(1, carry);
  resume(p);
}

function outcome(p: usize, code: u32, unchanged: bool): void {
  setFlags(1, unchanged ? 1 : 0);
  answer(p, code);
}

/** #VMEXIT(NPF) on the page itself, as for a read: the hypervisor is to mend the RMP or the nested table. */
function refuse(cause: u64): void {
  const info =
    Fault.PRESENT | Fault.USER | Fault.FINAL_ADDRESS | Fault.ENCRYPTED | Fault.RMP | cause;
  exitWith(Exit.NPF, info, gpa);
}

/** Translates RAX down to the system frame. False if the instruction ends. */
function locate(linear: u64): bool {
  if (!canonical(linear)) {
    raiseGp(0);
    return false;
  }
  return translateOnly(linear);
}

/** Whether the sizes of RMP and nested table are held against each other. APM2 table 15-39. */
function sizeChecked(): bool {
  return (load<u32>(Control.LIFTED) & LIFTED_SIZE) === 0;
}

function validate(p: usize): void {
  // Only VMPL0 decides what is validated. APM2 §15.36.6
  const lifted = (load<u32>(Control.LIFTED) & LIFTED_PVALIDATE_VMPL) !== 0;
  if (load<u8>(Control.VMPL) !== 0 && !lifted) {
    raiseGp(0);
    return;
  }
  const linear = mode64() ? load<u64>(Cpu.RAX) : load<u32>(Cpu.RAX);
  const size = load<u32>(Cpu.RCX);
  const wanted: u64 = load<u32>(Cpu.RDX) & 1;
  const unit: u64 = size === Rmp.PAGE_2M ? 0x20_0000 : 0x1000;
  if (size > 1 || (load<u32>(Cpu.RDX) & ~1) !== 0 || (linear & (unit - 1)) !== 0) {
    outcome(p, Rmp.FAIL_INPUT, false);
    return;
  }
  // How large a page the guest's own tables map does not matter: what is checked is a read of one byte.
  if (!locate(linear)) return;
  if ((gpa & (unit - 1)) !== 0) {
    outcome(p, Rmp.FAIL_INPUT, false);
    return;
  }
  const entry = rmpEntry(frame);
  if (!ownsPage(entry, frame, gpa >> 12)) {
    refuse(0);
    return;
  }
  const word = load<u64>(entry);
  const huge = (word & RMP_HUGE) !== 0;
  if (size === Rmp.PAGE_4K && huge) {
    refuse(Fault.SIZE_MISMATCH);
    return;
  }
  if (size === Rmp.PAGE_2M && (!huge || !nestedLarge)) {
    outcome(p, Rmp.FAIL_SIZEMISMATCH, false);
    return;
  }
  if (size === Rmp.PAGE_4K && nestedLarge && sizeChecked()) {
    refuse(0);
    return;
  }
  const before = (word >> RMP_VALIDATED_SHIFT) & 1;
  const bit = (<u64>1) << RMP_VALIDATED_SHIFT;
  store<u64>(entry, (word & ~bit) | (wanted << RMP_VALIDATED_SHIFT));
  flushTlbs();
  pvalidate(gpa, huge ? 1 : 0, <u32>wanted, before === wanted ? 1 : 0);
  outcome(p, Rmp.OK, before === wanted);
}

/** Whether the page, of 2 MiB where it is `huge`, has the VMSA that the guest runs from. APM2 §15.36.12. */
function runsFrom(huge: bool): bool {
  const within: u32 = huge ? 0x1ff : 0;
  return (frame & ~within) === (load<u32>(Control.VMSA_FRAME) & ~within);
}

function adjust(p: usize): void {
  const linear = load<u64>(Cpu.RAX);
  const size = load<u64>(Cpu.RCX);
  const attributes = load<u64>(Cpu.RDX);
  const target = <u32>attributes & 0xff;
  const mask = <u32>(attributes >> 8) & 0xff;
  const own: u32 = load<u8>(Control.VMPL);
  const unit: u64 = size === Rmp.PAGE_2M ? 0x20_0000 : 0x1000;
  if (
    size > 1 ||
    (linear & (unit - 1)) !== 0 ||
    (attributes & ~(<u64>0x1_ffff)) !== 0 ||
    (mask & ~Rmp.ALL) !== 0 ||
    target >= load<u8>(Control.VMPL_COUNT)
  ) {
    answer(p, Rmp.FAIL_INPUT);
    return;
  }
  const lifted = (load<u32>(Control.LIFTED) & LIFTED_RMPADJUST_VMPL) !== 0;
  if (target <= own && !lifted) {
    answer(p, Rmp.FAIL_PERMISSION);
    return;
  }
  if (!locate(linear)) return;
  if ((gpa & (unit - 1)) !== 0) {
    answer(p, Rmp.FAIL_INPUT);
    return;
  }
  const entry = rmpEntry(frame);
  if (!ownsPage(entry, frame, gpa >> 12)) {
    refuse(0);
    return;
  }
  const word = load<u64>(entry);
  const huge = (word & RMP_HUGE) !== 0;
  if (((word >> RMP_VALIDATED_SHIFT) & 1) === 0) {
    raiseNotValidated(linear);
    return;
  }
  if (size === Rmp.PAGE_4K && huge) {
    refuse(Fault.SIZE_MISMATCH);
    return;
  }
  if (size === Rmp.PAGE_2M && (!huge || !nestedLarge)) {
    answer(p, Rmp.FAIL_SIZEMISMATCH);
    return;
  }
  if (size === Rmp.PAGE_4K && nestedLarge && sizeChecked()) {
    refuse(0);
    return;
  }
  if (runsFrom(huge)) {
    answer(p, Rmp.FAIL_INUSE);
    return;
  }
  if ((mask & ~(<u32>load<u8>(entry + 8 + own))) !== 0 && !lifted) {
    answer(p, Rmp.FAIL_PERMISSION);
    return;
  }
  store<u8>(entry + 8 + target, <u8>mask);
  if (own === 0) {
    const bit = (<u64>1) << RMP_VMSA_SHIFT;
    const isVmsa: u64 = (attributes & Rmp.ATTRIBUTE_VMSA) !== 0 ? bit : 0;
    store<u64>(entry, (word & ~bit) | isVmsa);
  }
  flushTlbs();
  answer(p, Rmp.OK);
}

/** RMPQUERY: RDX = permissions of the VMPL in bits 15:8 and the VMSA bit, as RMPADJUST takes them. */
function query(p: usize): void {
  const linear = load<u64>(Cpu.RAX);
  const target = <u32>load<u64>(Cpu.RCX) & 0xff;
  if ((linear & 0xfff) !== 0 || target >= load<u8>(Control.VMPL_COUNT)) {
    answer(p, Rmp.FAIL_INPUT);
    return;
  }
  if (target < load<u8>(Control.VMPL)) {
    answer(p, Rmp.FAIL_PERMISSION);
    return;
  }
  if (!locate(linear)) return;
  const entry = rmpEntry(frame);
  if (!ownsPage(entry, frame, gpa >> 12)) {
    refuse(0);
    return;
  }
  const word = load<u64>(entry);
  if (((word >> RMP_VALIDATED_SHIFT) & 1) === 0) {
    raiseNotValidated(linear);
    return;
  }
  const vmsa = (word >> RMP_VMSA_SHIFT) & 1;
  store<u64>(Cpu.RDX, target | ((<u64>load<u8>(entry + 8 + target)) << 8) | (vmsa << 16));
  store<u64>(Cpu.RCX, (word & RMP_HUGE) !== 0 ? 1 : 0);
  answer(p, Rmp.OK);
}
