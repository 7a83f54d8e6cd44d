/**
 * The GHCB page: how the kernel asks the hypervisor for anything. GHCB §2, §4.
 *
 * A request is begin(), setters, send(), and then the outputs. Each setter stores one field and
 * marks it valid; each output is read from the page once, and only if the answer marks it valid.
 * Between two requests the page is marked as of no usage, so that a VMGEXIT from anywhere else is
 * refused by the hypervisor instead of being taken for a request.
 *
 * There is one page (KVM registers one for each vCPU). A handler that came in the middle of a
 * request puts the page's contents, and the MSR, aside while it makes requests of its own.
 */

import {
  GHCB_BAD_EXCEPTION,
  GHCB_BAD_EXIT_INFO,
  GHCB_BUSY,
  GHCB_NESTED,
  GHCB_OUTPUT_MISSING,
  GHCB_REQUEST_REFUSED,
} from '../../spec/abi/termination.ts';
import * as Cpu from '../../spec/cpu.ts';
import * as Injection from '../../spec/event-injection.ts';
import * as Protocol from '../../spec/ghcb.ts';
import { Ghcb } from '../../spec/layouts/ghcb.ts';
import { vmgexit } from '../cpu.ts';
import { panic } from '../panic.ts';
import { selectedGhcb, selectGhcb } from './msr.ts';

/** The page itself, given to the host by kernel/sev/establish.ts. Its GPA is its address. */
const page: usize = memory.data(4096, 4096);

/** Negotiated protocol version; 0 until the page may be used. */
let version: u16 = 0;
/** From begin() to the end of send(). */
let composing: bool = false;

/** The shared buffer holds what somebody may still want. */
let bufferInUse: bool = false;

/** Fields' bits in the valid bitmap's second word, but for those that are in the first. */
const LOW_XSS: u64 = u64(1) << u64(Protocol.VALID_XSS);
const LOW_CPL: u64 = u64(1) << u64(Protocol.VALID_CPL);
const LOW_RAX: u64 = u64(1) << u64(Protocol.VALID_RAX);
const HIGH_RBX: u64 = u64(1) << u64(Protocol.VALID_RBX - 64);
const HIGH_RCX: u64 = u64(1) << u64(Protocol.VALID_RCX - 64);
const HIGH_RDX: u64 = u64(1) << u64(Protocol.VALID_RDX - 64);
const HIGH_XCR0: u64 = u64(1) << u64(Protocol.VALID_XCR0 - 64);
const HIGH_SCRATCH: u64 = u64(1) << u64(Protocol.VALID_SW_SCRATCH - 64);
const HIGH_CODE: u64 = u64(1) << u64(Protocol.VALID_SW_EXITCODE - 64);
/** SW_EXITINFO1 and 2, of which every answer has both. */
const HIGH_INFO: u64 =
  (u64(1) << u64(Protocol.VALID_SW_EXITINFO1 - 64)) |
  (u64(1) << u64(Protocol.VALID_SW_EXITINFO2 - 64));

/** The valid bitmap of the request being composed, then of the answer: never read back from the page. */
let validLow: u64 = 0;
let validHigh: u64 = 0;
/** The answer, as copied when it came. */
let exitInfo2: u64 = 0;
let rax: u64 = 0;
let rbx: u64 = 0;
let rcx: u64 = 0;
let rdx: u64 = 0;

/** What an interrupted user had: the page, the MSR, and all of the above. */
const keptPage: usize = memory.data(4096, 8);
let interrupted: bool = false;
let keptComposing: bool = false;
let keptBufferInUse: bool = false;
let keptMsr: u64 = 0;
let keptValidLow: u64 = 0;
let keptValidHigh: u64 = 0;
let keptExitInfo2: u64 = 0;
let keptRax: u64 = 0;
let keptRbx: u64 = 0;
let keptRcx: u64 = 0;
let keptRdx: u64 = 0;

export function ghcbPage(): usize {
  return page;
}

export function ghcbReady(): bool {
  return version !== 0;
}

/** The page is shared and registered: from now on requests go through it. */
export function openGhcb(negotiated: u32): void {
  changetype<Ghcb>(page).usage = Protocol.USAGE_INVALID;
  version = u16(negotiated);
}

/** The page is about to be the host's no longer: from now on there is the MSR protocol alone. */
export function closeGhcb(): void {
  version = 0;
}

export function begin(): void {
  if (composing) panic(GHCB_BUSY);
  composing = true;
  bufferInUse = false;
  validLow = 0;
  validHigh = 0;
}

/**
 * What a handler does before its first request, if it may have come in the middle of another's.
 * There is room for one such: a third level ends the guest.
 */
export function interruptRequests(): void {
  if (interrupted) panic(GHCB_NESTED);
  interrupted = true;
  keptMsr = selectedGhcb();
  keptComposing = composing;
  keptBufferInUse = bufferInUse;
  keptValidLow = validLow;
  keptValidHigh = validHigh;
  keptExitInfo2 = exitInfo2;
  keptRax = rax;
  keptRbx = rbx;
  keptRcx = rcx;
  keptRdx = rdx;
  if (composing || bufferInUse) memory.copy(keptPage, page, 4096);
  composing = false;
}

