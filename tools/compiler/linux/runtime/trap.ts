/** Traps: from the signal that the CPU's exception becomes to the words of the specification's tests. */

import {
  Executable,
  FunctionPlace,
  LinePlace,
  TextInfo,
  TrapPlace,
} from '../../../../spec/abi/executable.ts';
import * as Reason from '../../../../spec/abi/trap-reason.ts';
import { callInProgress, inGuard } from './call.ts';
import { load64, store64 } from './cpu.ts';
import { executable, landing, signalReturn } from './linux.ts';
import {
  flush,
  putByte,
  putBytes,
  putHex,
  putLine,
  putText,
  putUnsigned,
  standardError,
} from './output.ts';
import { exit, setSignalAction, setSignalStack } from './system.ts';

const SIGILL: u32 = 4;
const SIGBUS: u32 = 7;
const SIGFPE: u32 = 8;
const SIGSEGV: u32 = 11;

/** SA_SIGINFO, SA_RESTORER and SA_ONSTACK. */
const FLAGS: u64 = 0x4 | 0x0400_0000 | 0x0800_0000;

/** Offsets in siginfo and in ucontext (linux/arch/x86/include/uapi/asm/sigcontext.h). */
const SI_ADDR: u64 = 16;
const CONTEXT_RAX: u64 = 144;
const CONTEXT_RSP: u64 = 160;
const CONTEXT_RIP: u64 = 168;

/** Exit code after a fault that is not the module's but ours (EX_SOFTWARE of sysexits.h). */
const EXIT_OUR_FAULT: u32 = 70;

const HANDLER_STACK_SIZE: u64 = 0x8000;
const handlerStack: usize = memory.data(0x8000, 16);

/** `struct sigaction` as the kernel has it: handler, flags, restorer, mask. */
const action: usize = memory.data(32, 8);
/** `stack_t`: address, flags, size. */
const stack: usize = memory.data(24, 8);

/** Where the last trap was taken. */
let trapAddress: u64 = 0;

/** Has the CPU's exceptions in instances end the call in progress. `handler` is {@link onSignal}'s address. */
export function installHandlers(handler: u64): void {
  store<u64>(stack, handlerStack);
  store<u64>(stack, 0, 8);
  store<u64>(stack, HANDLER_STACK_SIZE, 16);
  setSignalStack(stack);
  store<u64>(action, handler);
  store<u64>(action, FLAGS, 8);
  store<u64>(action, signalReturn(), 16);
  store<u64>(action, 0, 24);
  setSignalAction(SIGILL, action);
  setSignalAction(SIGBUS, action);
  setSignalAction(SIGFPE, action);
  setSignalAction(SIGSEGV, action);
}

/** The signal handler. `information` is a siginfo_t, `context` a ucontext_t. */
export function onSignal(signal: u32, information: u64, context: u64): void {
  const rip = load64(context + CONTEXT_RIP);
  const address = load64(information + SI_ADDR);
  const reason = callInProgress() === 0 ? 0 : reasonOf(signal, rip, address);
  if (reason === 0) {
    const to = standardError();
    putText(to, 'tacit: internal error: signal ');
    putHex(to, signal, 2);
    putText(to, ' at ');
    putHex(to, rip, 16);
    putText(to, ', address ');
    putHex(to, address, 16);
    putLine(to, '');
    flush();
    exit(EXIT_OUR_FAULT);
  }
  trapAddress = rip;
  store64(context + CONTEXT_RAX, reason);
  store64(context + CONTEXT_RSP, callInProgress());
  store64(context + CONTEXT_RIP, landing());
}

/** The trap's number, or 0 if the fault is none that a module can cause. */
function reasonOf(signal: u32, rip: u64, address: u64): u32 {
  // An imported function of ours can meet the end of the stack too.
  if (signal === SIGSEGV && inGuard(address)) return Reason.CALL_STACK_EXHAUSTED;
  const program = changetype<Executable>(<usize>executable());
  if (rip < program.textStart || rip >= program.textEnd) return 0;
  if (signal === SIGSEGV || signal === SIGBUS) return Reason.OUT_OF_BOUNDS_MEMORY_ACCESS;
  return signal === SIGILL ? siteOf(program, <u32>rip) : 0;
}

function siteOf(program: Executable, rip: u32): u32 {
  let low: u32 = 0;
  let high = program.trapCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const place = changetype<TrapPlace>(program.traps + middle * <u32>TrapPlace.SIZE);
    if (place.address === rip) return place.reason;
    if (place.address < rip) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/** Writes `in FUNCTION at FILE:LINE` for the last trap, as far as it is known. */
export function putTrapPlace(to: usize): void {
  const program = changetype<Executable>(<usize>executable());
  const address = <u32>trapAddress;
  const at = lastNotAfter(program.functions, program.functionCount, FunctionPlace.SIZE, address);
  if (at === 0) return;
  const place = changetype<FunctionPlace>(at);
  if (address >= place.end) return;
  putText(to, '  in ');
  putBytes(to, place.name, place.nameSize);
  const found = linePlaceOf(program, place, address);
  if (found !== 0) {
    const line = changetype<LinePlace>(found);
    const file = changetype<TextInfo>(program.files + line.file * <u32>TextInfo.SIZE);
    putText(to, ' at ');
    putBytes(to, file.bytes, file.size);
    putByte(to, 0x3a);
    putUnsigned(to, line.line);
  }
  putByte(to, 0x0a);
}

/**
 * The LinePlace of `address`, which is in the function at `place`; 0 if there is none. A function's first
 * instructions have no line of their own: its first line stands for them.
 */
function linePlaceOf(program: Executable, place: FunctionPlace, address: u32): usize {
  let at = lastNotAfter(program.places, program.placeCount, LinePlace.SIZE, address);
  if (at === 0) at = program.places;
  else if (load<u32>(at) < place.start) at += LinePlace.SIZE;
  const end = program.places + program.placeCount * <u32>LinePlace.SIZE;
  return at < end && load<u32>(at) < place.end ? at : 0;
}

/**
 * The last entry of a table that starts at or before `address`, or 0: the table is sorted by its
 * first field, an address.
 */
function lastNotAfter(table: usize, count: u32, size: usize, address: u32): usize {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u32>(table + middle * size) <= address) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : table + (low - 1) * size;
}

/** The specification's words for a trap. */
export function trapWords(reason: u32): string {
  switch (reason) {
    case Reason.UNREACHABLE:
      return 'unreachable';
    case Reason.INTEGER_DIVIDE_BY_ZERO:
      return 'integer divide by zero';
    case Reason.INTEGER_OVERFLOW:
      return 'integer overflow';
    case Reason.INVALID_CONVERSION_TO_INTEGER:
      return 'invalid conversion to integer';
    case Reason.OUT_OF_BOUNDS_MEMORY_ACCESS:
      return 'out of bounds memory access';
    case Reason.OUT_OF_BOUNDS_TABLE_ACCESS:
      return 'out of bounds table access';
    case Reason.UNDEFINED_ELEMENT:
      return 'undefined element';
    case Reason.UNINITIALIZED_ELEMENT:
      return 'uninitialized element';
    case Reason.INDIRECT_CALL_TYPE_MISMATCH:
      return 'indirect call type mismatch';
    case Reason.CALL_STACK_EXHAUSTED:
      return 'call stack exhausted';
    case Reason.UNALIGNED_ATOMIC:
      return 'unaligned atomic';
    case Reason.EXPECTED_SHARED_MEMORY:
      return 'expected shared memory';
    case Reason.NULL_REFERENCE:
      return 'null reference';
    default:
      return 'unknown trap';
  }
}
