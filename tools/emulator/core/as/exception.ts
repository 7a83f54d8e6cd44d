/** Delivery of exceptions and interrupts through the IDT. APM2 §8.7, §8.9. */
import * as Reg from '../../../../spec/cpu';
import * as Event from '../../../../spec/event-injection';
import * as Exit from '../../../../spec/exit';
import { canonical, longMode, systemPointer, writeMemory } from './access';
import * as Control from './control';
import * as Cpu from './cpu';
import {
  errorCode,
  exitWith,
  hasErrorCode,
  intercepted,
  interceptNow,
  isSevEs,
  missing,
  raiseGp,
  raiseWith,
  vector,
} from './fault';
import { EXIT, EXIT_AT_RIP, NONE, pending, setPending } from './machine';
import { vc } from './observer';
import { failed } from './operand';
import * as Segment from './segment';
import { codeOffset, enterCode, setCpl } from './transfer';

/** Where an event comes from. */
export const EXTERNAL: u32 = Event.TYPE_INTERRUPT;
export const NMI: u32 = Event.TYPE_NMI;
export const FAULT: u32 = Event.TYPE_EXCEPTION;
export const SOFTWARE: u32 = Event.TYPE_SOFTWARE;

const MISSING_TASK_SWITCH: u32 = 3;

const GATE_PRESENT: u32 = 0x8000;

/**
 * Delivers the exception that is pending, with the faults that come of that, up to a shutdown. When it
 * returns nothing is pending but, perhaps, an exit. The exception is at `state.rip`.
 */
export function deliverPending(): void {
  const number = vector;
  const code = errorCode;
  const hasCode = hasErrorCode;
  setPending(NONE);
  if (intercepted(Exit.EXCP_BASE + number)) {
    const address = number === Reg.VECTOR_PF ? load<u64>(Cpu.CR2) : 0;
    if (!isSevEs() || number === Reg.VECTOR_MC) {
      exitWith(Exit.EXCP_BASE + number, code, address);
      return;
    }
    if (number !== Reg.VECTOR_VC) {
      interceptNow(Exit.EXCP_BASE + number, 0, 0, 0);
      deliverPending();
      return;
    }
  }
  if (number === Reg.VECTOR_VC) vc(load<u64>(Cpu.RIP), code);
  deliver(number, FAULT, hasCode, code, load<u64>(Cpu.RIP));
}

/**
 * Delivers an event; `returnRip` is what the handler returns to. Faults on the way are delivered
 * instead, as the classes of the two say: one after the other, #DF, or shutdown. APM2 §8.2.9.
 */
export function deliver(number: u32, type: u32, hasCode: bool, code: u32, returnRip: u64): void {
  const rsp = load<u64>(Cpu.RSP);
  const cpl: u32 = load<u8>(Cpu.CPL);
  if (enterGate(number, type, hasCode, code, returnRip)) return;
  // Delivery is undone before the next one begins.
  store<u64>(Cpu.RSP, rsp);
  setCpl(cpl);
  if (pending === EXIT) {
    let info: u64 = Event.VALID | (type << Event.TYPE_SHIFT) | number;
    if (hasCode) info |= Event.ERROR_VALID | ((<u64>code) << 32);
    store<u64>(Control.EXIT_INT_INFO, info);
    setPending(EXIT_AT_RIP);
    return;
  }
  const second = vector;
  const secondCode = errorCode;
  const secondHas = hasErrorCode;
  setPending(NONE);
  if (type === FAULT && number === Reg.VECTOR_DF && classOf(second) !== BENIGN) {
    shutdown();
    return;
  }
  if (type === FAULT && makesDoubleFault(number, second)) {
    deliver(Reg.VECTOR_DF, FAULT, true, 0, load<u64>(Cpu.RIP));
    return;
  }
  // The error code says when an external event led to the fault. APM2 §8.4.1
  const external = type === EXTERNAL || type === NMI || type === FAULT ? 1 : 0;
  const withBit = second === Reg.VECTOR_PF || second === Reg.VECTOR_VC ? 0 : external;
  deliver(second, FAULT, secondHas, secondHas ? secondCode | withBit : 0, load<u64>(Cpu.RIP));
}

const BENIGN: u32 = 0;
const CONTRIBUTORY: u32 = 1;
const PAGE_FAULT: u32 = 2;

function classOf(number: u32): u32 {
  switch (number) {
    case Reg.VECTOR_DE:
    case Reg.VECTOR_TS:
    case Reg.VECTOR_NP:
    case Reg.VECTOR_SS:
    case Reg.VECTOR_GP:
    case Reg.VECTOR_CP:
    case Reg.VECTOR_VC:
    case Reg.VECTOR_SX:
      return CONTRIBUTORY;
    case Reg.VECTOR_PF:
      return PAGE_FAULT;
    default:
      return BENIGN;
  }
}

