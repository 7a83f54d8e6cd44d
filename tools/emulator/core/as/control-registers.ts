/** Moves to and from control and debug registers, CLTS, SMSW, LMSW, XGETBV, XSETBV. APM2 §3.1, §13.1. */
import * as Reg from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import * as Msr from '../../../../spec/msr';
import { longMode } from './access';
import { mode64 } from './address';
import * as Control from './control';
import * as Cpu from './cpu';
import * as Effect from './effects';
import {
  exitWith,
  intercept,
  intercepted,
  isSevEs,
  missing,
  raise,
  raiseGp,
  raiseUd,
} from './fault';
import { failed, get0, readRegister, set0, writeRegister } from './operand';
import { DESTINATION, nextOf, SOURCE } from './record';
import { resume } from './stack';
import { flushTlbs } from './tlb';

const MISSING_BREAKPOINT: u32 = 4;

const CR0_DEFINED: u64 = 0xe005_003f;
const CR4_DEFINED: u64 = 0x77_0fff;
/** PCID, LA57, protection keys, shadow stacks: not in this processor. */
const CR4_ABSENT: u64 = Reg.CR4_LA57 | Reg.CR4_PKE | Reg.CR4_PCIDE | 0x6080;

/** Carries out an effect of this file. False if `effect` is none of them. */
export function controlRegisters(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.MOV_FROM_CONTROL: {
      const number: u32 = load<u8>(p, SOURCE);
      if (intercept(Exit.CR0_READ + number, 0, 0, nextOf(p))) return true;
      const at = registerAt(number);
      if (at === 0) raiseUd();
      else writeRegister(load<u8>(p, DESTINATION), n, load<u64>(at));
      return true;
    }
    case Effect.MOV_TO_CONTROL: {
      const number: u32 = load<u8>(p, DESTINATION);
      const value = readRegister(load<u8>(p, SOURCE), n);
      writeControl(p, number, value);
      return true;
    }
    case Effect.CLTS:
      if (intercept(Exit.CR0_WRITE, 0, 0, nextOf(p))) return true;
      store<u64>(Cpu.CR0, load<u64>(Cpu.CR0) & ~(<u64>Reg.CR0_TS));
      resume(p);
      return true;
    case Effect.SMSW:
      if (!intercept(Exit.CR0_READ, 0, 0, nextOf(p))) set0(p, n, load<u64>(Cpu.CR0));
      return true;
    case Effect.LMSW: {
      const value = get0(p, 2);
      if (failed()) return true;
      const cr0 = load<u64>(Cpu.CR0);
      // PE can be set this way, not cleared.
      writeControl(p, 0, (cr0 & ~(<u64>0xe)) | (value & 0xf));
      return true;
    }
    case Effect.MOV_FROM_DEBUG:
    case Effect.MOV_TO_DEBUG:
      debugRegister(p, effect, n);
      return true;
    case Effect.XGETBV:
      if ((load<u32>(Cpu.CR4) & Reg.CR4_OSXSAVE) === 0) raiseUd();
      else if (load<u32>(Cpu.RCX) !== 0) raiseGp(0);
      else {
        store<u64>(Cpu.RAX, load<u64>(Cpu.XCR0) & 0xffff_ffff);
        store<u64>(Cpu.RDX, load<u64>(Cpu.XCR0) >> 32);
      }
      return true;
    case Effect.XSETBV:
      setExtended(p);
      return true;
    default:
      return false;
  }
}

function registerAt(number: u32): usize {
  switch (number) {
    case 0:
      return Cpu.CR0;
    case 2:
      return Cpu.CR2;
    case 3:
      return Cpu.CR3;
    case 4:
      return Cpu.CR4;
    case 8:
      return Cpu.CR8;
    default:
      return 0;
  }
}

/** A write to a control register, with its intercept before and, under SEV-ES, its trap after. */
function writeControl(p: usize, number: u32, value: u64): void {
  if (registerAt(number) === 0) {
    raiseUd();
    return;
  }
  if (intercept(Exit.CR0_WRITE + number, 0, 0, nextOf(p))) return;
  let right = true;
  if (number === 0) right = writeCr0(p, value);
  else if (number === 3) right = writeCr3(value);
  else if (number === 4) right = writeCr4(value);
  else if (number === 8) right = value <= 15;
  if (failed()) return;
  if (!right) {
    raiseGp(0);
    return;
  }
  if (number === 2) store<u64>(Cpu.CR2, value);
  if (number === 8) {
    store<u64>(Cpu.CR8, value);
    store<u8>(Control.V_INTR, <u8>value);
  }
  flushTlbs();
  resume(p);
  if (isSevEs() && intercepted(Exit.CR0_WRITE_TRAP + number)) {
    trapAfter(p, Exit.CR0_WRITE_TRAP + number, load<u64>(registerAt(number)));
  }
}

/** An automatic exit after the instruction, with the new value. APM2 §15.35.9. */
export function trapAfter(p: usize, code: u32, value: u64): void {
  store<u64>(Cpu.RIP, nextOf(p));
  store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + 1);
  exitWith(code, value, 0);
}

