/** RDMSR, WRMSR, and the MSRs that are part of the processor's state. APM2 app. A. */

import { CR0_PG, CR4_FSGSBASE } from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import * as Msr from '../../../../spec/msr';
import { MSRPM } from '../memory-map';
import { canonical } from './access';
import * as Control from './control';
import { trapAfter } from './control-registers';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { intercepted, interceptNow, isSevEs, isSnp, raiseGp, raiseUd } from './fault';
import { readRegister, writeRegister } from './operand';
import { DESTINATION, nextOf } from './record';
import { resume } from './stack';
import { secureTsc, setTimeStamp, timeStamp } from './time';
import { flushTlbs } from './tlb';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function msrs(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.RDMSR:
      readMsr(p);
      return true;
    case Effect.WRMSR:
      writeMsr(p);
      return true;
    case Effect.RDFSBASE:
    case Effect.RDGSBASE:
    case Effect.WRFSBASE:
    case Effect.WRGSBASE:
      segmentBase(p, effect, n);
      return true;
    default:
      return false;
  }
}

/** The MSR's two bits in the permission map, read first; both set for an MSR outside it. */
function permission(number: u32): u32 {
  let bit: u32;
  if (number < 0x2000) bit = number * 2;
  else if (number >= 0xc000_0000 && number < 0xc000_2000) bit = (number - 0xc000_0000) * 2 + 0x4000;
  else if (number >= 0xc001_0000 && number < 0xc001_2000) bit = (number - 0xc001_0000) * 2 + 0x8000;
  else return 3;
  return (<u32>load<u8>(MSRPM + (bit >> 3)) >> (bit & 7)) & 3;
}

/** Whether the hypervisor wants to see the access: to SEV_STATUS never. APM2 §15.34.10, §15.36.18. */
function wanted(number: u32, write: u32): bool {
  if (number === Msr.SEV_STATUS || (number === Msr.GHCB && isSevEs())) return false;
  if (number === Msr.GUEST_TSC_FREQ && isSnp()) return false;
  return intercepted(Exit.MSR) && (permission(number) & (1 << write)) !== 0;
}

/** Where an MSR without side effects has its state; 0 for all others. */
function plainMsr(number: u32): usize {
  switch (number) {
    case Msr.STAR:
      return Cpu.STAR;
    case Msr.LSTAR:
      return Cpu.LSTAR;
    case Msr.CSTAR:
      return Cpu.CSTAR;
    case Msr.SFMASK:
      return Cpu.SFMASK;
    case Msr.FS_BASE:
      return Cpu.FS_BASE;
    case Msr.GS_BASE:
      return Cpu.GS_BASE;
    case Msr.KERNEL_GS_BASE:
      return Cpu.KERNEL_GS_BASE;
    case Msr.SYSENTER_CS:
      return Cpu.SYSENTER_CS;
    case Msr.SYSENTER_ESP:
      return Cpu.SYSENTER_ESP;
    case Msr.SYSENTER_EIP:
      return Cpu.SYSENTER_EIP;
    case Msr.PAT:
      return Cpu.PAT;
    case Msr.XSS:
      return Cpu.XSS;
    default:
      return 0;
  }
}

function readMsr(p: usize): void {
  const number = load<u32>(Cpu.RCX);
  if (wanted(number, 0)) {
    interceptNow(Exit.MSR, 0, 0, nextOf(p));
    return;
  }
  let value: u64;
  const at = plainMsr(number);
  if (at !== 0) value = load<u64>(at);
  else if (number === Msr.EFER) value = load<u64>(Cpu.EFER);
  else if (number === Msr.TSC) value = timeStamp();
  else if (number === Msr.GUEST_TSC_FREQ && secureTsc()) value = load<u32>(Control.TSC_FREQUENCY);
  else if (number === Msr.TSC_AUX) value = load<u32>(Cpu.TSC_AUX);
  else if (number === Msr.SEV_STATUS && load<u8>(Control.SEV) !== 0)
    value = load<u64>(Cpu.SEV_STATUS);
  else if (number === Msr.GHCB && isSevEs()) value = load<u64>(Cpu.GHCB);
  else {
    raiseGp(0);
    return;
  }
  store<u64>(Cpu.RAX, value & 0xffff_ffff);
  store<u64>(Cpu.RDX, value >> 32);
}

function writeMsr(p: usize): void {
  const number = load<u32>(Cpu.RCX);
  if (wanted(number, 1)) {
    interceptNow(Exit.MSR, 1, 0, nextOf(p));
    return;
  }
  const value = <u64>load<u32>(Cpu.RAX) | ((<u64>load<u32>(Cpu.RDX)) << 32);
  const at = plainMsr(number);
  if (at !== 0) {
    if (!fits(number, value)) raiseGp(0);
    else store<u64>(at, value);
  } else if (number === Msr.EFER) writeEfer(p, value);
  else if (number === Msr.TSC) {
    setTimeStamp(value);
  } else if (number === Msr.TSC_AUX && value >> 32 === 0) store<u32>(Cpu.TSC_AUX, <u32>value);
  else if (number === Msr.GHCB && isSevEs()) store<u64>(Cpu.GHCB, value);
  else raiseGp(0);
}

/** Addresses must be canonical, memory types of PAT known. APM2 §7.8.1. */
function fits(number: u32, value: u64): bool {
  switch (number) {
    case Msr.LSTAR:
    case Msr.CSTAR:
    case Msr.FS_BASE:
    case Msr.GS_BASE:
    case Msr.KERNEL_GS_BASE:
    case Msr.SYSENTER_ESP:
    case Msr.SYSENTER_EIP:
      return canonical(value);
    case Msr.PAT:
      for (let i: u64 = 0; i < 64; i += 8) {
        const type = (value >> i) & 0xff;
        if (type > 7 || type === 2 || type === 3) return false;
      }
      return true;
    case Msr.SFMASK:
      return value >> 32 === 0;
    default:
      return true;
  }
}

function writeEfer(p: usize, value: u64): void {
  const before = load<u64>(Cpu.EFER);
  const changes = before ^ value;
  if ((value & ~(<u64>Msr.EFER_DEFINED)) !== 0) {
    raiseGp(0);
    return;
  }
  if ((changes & Msr.EFER_LME) !== 0 && (load<u32>(Cpu.CR0) & CR0_PG) !== 0) {
    raiseGp(0);
    return;
  }
  // LMA follows paging. SVME stays as it is in an SEV-ES guest. APM2 §15.35.10
  const kept: u64 = Msr.EFER_LMA | (isSevEs() ? Msr.EFER_SVME : 0);
  store<u64>(Cpu.EFER, (value & ~kept) | (before & kept));
  flushTlbs();
  resume(p);
  if (isSevEs() && intercepted(Exit.EFER_WRITE_TRAP)) {
    trapAfter(p, Exit.EFER_WRITE_TRAP, load<u64>(Cpu.EFER));
  }
}

function segmentBase(p: usize, effect: u32, n: u32): void {
  if ((load<u32>(Cpu.CR4) & CR4_FSGSBASE) === 0) {
    raiseUd();
    return;
  }
  const fs = effect === Effect.RDFSBASE || effect === Effect.WRFSBASE;
  const at = fs ? Cpu.FS_BASE : Cpu.GS_BASE;
  const register: u32 = load<u8>(p, DESTINATION);
  if (effect === Effect.RDFSBASE || effect === Effect.RDGSBASE) {
    writeRegister(register, n, load<u64>(at));
    return;
  }
  const value = readRegister(register, n);
  if (canonical(value)) store<u64>(at, value);
  else raiseGp(0);
}