/** Gives the page back as {@link interruptRequests} found it. */
export function resumeRequests(): void {
  if (keptComposing || keptBufferInUse) memory.copy(page, keptPage, 4096);
  composing = keptComposing;
  bufferInUse = keptBufferInUse;
  validLow = keptValidLow;
  validHigh = keptValidHigh;
  exitInfo2 = keptExitInfo2;
  rax = keptRax;
  rbx = keptRbx;
  rcx = keptRcx;
  rdx = keptRdx;
  selectGhcb(keptMsr);
  interrupted = false;
}

/** Forgets a request that was being composed, so that a panic can still speak. */
export function abandon(): void {
  composing = false;
}

export function setRax(value: u64): void {
  changetype<Ghcb>(page).rax = value;
  validLow |= LOW_RAX;
}

export function setRbx(value: u64): void {
  changetype<Ghcb>(page).rbx = value;
  validHigh |= HIGH_RBX;
}

export function setRcx(value: u64): void {
  changetype<Ghcb>(page).rcx = value;
  validHigh |= HIGH_RCX;
}

export function setRdx(value: u64): void {
  changetype<Ghcb>(page).rdx = value;
  validHigh |= HIGH_RDX;
}

/** The privilege level that the request is made from. */
export function setCpl(value: u8): void {
  changetype<Ghcb>(page).cpl = value;
  validLow |= LOW_CPL;
}

export function setXss(value: u64): void {
  changetype<Ghcb>(page).xss = value;
  validLow |= LOW_XSS;
}

export function setXcr0(value: u64): void {
  changetype<Ghcb>(page).xcr0 = value;
  validHigh |= HIGH_XCR0;
}

/** Points the hypervisor at the shared buffer: where it finds, or leaves, the request's data. */
export function useSharedBuffer(): void {
  bufferInUse = true;
  changetype<Ghcb>(page).swScratch = u64(sharedBuffer());
  validHigh |= HIGH_SCRATCH;
}

export function sharedBuffer(): usize {
  return changetype<Ghcb>(page).sharedBuffer;
}

/**
 * Sends the request. Returns 0, or the vector of the exception (#GP or #UD, the only ones a
 * hypervisor may ask for) that the instruction it stands for should raise. Any other answer than
 * the protocol allows ends the guest. Interrupts are off in all of this kernel, so nothing else
 * can use the MSR between the write and the exit. GHCB §4.1.
 */
export function send(event: u32, info1: u64, info2: u64): u32 {
  const ghcb = changetype<Ghcb>(page);
  ghcb.swExitCode = u64(event);
  ghcb.swExitInfo1 = info1;
  ghcb.swExitInfo2 = info2;
  ghcb.validLow = validLow;
  ghcb.validHigh = validHigh | HIGH_CODE | HIGH_INFO;
  ghcb.version = version;
  ghcb.usage = Protocol.USAGE_STANDARD;
  selectGhcb(page);
  vmgexit();
  validLow = ghcb.validLow;
  validHigh = ghcb.validHigh;
  const result = ghcb.swExitInfo1;
  exitInfo2 = ghcb.swExitInfo2;
  if ((validLow & LOW_RAX) !== 0) rax = ghcb.rax;
  if ((validHigh & HIGH_RBX) !== 0) rbx = ghcb.rbx;
  if ((validHigh & HIGH_RCX) !== 0) rcx = ghcb.rcx;
  if ((validHigh & HIGH_RDX) !== 0) rdx = ghcb.rdx;
  ghcb.usage = Protocol.USAGE_INVALID;
  composing = false;
  requireOutput(validHigh, HIGH_INFO);
  if (result === u64(Protocol.RESULT_OK)) return 0;
  if (result === u64(Protocol.RESULT_EXCEPTION)) return reflected(exitInfo2);
  panic(result === u64(Protocol.RESULT_MALFORMED) ? GHCB_REQUEST_REFUSED : GHCB_BAD_EXIT_INFO);
  return 0;
}

export function outputRax(): u64 {
  requireOutput(validLow, LOW_RAX);
  return rax;
}

export function outputRbx(): u64 {
  requireOutput(validHigh, HIGH_RBX);
  return rbx;
}

export function outputRcx(): u64 {
  requireOutput(validHigh, HIGH_RCX);
  return rcx;
}

export function outputRdx(): u64 {
  requireOutput(validHigh, HIGH_RDX);
  return rdx;
}

/** SW_EXITINFO2 of the last answer, as copied when it came. */
export function outputInfo2(): u64 {
  return exitInfo2;
}

function requireOutput(valid: u64, wanted: u64): void {
  if ((valid & wanted) !== wanted) panic(GHCB_OUTPUT_MISSING);
}

/** The vector in an event that the hypervisor wants raised, if it is one it may want. GHCB §4.1. */
function reflected(event: u64): u32 {
  const vector = u32(event) & 0xff;
  const type = (u32(event) >> Injection.TYPE_SHIFT) & 7;
  const valid = (u32(event) & Injection.VALID) !== 0;
  if (!valid || type !== Injection.TYPE_EXCEPTION) panic(GHCB_BAD_EXCEPTION);
  if (vector !== Cpu.VECTOR_GP && vector !== Cpu.VECTOR_UD) panic(GHCB_BAD_EXCEPTION);
  return vector;
}
