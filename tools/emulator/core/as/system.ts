/** System instructions by effect: descriptor tables, control registers, and the rest. APM3 §4. */
import * as Reg from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import { RANDOM_STUCK } from '../memory-map';
import { FLAG_CPL0, NO_INTERCEPT, ROW_FLAGS, ROW_INTERCEPT } from '../row-format';
import { readMemory, writeMemory } from './access';
import { mode64 } from './address';
import * as Control from './control';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { deliver, FAULT, SOFTWARE } from './exception';
import { exitWith, intercept, intercepted, interceptNow, raiseGp, raiseUd } from './fault';
import { flag, setFlags } from './flags';
import { pending, RESYNC, setPending } from './machine';
import { addressOf, failed, get0, get1, set0, throughStack, writeRegister } from './operand';
import { DESTINATION, IMMEDIATE, nextOf, ripOf, rowOf } from './record';
import * as Segment from './segment';
import { beyondIopl, resume, shadow } from './stack';
import { timeStamp } from './time';
import { flushPage, flushTlbs } from './tlb';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function system(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.HLT:
      halt(p);
      return true;
    case Effect.PAUSE:
      leave(p, Exit.PAUSE);
      return true;
    case Effect.VMGEXIT:
    case Effect.VMMCALL:
      callHypervisor(p, effect);
      return true;
    case Effect.CLI:
      if (beyondIopl()) raiseGp(0);
      else setFlags(Reg.RFLAGS_IF, 0);
      return true;
    case Effect.STI:
      if (beyondIopl()) raiseGp(0);
      else if (!flag(Reg.RFLAGS_IF)) {
        setFlags(Reg.RFLAGS_IF, Reg.RFLAGS_IF);
        shadow(p);
      }
      return true;
    case Effect.CLAC:
    case Effect.STAC:
      setFlags(Reg.RFLAGS_AC, effect === Effect.STAC ? Reg.RFLAGS_AC : 0);
      flushTlbs();
      resume(p);
      return true;
    case Effect.CPUID:
      // The machine's CPUID is the hypervisor's to answer, so it is as if always intercepted.
      interceptNow(Exit.CPUID, 0, 0, nextOf(p));
      return true;
    case Effect.RDTSC:
    case Effect.RDTSCP:
      readTimeStamp(p, effect === Effect.RDTSCP);
      return true;
    case Effect.RDPID:
      writeRegister(load<u8>(p, DESTINATION), 8, load<u32>(Cpu.TSC_AUX));
      return true;
    case Effect.RDRAND:
    case Effect.RDSEED:
      random(p, n);
      return true;
    case Effect.LGDT:
    case Effect.LIDT:
    case Effect.SGDT:
    case Effect.SIDT:
      descriptorTable(p, effect);
      return true;
    case Effect.LLDT:
    case Effect.LTR:
    case Effect.SLDT:
    case Effect.STR:
      systemSegment(p, effect, n);
      return true;
    case Effect.MOV_FROM_SEGMENT: {
      const segment: u32 = load<u8>(p, 3);
      if (segment > 5) raiseUd();
      else set0(p, n, load<u16>(Cpu.ES + ((<usize>segment) << 4)));
      return true;
    }
    case Effect.MOV_TO_SEGMENT: {
      const segment: u32 = load<u8>(p, DESTINATION);
      if (segment > 5 || segment === Segment.CS) {
        raiseUd();
        return true;
      }
      const selector = <u32>get1(p, 2);
      if (failed() || !Segment.loadSegment(segment, selector)) return true;
      if (segment === Segment.SS) shadow(p);
      return true;
    }
    case Effect.INVLPG:
      if (checked(p)) {
        flushPage(addressOf(p));
        resume(p);
      }
      return true;
    case Effect.INVPCID:
      if (checked(p)) {
        flushTlbs();
        resume(p);
      }
      return true;
    case Effect.INVLPGB:
    case Effect.TLBSYNC:
      if (checked(p)) {
        flushTlbs();
        resume(p);
      }
      return true;
    case Effect.INVD:
    case Effect.WBINVD:
    case Effect.WBNOINVD:
    case Effect.MONITOR:
    case Effect.MWAIT:
      // Caches and monitors mean nothing here beyond the intercept.
      checked(p);
      return true;
    case Effect.RDPMC:
      if (checked(p)) raiseGp(0);
      return true;
    case Effect.CLFLUSH:
    case Effect.CLFLUSHOPT:
    case Effect.CLWB:
      // The line's address is checked as a read of one byte is. APM3, CLFLUSH
      readMemory(addressOf(p), 1, throughStack(p));
      return true;
    case Effect.LFENCE:
    case Effect.MFENCE:
    case Effect.SFENCE:
    case Effect.SERIALIZE:
      return true;
    case Effect.SWAPGS: {
      const base = load<u64>(Cpu.GS_BASE);
      store<u64>(Cpu.GS_BASE, load<u64>(Cpu.KERNEL_GS_BASE));
      store<u64>(Cpu.KERNEL_GS_BASE, base);
      return true;
    }
    case Effect.INT3:
    case Effect.INT:
    case Effect.INT1:
    case Effect.INTO:
      softwareInterrupt(p, effect);
      return true;
    case Effect.UD:
      raiseUd();
      return true;
    default:
      return false;
  }
}