/** APM2 §3.1.1, §14.6. */
function writeCr0(p: usize, value: u64): bool {
  const before = load<u64>(Cpu.CR0);
  if (value >> 32 !== 0) return false;
  const paging = (value & Reg.CR0_PG) !== 0;
  if (paging && (value & Reg.CR0_PE) === 0) return false;
  if ((value & Reg.CR0_NW) !== 0 && (value & Reg.CR0_CD) === 0) return false;
  const changes = before ^ value;
  const selective = changes & ~(<u64>(Reg.CR0_TS | Reg.CR0_MP));
  if (selective !== 0 && intercept(Exit.CR0_SEL_WRITE, 0, 0, nextOf(p))) return true;
  let efer = load<u64>(Cpu.EFER);
  if ((changes & Reg.CR0_PG) !== 0) {
    if (paging && (efer & Msr.EFER_LME) !== 0) {
      // Long mode begins in compatibility mode, with PAE tables. APM2 §14.6.1
      const pae = (load<u32>(Cpu.CR4) & Reg.CR4_PAE) !== 0;
      if (!pae || (load<u16>(Cpu.CS_ATTRIBUTES) & 0x200) !== 0) return false;
      efer |= Msr.EFER_LMA;
    } else if (!paging) {
      if (mode64()) return false;
      efer &= ~(<u64>Msr.EFER_LMA);
    }
    store<u64>(Cpu.EFER, efer);
  }
  store<u64>(Cpu.CR0, (value & CR0_DEFINED) | Reg.CR0_ET);
  return true;
}

/** Bits above the physical address width, the C-bit apart, must be zero in long mode. */
function writeCr3(value: u64): bool {
  const sev = load<u8>(Control.SEV) !== 0;
  const cBit: u64 = sev ? (<u64>1) << load<u8>(Control.C_BIT) : 0;
  const width = load<u8>(Control.ADDRESS_WIDTH);
  if (longMode() && (value & ~cBit) >> width !== 0) return false;
  store<u64>(Cpu.CR3, value);
  return true;
}

function writeCr4(value: u64): bool {
  if ((value & ~CR4_DEFINED) !== 0 || (value & CR4_ABSENT) !== 0) return false;
  if (longMode() && (value & Reg.CR4_PAE) === 0) return false;
  store<u64>(Cpu.CR4, value);
  return true;
}

/** DR4 and DR5 are DR6 and DR7 while CR4.DE is clear. APM2 §13.1.1. */
function debugRegister(p: usize, effect: u32, n: u32): void {
  const writes = effect === Effect.MOV_TO_DEBUG;
  let number: u32 = load<u8>(p + (writes ? DESTINATION : SOURCE));
  if (intercept((writes ? Exit.DR0_WRITE : Exit.DR0_READ) + number, 0, 0, nextOf(p))) return;
  if (number === 4 || number === 5) {
    if ((load<u32>(Cpu.CR4) & Reg.CR4_DE) !== 0) {
      raiseUd();
      return;
    }
    number += 2;
  }
  if (number > 7) {
    raiseUd();
    return;
  }
  const generalDetect = (load<u32>(Cpu.DR7) & 0x2000) !== 0;
  if (generalDetect) {
    store<u64>(Cpu.DR6, load<u64>(Cpu.DR6) | 0x2000);
    store<u64>(Cpu.DR7, load<u64>(Cpu.DR7) & ~(<u64>0x2000));
    raise(Reg.VECTOR_DB);
    return;
  }
  const at = debugAt(number);
  if (!writes) {
    writeRegister(load<u8>(p, DESTINATION), n, load<u64>(at));
    return;
  }
  let value = readRegister(load<u8>(p, SOURCE), n);
  if (number >= 6) {
    if (value >> 32 !== 0) {
      raiseGp(0);
      return;
    }
    if (number === 7) {
      if ((value & 0xff) !== 0) {
        missing(MISSING_BREAKPOINT);
        return;
      }
      value = (value & 0xffff_27ff) | 0x400;
    } else value = (value & 0xe00f) | 0xffff_0ff0;
  }
  store<u64>(at, value);
}

function debugAt(number: u32): usize {
  return number < 4 ? Cpu.DR0 + ((<usize>number) << 3) : number === 6 ? Cpu.DR6 : Cpu.DR7;
}

/** Only x87, SSE and AVX state can be switched on. APM2 §11.5.2. */
function setExtended(p: usize): void {
  if ((load<u32>(Cpu.CR4) & Reg.CR4_OSXSAVE) === 0) {
    raiseUd();
    return;
  }
  if (intercept(Exit.XSETBV, 0, 0, nextOf(p))) return;
  const value = <u64>load<u32>(Cpu.RAX) | ((<u64>load<u32>(Cpu.RDX)) << 32);
  const wrong = (value & 1) === 0 || (value & ~(<u64>7)) !== 0 || (value & 6) === 4;
  if (load<u32>(Cpu.RCX) !== 0 || wrong) raiseGp(0);
  else store<u64>(Cpu.XCR0, value);
}
