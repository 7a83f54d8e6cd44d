/** Decimal arithmetic, XLAT, SYSCALL and SYSENTER, and what else is seldom seen. APM3 §3. */
import {
  RFLAGS_AF,
  RFLAGS_CF,
  RFLAGS_IF,
  RFLAGS_RF,
  RFLAGS_VM,
  RFLAGS_ZF,
  VECTOR_DE,
  VECTOR_GP,
} from '../../../../spec/cpu';
import { EFER_SCE } from '../../../../spec/msr';
import { canonical, longMode, readMemory } from './access';
import { mode64, segmentAddress } from './address';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { raise, raiseGp, raiseUd } from './fault';
import { flag, LOGIC, setArithmetic, setFlags } from './flags';
import { NONE, setPending } from './machine';
import { failed, get0, get1, set0, writeRegister } from './operand';
import {
  DESTINATION,
  FORM,
  FORM_ADDRESS16,
  FORM_ADDRESS32,
  IMMEDIATE,
  nextOf,
  PREFIX_SEGMENT_SHIFT,
  PREFIXES,
  SOURCE,
} from './record';
import * as Segment from './segment';
import { codeChanged, goTo, setCpl } from './transfer';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function legacy(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.DAA:
    case Effect.DAS:
      decimalAdjust(effect === Effect.DAS);
      return true;
    case Effect.AAA:
    case Effect.AAS:
      asciiAdjust(effect === Effect.AAS);
      return true;
    case Effect.AAM: {
      const base = load<u32>(p, IMMEDIATE) & 0xff;
      if (base === 0) {
        raise(VECTOR_DE);
        return true;
      }
      const al: u32 = load<u8>(Cpu.RAX);
      store<u16>(Cpu.RAX, <u16>(((al / base) << 8) | (al % base)));
      setArithmetic(LOGIC, 1, al % base, 0, 0);
      return true;
    }
    case Effect.AAD: {
      const base = load<u32>(p, IMMEDIATE) & 0xff;
      const al = (<u32>load<u8>(Cpu.RAX) + <u32>load<u8>(Cpu.RAX + 1) * base) & 0xff;
      store<u16>(Cpu.RAX, <u16>al);
      setArithmetic(LOGIC, 1, al, 0, 0);
      return true;
    }
    case Effect.XLATB:
      translateByte(p);
      return true;
    case Effect.SYSCALL:
      systemCall(p);
      return true;
    case Effect.SYSRET:
      systemReturn(n);
      return true;
    case Effect.LAR:
    case Effect.LSL:
    case Effect.VERR:
    case Effect.VERW:
      examine(p, effect, n);
      return true;
    case Effect.ARPL: {
      const selector = <u32>get0(p, 2);
      if (failed()) return true;
      const rpl = <u32>load<u8>(Cpu.FIRST + load<u8>(p, SOURCE)) & 3;
      const raises = (selector & 3) < rpl;
      if (raises && !set0(p, 2, (selector & ~3) | rpl)) return true;
      setFlags(RFLAGS_ZF, raises ? RFLAGS_ZF : 0);
      return true;
    }
    default:
      return false;
  }
}

function decimalAdjust(subtracts: bool): void {
  const before: u32 = load<u8>(Cpu.RAX);
  const carry = flag(RFLAGS_CF);
  let al = before;
  let carryOut = false;
  const low = (before & 15) > 9 || flag(RFLAGS_AF);
  if (low) {
    al = subtracts ? al - 6 : al + 6;
    carryOut = carry || (subtracts ? before < 6 : al > 0xff);
  }
  if (before > 0x99 || carry) {
    al = subtracts ? al - 0x60 : al + 0x60;
    carryOut = true;
  }
  store<u8>(Cpu.RAX, <u8>al);
  setArithmetic(LOGIC, 1, al & 0xff, 0, 0);
  setFlags(RFLAGS_AF | RFLAGS_CF, (low ? RFLAGS_AF : 0) | (carryOut ? RFLAGS_CF : 0));
}

function asciiAdjust(subtracts: bool): void {
  const ax: u32 = load<u16>(Cpu.RAX);
  const adjusts = (ax & 15) > 9 || flag(RFLAGS_AF);
  let result = ax;
  if (adjusts) result = subtracts ? ax - 0x106 : ax + 0x106;
  store<u16>(Cpu.RAX, <u16>(result & 0xff0f));
  setFlags(RFLAGS_AF | RFLAGS_CF, adjusts ? RFLAGS_AF | RFLAGS_CF : 0);
}

function translateByte(p: usize): void {
  const form: u32 = load<u8>(p, FORM);
  let offset = load<u64>(Cpu.RBX) + load<u8>(Cpu.RAX);
  if ((form & FORM_ADDRESS16) !== 0) offset &= 0xffff;
  else if ((form & FORM_ADDRESS32) !== 0) offset &= 0xffff_ffff;
  const overriding = (<u32>load<u8>(p, PREFIXES) >> PREFIX_SEGMENT_SHIFT) & 7;
  const linear = segmentAddress(overriding !== 0 ? overriding - 1 : Segment.DS, offset, 1, false);
  if (failed()) return;
  const value = readMemory(linear, 1, false);
  if (!failed()) store<u8>(Cpu.RAX, <u8>value);
}

/** CS as SYSCALL and SYSRET load it. */
function flatCode(selector: u32, attributes: u32): void {
  const before = load<u16>(Cpu.CS_ATTRIBUTES);
  const base = load<u64>(Cpu.CS_BASE);
  flat(Cpu.CS, selector, attributes);
  codeChanged(before, base);
}