function makesDoubleFault(first: u32, second: u32): bool {
  const a = classOf(first);
  const b = classOf(second);
  if (a === CONTRIBUTORY) return b === CONTRIBUTORY;
  return a === PAGE_FAULT && b !== BENIGN;
}

function shutdown(): void {
  exitWith(Exit.SHUTDOWN, 0, 0);
  setPending(EXIT_AT_RIP);
}

/** Goes through the gate of `number`. False with a fault or exit pending. */
function enterGate(number: u32, type: u32, hasCode: bool, code: u32, returnRip: u64): bool {
  const long = longMode();
  const size: u32 = long ? 16 : 8;
  const selectorError = number * 8 + 2 + (type === SOFTWARE ? 0 : 1);
  if (number * size + size - 1 > load<u32>(Cpu.IDTR_LIMIT)) {
    raiseGp(selectorError);
    return false;
  }
  const gate = systemPointer(load<u64>(Cpu.IDTR_BASE) + number * size, size);
  if (gate === 0) return false;
  const kind: u32 = load<u16>(gate, 4);
  const selector: u32 = load<u16>(gate, 2);
  const stackTable: u32 = kind & 7;
  let target: u64 = <u64>load<u16>(gate) | ((<u64>load<u16>(gate, 6)) << 16);
  if (long) target |= (<u64>load<u32>(gate, 8)) << 32;
  const gateType = (kind >> 8) & 0x1f;
  const trap = gateType === 15;
  if (!trap && gateType !== 14) {
    if (gateType === 5 && !long) missing(MISSING_TASK_SWITCH);
    else raiseGp(selectorError);
    return false;
  }
  const cpl: u32 = load<u8>(Cpu.CPL);
  if (type === SOFTWARE && ((kind >> 13) & 3) < cpl) {
    raiseGp(number * 8 + 2);
    return false;
  }
  if ((kind & GATE_PRESENT) === 0) {
    raiseWith(Reg.VECTOR_NP, selectorError);
    return false;
  }
  const external = type === SOFTWARE ? 0 : 1;
  if ((selector & 0xfffc) === 0) {
    raiseGp(external);
    return false;
  }
  if (!Segment.readDescriptor(selector, false, Reg.VECTOR_GP)) return false;
  const attributes = Segment.attributes;
  const code_ = Segment.ORDINARY | Segment.CODE;
  const dpl = Segment.dplOf(attributes);
  const both = Segment.LONG | Segment.DEFAULT_32;
  if (
    (attributes & code_) !== code_ ||
    dpl > cpl ||
    (long && (attributes & both) !== Segment.LONG)
  ) {
    raiseGp((selector & 0xfffc) | external);
    return false;
  }
  if ((attributes & Segment.PRESENT) === 0) {
    raiseWith(Reg.VECTOR_NP, (selector & 0xfffc) | external);
    return false;
  }
  // #DB by single step, like #BP and #OF, comes after its instruction.
  const fault = type === FAULT && number !== Reg.VECTOR_DB;
  const level = (attributes & Segment.CONFORMING) !== 0 ? cpl : dpl;
  const done = long
    ? pushLong(selector, level, stackTable, fault, hasCode, code, returnRip)
    : pushProtected(selector, level, fault, hasCode, code, returnRip);
  if (!done) return false;
  store<u64>(Cpu.RIP, codeOffset(target));
  const cleared: u64 =
    Reg.RFLAGS_TF | Reg.RFLAGS_NT | Reg.RFLAGS_RF | Reg.RFLAGS_VM | (trap ? 0 : Reg.RFLAGS_IF);
  store<u64>(Cpu.RFLAGS, load<u64>(Cpu.RFLAGS) & ~cleared);
  store<u64>(Control.INT_STATE, load<u64>(Control.INT_STATE) & ~(<u64>1));
  return true;
}

/** RFLAGS as pushed: a fault sets RF, so that its instruction is not trapped at twice. APM2 §8.7.3. */
function pushedFlags(fault: bool): u64 {
  return load<u64>(Cpu.RFLAGS) | (fault ? Reg.RFLAGS_RF : 0);
}

