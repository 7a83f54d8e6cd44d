/** Where every exception and interrupt arrives. */

import { TRAP_LEVELS } from '../../spec/abi/platform.ts';
import * as Reason from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as TrapReason from '../../spec/abi/trap-reason.ts';
import * as Cpu from '../../spec/cpu.ts';
import { endCompartment, isBelowCompartmentStack, isCompartmentAddress } from '../compartment.ts';
import { copy, readCr2 } from '../cpu.ts';
import { die } from '../exit.ts';
import { imageInfo } from '../handoff.ts';
import { receiveHv, receiveInterrupt } from '../interrupt/interrupts.ts';
import { FIRST_INTERRUPT } from '../interrupt/vectors.ts';
import { panicReason } from '../panic.ts';
import { serveVc } from '../sev/vc.ts';
import { report, reportCompartment } from './report.ts';
import { functionAt, placeOf, stringStartsWith, trapReasonAt } from './symbols.ts';
import { reasonWords, trapWords } from './words.ts';

/**
 * A copy for each level of nesting: a trap, #HV and #VC while it is served, and one on the way down.
 * No honest machine needs more.
 */
const frames: usize = memory.data(704, 8);
let level: u32 = 0;

const GUARD: u64 = 0x1000;

/**
 * Called by the stubs of boot/traps.ts with the address of the TrapFrame, which lies on a stack and
 * so in no Wasm memory. Returns from what was served: #VC, #HV, and interrupts.
 */
export function trap(address: u64): void {
  if (level === TRAP_LEVELS) die(Reason.NESTED_TOO_DEEP);
  const copyOf = frames + level * TrapFrame.SIZE;
  level++;
  copy(copyOf, address, TrapFrame.SIZE);
  const frame = changetype<TrapFrame>(copyOf);
  const vector = u32(frame.vector);
  if (vector === Cpu.VECTOR_VC) {
    serveVc(frame, level > 1);
  } else if (vector === Cpu.VECTOR_HV) {
    endUnless(receiveHv(frame, level > 1), frame);
  } else if (vector >= FIRST_INTERRUPT) {
    endUnless(receiveInterrupt(frame, vector), frame);
  } else if (vector === Cpu.VECTOR_UD) {
    undefinedOpcode(frame);
  } else if (vector === Cpu.VECTOR_PF) {
    pageFault(frame);
  } else {
    endFor(reasonOf(vector), frame);
  }
  copy(address, copyOf, TrapFrame.SIZE);
  level--;
}

/** A `ud2` is how compiled code traps and how the kernel panics. Any other #UD is just that. */
function undefinedOpcode(frame: TrapFrame): void {
  const why = trapReasonAt(placeOf(frame.rip));
  const given = panicReason();
  if (why === 0) endFor(Reason.EXCEPTION, frame);
  else if (why !== TrapReason.UNREACHABLE || given === 0) endForTrap(why, frame);
  else report(given, reasonWords(given), frame, true);
}

/**
 * A page fault of compiled code is one of Wasm's traps if its address is one that the code could
 * have meant: a compartment's memory and guard, or the guard below a stack.
 */
function pageFault(frame: TrapFrame): void {
  const address = readCr2();
  if (isBelowCompartmentStack(address) || isBelowKernelStack(address)) {
    endAtFault(Reason.STACK_EXHAUSTED, reasonWords(Reason.STACK_EXHAUSTED), frame);
  } else if (isCompartmentAddress(address)) {
    endForTrap(TrapReason.OUT_OF_BOUNDS_MEMORY_ACCESS, frame);
  } else {
    endFor(Reason.PAGE_FAULT, frame);
  }
}

/** A reason of 0 is none. */
function endUnless(reason: u32, frame: TrapFrame): void {
  if (reason !== 0) endFor(reason, frame);
}

function endFor(reason: u32, frame: TrapFrame): void {
  report(reason, reasonWords(reason), frame, false);
}

/** A trap of Wasm: the program's own, or the kernel's if its code made it. */
function endForTrap(why: u32, frame: TrapFrame): void {
  if (functionAt(placeOf(frame.rip)) === null) {
    endFor(Reason.EXCEPTION, frame);
    return;
  }
  const reason = isCompartmentCode(frame) ? Reason.PROGRAM_TRAP : Reason.KERNEL_TRAP;
  endAtFault(reason, trapWords(why), frame);
}

/**
 * Ends what took the trap: a compartment alone if it was in code of its own, where the kernel waits for
 * nothing; else the guest.
 */
function endAtFault(reason: u32, what: string, frame: TrapFrame): void {
  if (level > 1 || !isCompartmentCode(frame)) {
    report(reason, what, frame, false);
    return;
  }
  reportCompartment(reason, what, frame);
  endCompartment(reason, frame);
}

/** Compiled code of the kernel is under `kernel!`; any other instance is a compartment. */
function isCompartmentCode(frame: TrapFrame): bool {
  const entry = functionAt(placeOf(frame.rip));
  if (entry === null) return false;
  return !stringStartsWith(entry.name, 'kernel!') && !stringStartsWith(entry.name, 'boot!');
}

/** Whether `address` is in the page that is left out below the kernel's stack. */
function isBelowKernelStack(address: u64): bool {
  const bottom = imageInfo().stackBottom;
  return address < bottom && address >= bottom - GUARD;
}

function reasonOf(vector: u32): u32 {
  switch (vector) {
    case Cpu.VECTOR_NMI:
      return Reason.NMI;
    case Cpu.VECTOR_DF:
      return Reason.DOUBLE_FAULT;
    case Cpu.VECTOR_MC:
      return Reason.MACHINE_CHECK;
    default:
      return Reason.EXCEPTION;
  }
}