/** The row's own intercept. False if the instruction ends there. */
export function checked(p: usize): bool {
  const code: u32 = load<u16>(rowOf(p), ROW_INTERCEPT);
  return code === NO_INTERCEPT || !intercept(code, 0, 0, nextOf(p));
}

/** Whether the row asks for CPL 0 and this is not it. */
export function lacksPrivilege(p: usize): bool {
  return (load<u8>(rowOf(p), ROW_FLAGS) & FLAG_CPL0) !== 0 && load<u8>(Cpu.CPL) !== 0;
}

/** An automatic exit after the instruction, if it is intercepted. APM2 table 15-33. */
function leave(p: usize, code: u32): void {
  if (!intercepted(code)) return;
  store<u64>(Cpu.RIP, nextOf(p));
  store<u64>(Control.N_RIP, nextOf(p));
  store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + 1);
  exitWith(code, 0, 0);
}

/** HLT leaves whether it is intercepted or not: nothing here could end it. */
function halt(p: usize): void {
  store<u64>(Cpu.RIP, nextOf(p));
  store<u64>(Control.N_RIP, nextOf(p));
  store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + 1);
  exitWith(Exit.HLT, 0, 0);
}

/** VMGEXIT is VMMCALL where SEV-ES is off. APM3, VMGEXIT. */
function callHypervisor(p: usize, effect: u32): void {
  if (effect === Effect.VMGEXIT && load<u8>(Control.SEV_ES) !== 0) {
    store<u64>(Cpu.RIP, nextOf(p));
    store<u64>(Control.N_RIP, nextOf(p));
    store<u64>(Cpu.INSTRUCTIONS, load<u64>(Cpu.INSTRUCTIONS) + 1);
    exitWith(Exit.VMGEXIT, 0, 0);
    return;
  }
  if (!intercept(Exit.VMMCALL, 0, 0, nextOf(p))) raiseUd();
}

function readTimeStamp(p: usize, withId: bool): void {
  const disabled = (load<u32>(Cpu.CR4) & Reg.CR4_TSD) !== 0;
  if (disabled && load<u8>(Cpu.CPL) !== 0) {
    raiseGp(0);
    return;
  }
  if (!checked(p)) return;
  const now = timeStamp();
  store<u64>(Cpu.RAX, now & 0xffff_ffff);
  store<u64>(Cpu.RDX, now >> 32);
  if (withId) store<u64>(Cpu.RCX, load<u32>(Cpu.TSC_AUX));
}