/** The frame of long mode, and the new stack. APM2 §8.9.3. */
function pushLong(
  selector: u32,
  level: u32,
  stackTable: u32,
  fault: bool,
  hasCode: bool,
  code: u32,
  returnRip: u64,
): bool {
  const cpl: u32 = load<u8>(Cpu.CPL);
  const oldRsp = load<u64>(Cpu.RSP);
  const oldSs: u64 = load<u16>(Cpu.SS);
  let rsp = oldRsp;
  const switches = level < cpl;
  if (stackTable !== 0) rsp = taskStack(0x24 + (stackTable - 1) * 8);
  else if (switches) rsp = taskStack(4 + level * 8);
  if (failed()) return false;
  if (!canonical(rsp)) {
    raiseWith(Reg.VECTOR_SS, 0);
    return false;
  }
  rsp &= ~(<u64>15);
  setCpl(level);
  let to = rsp;
  to -= 8;
  if (!writeMemory(to, 8, oldSs, true)) return false;
  to -= 8;
  if (!writeMemory(to, 8, oldRsp, true)) return false;
  to -= 8;
  if (!writeMemory(to, 8, pushedFlags(fault), true)) return false;
  to -= 8;
  if (!writeMemory(to, 8, load<u16>(Cpu.CS), true)) return false;
  to -= 8;
  if (!writeMemory(to, 8, returnRip, true)) return false;
  if (hasCode) {
    to -= 8;
    if (!writeMemory(to, 8, code, true)) return false;
  }
  // Reading the stack's address has not touched the descriptor, which is still that of the gate.
  if (!Segment.readDescriptor(selector, false, Reg.VECTOR_GP)) return false;
  enterCode(selector, level);
  if (failed()) return false;
  store<u64>(Cpu.RSP, to);
  if (switches) Segment.loadNull(Segment.SS, level);
  return true;
}

/** A stack pointer of the 64-bit TSS. APM2 §12.2.5. */
function taskStack(offset: u32): u64 {
  if (offset + 7 > load<u32>(Cpu.TR_LIMIT)) {
    raiseWith(Reg.VECTOR_TS, load<u16>(Cpu.TR) & 0xfffc);
    return 0;
  }
  const from = systemPointer(load<u64>(Cpu.TR_BASE) + offset, 8);
  return from === 0 ? 0 : load<u64>(from);
}

/** The frame of protected mode, through a 32-bit gate. APM2 §8.7.4. */
function pushProtected(
  selector: u32,
  level: u32,
  fault: bool,
  hasCode: bool,
  code: u32,
  returnRip: u64,
): bool {
  const cpl: u32 = load<u8>(Cpu.CPL);
  const oldRsp = load<u32>(Cpu.RSP);
  const oldSs: u64 = load<u16>(Cpu.SS);
  const switches = level < cpl;
  let to: u64 = oldRsp;
  let stackSelector: u32 = 0;
  if (switches) {
    const offset: u32 = 4 + level * 8;
    if (offset + 5 > load<u32>(Cpu.TR_LIMIT)) {
      raiseWith(Reg.VECTOR_TS, load<u16>(Cpu.TR) & 0xfffc);
      return false;
    }
    const from = systemPointer(load<u64>(Cpu.TR_BASE) + offset, 8);
    if (from === 0) return false;
    to = load<u32>(from);
    stackSelector = load<u16>(from, 4);
    setCpl(level);
    if (!Segment.loadSegment(Segment.SS, stackSelector)) return false;
  }
  const stackBase = load<u64>(Cpu.SS_BASE);
  if (switches) {
    to -= 4;
    if (!writeMemory((stackBase + to) & 0xffff_ffff, 4, oldSs, true)) return false;
    to -= 4;
    if (!writeMemory((stackBase + to) & 0xffff_ffff, 4, oldRsp, true)) return false;
  }
  to -= 4;
  if (!writeMemory((stackBase + to) & 0xffff_ffff, 4, pushedFlags(fault), true)) return false;
  to -= 4;
  if (!writeMemory((stackBase + to) & 0xffff_ffff, 4, load<u16>(Cpu.CS), true)) return false;
  to -= 4;
  if (!writeMemory((stackBase + to) & 0xffff_ffff, 4, returnRip, true)) return false;
  if (hasCode) {
    to -= 4;
    if (!writeMemory((stackBase + to) & 0xffff_ffff, 4, code, true)) return false;
  }
  if (!Segment.readDescriptor(selector, false, Reg.VECTOR_GP)) return false;
  enterCode(selector, level);
  if (failed()) return false;
  store<u64>(Cpu.RSP, to & 0xffff_ffff);
  return true;
}

/** Takes up the event that the hypervisor injects. APM2 §15.20. */
export function injectEvent(): void {
  const event = load<u64>(Control.EVENT_INJ);
  if ((event & Event.VALID) === 0) return;
  store<u64>(Control.EVENT_INJ, 0);
  const type = <u32>(event >> Event.TYPE_SHIFT) & 7;
  const number = type === NMI ? Reg.VECTOR_NMI : <u32>event & 0xff;
  // Whatever the type: WeSee's #VC comes as an interrupt with an error code.
  const hasCode = (event & Event.ERROR_VALID) !== 0;
  // A software interrupt returns behind its instruction, whose end the hypervisor gives.
  const rip = type === SOFTWARE ? load<u64>(Control.N_RIP) : load<u64>(Cpu.RIP);
  deliver(number, type, hasCode, <u32>(event >> 32), rip);
}