/** A flat segment, as SYSCALL and SYSRET make them without reading a descriptor. APM3, SYSCALL. */
function flat(state: usize, selector: u32, attributes: u32): void {
  store<u16>(state, <u16>selector);
  store<u16>(state, <u16>attributes, 2);
  store<u32>(state, 0xffff_ffff, 4);
  store<u64>(state, 0, 8);
}

const CODE_64: u32 = 0xa9b;
const CODE_32: u32 = 0xc9b;
const DATA: u32 = 0xc93;
const DPL_3: u32 = 0x60;

function systemCall(p: usize): void {
  if ((load<u32>(Cpu.EFER) & EFER_SCE) === 0) {
    raiseUd();
    return;
  }
  const star = load<u64>(Cpu.STAR);
  const selector = <u32>(star >> 32) & 0xfffc;
  const next = nextOf(p);
  if (!longMode()) {
    store<u64>(Cpu.RCX, next);
    store<u64>(Cpu.RFLAGS, load<u64>(Cpu.RFLAGS) & ~(<u64>(RFLAGS_VM | RFLAGS_IF | RFLAGS_RF)));
    flatCode(selector, CODE_32);
    flat(Cpu.SS, selector + 8, DATA);
    setCpl(0);
    goTo(star & 0xffff_ffff);
    return;
  }
  const flags = load<u64>(Cpu.RFLAGS);
  const target = mode64() ? load<u64>(Cpu.LSTAR) : load<u64>(Cpu.CSTAR);
  store<u64>(Cpu.RCX, next);
  store<u64>(Cpu.R11, flags & ~(<u64>RFLAGS_RF));
  store<u64>(Cpu.RFLAGS, (flags & ~load<u64>(Cpu.SFMASK) & ~(<u64>RFLAGS_RF)) | 2);
  flatCode(selector, CODE_64);
  flat(Cpu.SS, selector + 8, DATA);
  setCpl(0);
  goTo(target);
}

function systemReturn(n: u32): void {
  if ((load<u32>(Cpu.EFER) & EFER_SCE) === 0) {
    raiseUd();
    return;
  }
  const selector = <u32>(load<u64>(Cpu.STAR) >> 48);
  const target = n === 8 ? load<u64>(Cpu.RCX) : load<u32>(Cpu.RCX);
  if (n === 8 && !canonical(target)) {
    raiseGp(0);
    return;
  }
  if (longMode()) {
    const kept = load<u64>(Cpu.R11) & 0x3c_7fd7;
    store<u64>(Cpu.RFLAGS, kept | 2);
  } else store<u64>(Cpu.RFLAGS, load<u64>(Cpu.RFLAGS) | RFLAGS_IF);
  if (n === 8) flatCode((selector + 16) | 3, CODE_64 | DPL_3);
  else flatCode(selector | 3, CODE_32 | DPL_3);
  store<u16>(Cpu.SS, <u16>((selector + 8) | 3));
  store<u16>(Cpu.SS_ATTRIBUTES, <u16>(DATA | DPL_3));
  setCpl(3);
  goTo(target);
}

/** LAR, LSL, VERR, VERW: ZF tells whether the selector could be used. APM3 §4. */
function examine(p: usize, effect: u32, n: u32): void {
  const asks = effect === Effect.VERR || effect === Effect.VERW;
  const selector = <u32>(asks ? get0(p, 2) : get1(p, 2)) & 0xffff;
  if (failed()) return;
  setFlags(RFLAGS_ZF, 0);
  if ((selector & 0xfffc) === 0) return;
  if (!Segment.readDescriptor(selector, false, VECTOR_GP)) {
    // Outside its table: no fault, ZF tells. A fault of the access itself stays.
    if (Segment.outside) setPending(NONE);
    return;
  }
  const attributes = Segment.attributes;
  const ordinary = (attributes & Segment.ORDINARY) !== 0;
  const code = (attributes & Segment.CODE) !== 0;
  const dpl = Segment.dplOf(attributes);
  const conforming = ordinary && code && (attributes & Segment.CONFORMING) !== 0;
  if (!conforming && (dpl < load<u8>(Cpu.CPL) || dpl < (selector & 3))) return;
  const type = attributes & Segment.TYPE;
  if (effect === Effect.VERR) {
    if (!ordinary || (code && (type & Segment.READABLE) === 0)) return;
  } else if (effect === Effect.VERW) {
    if (!ordinary || code || (type & Segment.READABLE) === 0) return;
  } else if (!ordinary && !examinable(type, effect === Effect.LSL)) return;
  setFlags(RFLAGS_ZF, RFLAGS_ZF);
  if (asks) return;
  const to: u32 = load<u8>(p, DESTINATION);
  if (effect === Effect.LSL) writeRegister(to, n, Segment.limit);
  else {
    const word = ((attributes & 0xff) << 8) | ((attributes & 0xf00) << 12);
    writeRegister(to, n, word | (Segment.limitHigh & 0xf_0000));
  }
}

/** System segments that LAR and LSL know: LDT and TSS, and gates for LAR outside long mode. */
function examinable(type: u32, forLimit: bool): bool {
  if (type === 2 || type === 9 || type === 11) return true;
  if (longMode()) return !forLimit && type === 12;
  if (type === 1 || type === 3) return true;
  return !forLimit && (type === 4 || type === 5 || type === 12);
}