/** RDRAND, RDSEED: SplitMix64 from the machine's seed, or the same again and again where they are broken. */
function random(p: usize, n: u32): void {
  setFlags(0x8d5, 0);
  let value: u64 = 0;
  const ready: u32 = load<u8>(Control.RANDOM_READY);
  if (ready !== 0) {
    value = ready === RANDOM_STUCK ? load<u64>(Control.RANDOM) : nextRandom();
    setFlags(Reg.RFLAGS_CF, Reg.RFLAGS_CF);
  }
  writeRegister(load<u8>(p, DESTINATION), n, value);
}

function nextRandom(): u64 {
  let z = load<u64>(Control.RANDOM) + 0x9e37_79b9_7f4a_7c15;
  store<u64>(Control.RANDOM, z);
  z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
  z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
  return z ^ (z >> 31);
}

/** User-mode instruction prevention: SGDT and friends at CPL 3. APM2 §3.1.3. */
function preventedToUser(): bool {
  return (load<u32>(Cpu.CR4) & Reg.CR4_UMIP) !== 0 && load<u8>(Cpu.CPL) === 3;
}

function descriptorTable(p: usize, effect: u32): void {
  const global = effect === Effect.LGDT || effect === Effect.SGDT;
  const state = global ? Cpu.GDTR : Cpu.IDTR;
  const linear = addressOf(p);
  const stack = throughStack(p);
  const size: u32 = mode64() ? 8 : 4;
  if (effect === Effect.SGDT || effect === Effect.SIDT) {
    if (preventedToUser()) {
      raiseGp(0);
      return;
    }
    if (!checked(p)) return;
    if (!writeMemory(linear, 2, load<u32>(state, 4), stack)) return;
    writeMemory(linear + 2, size, load<u64>(state, 8), stack);
    return;
  }
  if (!checked(p)) return;
  const limit = readMemory(linear, 2, stack);
  if (failed()) return;
  const base = readMemory(linear + 2, size, stack);
  if (failed()) return;
  if (<i64>(base << 16) >> 16 !== <i64>base) {
    raiseGp(0);
    return;
  }
  store<u32>(state, <u32>limit, 4);
  // A 16-bit operand leaves the base 24 bits, but no 64-bit one.
  store<u64>(state, size === 4 && hasOperandPrefix(p) ? base & 0xff_ffff : base, 8);
}

function hasOperandPrefix(p: usize): bool {
  return (load<u8>(p, 27) & 8) !== 0;
}

function systemSegment(p: usize, effect: u32, n: u32): void {
  const task = effect === Effect.LTR || effect === Effect.STR;
  const state = task ? Cpu.TR : Cpu.LDTR;
  if (effect === Effect.STR || effect === Effect.SLDT) {
    if (preventedToUser()) raiseGp(0);
    else if (checked(p)) set0(p, n, load<u16>(state));
    return;
  }
  if (!checked(p)) return;
  const selector = <u32>get0(p, 2);
  if (!failed()) Segment.loadSystemSegment(state, selector, task);
}

/** INT n and its kin return behind themselves; the event is delivered here. APM2 §8.7. */
function softwareInterrupt(p: usize, effect: u32): void {
  let number: u32 = <u32>load<u64>(p, IMMEDIATE) & 0xff;
  if (effect === Effect.INT3) number = Reg.VECTOR_BP;
  else if (effect === Effect.INT1) number = Reg.VECTOR_DB;
  else if (effect === Effect.INTO) {
    if (!flag(Reg.RFLAGS_OF)) return;
    number = Reg.VECTOR_OF;
  } else if (!checked(p)) return;
  if (effect !== Effect.INT && intercept(Exit.EXCP_BASE + number, 0, 0, nextOf(p))) return;
  store<u64>(Cpu.RIP, ripOf(p));
  deliver(number, effect === Effect.INT1 ? FAULT : SOFTWARE, false, 0, nextOf(p));
  if (pending === 0) setPending(RESYNC);
}
