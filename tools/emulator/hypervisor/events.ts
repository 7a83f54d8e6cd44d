import * as Cpu from '../../../spec/cpu.ts';
import * as Exit from '../../../spec/exit.ts';
import * as Ghcb from '../../../spec/ghcb.ts';
import * as Event from '../../../spec/ghcb-event.ts';
import * as Ioio from '../../../spec/ioio.ts';
import { withState } from '../cpuid/state.ts';
import { panic } from '../termination.ts';
import type { EventAnswer, EventEntry } from './answers.ts';
import { doorbell } from './doorbell.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import { PAGE } from './guest-memory.ts';
import { extendedGuestRequest, guestRequest } from './guest-request.ts';
import type { Hypervisor } from './hypervisor.ts';
import { mmioRead, mmioWrite, portAccess } from './io-events.ts';
import { changePageStates } from './page-state-change.ts';

const { VALID_RAX, VALID_RBX, VALID_RCX, VALID_RDX, VALID_CPL, VALID_SW_SCRATCH } = Ghcb;
const LOW = 0xffff_ffffn;
const LEAF_XSAVE = 0xdn;
/** What KVM answers to a hypercall that it does not know. */
const NO_SUCH_CALL = -1000n;

const nothing = () => [];
const all =
  (...bits: number[]) =>
  () =>
    bits;

/** The default answers of the page protocol, with what each needs. GHCB §4.1, table 5. */
// biome-ignore format: an event a line
export const EVENTS: readonly (readonly [number, EventEntry])[] = [
  [Exit.DR7_READ,   { needs: nothing, answer: (host, request) => request.set(VALID_RAX, host.dr7) }],
  [Exit.DR7_WRITE,  { needs: all(VALID_RAX), answer: writeDr7 }],
  [Exit.RDTSC,      { needs: nothing, answer: readTsc }],
  [Exit.RDTSCP,     { needs: nothing, answer: readTscAndAux }],
  [Exit.RDPMC,      { needs: all(VALID_RCX), answer: (_, request) => request.exception(Cpu.VECTOR_GP, 0) }],
  [Exit.CPUID,      { needs: cpuidNeeds, answer: cpuid }],
  [Exit.INVD,       { needs: nothing, answer: nothingToDo }],
  [Exit.IOIO,       { needs: ioNeeds, answer: portAccess }],
  [Exit.MSR,        { needs: msrNeeds, answer: msr }],
  [Exit.VMMCALL,    { needs: all(VALID_RAX, VALID_CPL), answer: (_, request) => request.set(VALID_RAX, NO_SUCH_CALL) }],
  [Exit.WBINVD,     { needs: nothing, answer: nothingToDo }],
  [Exit.MONITOR,    { needs: all(VALID_RAX, VALID_RCX, VALID_RDX), answer: nothingToDo }],
  [Exit.MWAIT,      { needs: all(VALID_RAX, VALID_RCX), answer: nothingToDo }],
  [Event.MMIO_READ,  { needs: all(VALID_SW_SCRATCH), answer: mmioRead }],
  [Event.MMIO_WRITE, { needs: all(VALID_SW_SCRATCH), answer: mmioWrite }],
  [Event.NMI_COMPLETE,      { needs: nothing, answer: (host) => host.interrupts.unmaskNmi() }],
  [Event.AP_RESET_HOLD,     { needs: nothing, answer: (host) => host.end({ kind: 'idle' }) }],
  [Event.AP_JUMP_TABLE,     { needs: nothing, answer: apJumpTable }],
  [Event.PAGE_STATE_CHANGE, { needs: all(VALID_SW_SCRATCH), answer: snpOnly(changePageStates) }],
  [Event.HV_FEATURES,       { needs: nothing, answer: features }],
  [Event.HV_DOORBELL_PAGE,  { needs: nothing, answer: restrictedOnly(doorbell) }],
  [Event.TERMINATION_REQUEST, { needs: nothing, answer: terminate }],
  [Event.UNSUPPORTED_EVENT,   { needs: nothing, answer: unsupported }],
  [Event.AP_CREATION,            { needs: nothing, answer: snpOnly(createProcessor) }],
  [Event.GUEST_REQUEST,          { needs: nothing, answer: snpOnly(guestRequest) }],
  [Event.EXTENDED_GUEST_REQUEST, { needs: all(VALID_RAX, VALID_RBX), answer: snpOnly(extendedGuestRequest) }],
  [Event.APIC_ID_LIST,           { needs: all(VALID_RAX), answer: restrictedOnly(listProcessors) }],
  [Event.HV_IPI,                 { needs: nothing, answer: restrictedOnly(interprocessor) }],
];

function nothingToDo(): void {}

function writeDr7(host: Hypervisor, request: GhcbRequest): void {
  host.dr7 = request.get(VALID_RAX);
}

function readTsc(host: Hypervisor, request: GhcbRequest): void {
  const tsc = host.timeStamp();
  request.set(VALID_RAX, tsc & LOW);
  request.set(VALID_RDX, tsc >> 32n);
}

/** TSC_AUX is the guest's own register: the hypervisor knows none and answers 0. */
function readTscAndAux(host: Hypervisor, request: GhcbRequest): void {
  readTsc(host, request);
  request.set(VALID_RCX, 0n);
}

function cpuidNeeds(request: GhcbRequest): readonly number[] {
  const always = [VALID_RAX, VALID_RCX];
  if ((request.get(VALID_RAX) & LOW) !== LEAF_XSAVE) return always;
  const isCompacted = request.version >= 2 && (request.get(VALID_RCX) & LOW) === 1n;
  return [...always, Ghcb.VALID_XCR0, ...(isCompacted ? [Ghcb.VALID_XSS] : [])];
}

function cpuid(host: Hypervisor, request: GhcbRequest): void {
  const leaf = Number(request.get(VALID_RAX) & LOW);
  const subleaf = Number(request.get(VALID_RCX) & LOW);
  const answer = host.answers.cpuid(host, leaf, subleaf);
  const xcr0 = BigInt(leaf) === LEAF_XSAVE ? request.get(Ghcb.VALID_XCR0) : 1n;
  // CR4 of a guest whose state is protected is not the host's to know.
  const { eax, ebx, ecx, edx } = withState(leaf, subleaf, answer, { hasOsxsave: false, xcr0 });
  request.set(VALID_RAX, BigInt(eax >>> 0));
  request.set(VALID_RBX, BigInt(ebx >>> 0));
  request.set(VALID_RCX, BigInt(ecx >>> 0));
  request.set(VALID_RDX, BigInt(edx >>> 0));
}

function ioNeeds({ info1 }: GhcbRequest): readonly number[] {
  if ((info1 & BigInt(Ioio.STRING)) !== 0n) return [VALID_SW_SCRATCH];
  return (info1 & BigInt(Ioio.IN)) === 0n ? [VALID_RAX] : [];
}

function msrNeeds({ info1 }: GhcbRequest): readonly number[] {
  return info1 === 0n ? [VALID_RCX] : [VALID_RCX, VALID_RAX, VALID_RDX];
}

function msr(host: Hypervisor, request: GhcbRequest): void {
  const number = Number(request.get(VALID_RCX) & LOW);
  if (request.info1 > 1n) {
    request.malformed(Ghcb.ERROR_INVALID_INPUT);
    return;
  }
  if (request.info1 === 1n) {
    const value = (request.get(VALID_RDX) << 32n) | (request.get(VALID_RAX) & LOW);
    if (!host.answers.writeMsr(host, number, BigInt.asUintN(64, value))) {
      request.exception(Cpu.VECTOR_GP, 0);
    }
    return;
  }
  const value = host.answers.readMsr(host, number);
  if (value === undefined) {
    request.exception(Cpu.VECTOR_GP, 0);
    return;
  }
  request.set(VALID_RAX, value & LOW);
  request.set(VALID_RDX, value >> 32n);
}

/** EXITINFO1 is what a guest would write to the interrupt command register. GHCB, #HV IPI. */
function interprocessor(host: Hypervisor, request: GhcbRequest): void {
  host.apic.command(request.info1);
}

/** A list of one APIC id, into the RAX pages at EXITINFO1; RAX tells how many it takes. GHCB, APIC id list. */
function listProcessors(host: Hypervisor, request: GhcbRequest): void {
  if (request.get(VALID_RAX) > 0n) {
    const gpa = request.info1;
    if (gpa % BigInt(PAGE) !== 0n || !host.memory.writable(gpa)) {
      request.malformed(Ghcb.ERROR_INVALID_INPUT);
      return;
    }
    host.memory.writeGuest(gpa, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  }
  request.set(VALID_RAX, 1n);
}

/** EXITINFO1: 0 sets the table's address, 1 asks for it. GHCB, AP jump table. */
function apJumpTable(host: Hypervisor, request: GhcbRequest): void {
  if (request.info1 === 0n) host.apJumpTable = request.info2;
  else if (request.info1 === 1n) request.succeed(host.apJumpTable);
  else request.malformed(Ghcb.ERROR_INVALID_INPUT);
}

function features(host: Hypervisor, request: GhcbRequest): void {
  request.succeed(host.mode === 'snp' ? host.profile.features : 0n);
}

function terminate(host: Hypervisor, request: GhcbRequest): void {
  host.end(panic(Number(request.info1 & 0xfn), Number((request.info1 >> 4n) & 0xffn)));
}

/** The guest had a #VC that it cannot serve: KVM ends it. */
function unsupported(host: Hypervisor, request: GhcbRequest): void {
  const code = `0x${request.info1.toString(16)}`;
  host.end({ kind: 'shutdown', cause: `the guest does not support #VC ${code}` });
}

/** EXITINFO1: 31:0 request, 63:32 APIC id of the processor. GHCB, AP creation. */
function createProcessor(host: Hypervisor, request: GhcbRequest): void {
  const what = Number(request.info1 & 0xffffn);
  const vmpl = (request.info1 >> 16n) & 0xfn;
  const { info2: gpa } = request;
  const start = what === CREATE || what === CREATE_ON_INIT;
  const page = gpa % BigInt(PAGE) === 0n && gpa % HUGE_PAGE !== 0n;
  const runnable = page && host.memory.spa(gpa) !== undefined;
  const features = request.has(VALID_RAX) ? request.get(VALID_RAX) : undefined;
  // There is processor 0 alone, and nothing below VMPL 0. A VMSA at 2 MiB is KVM's to refuse.
  const refused =
    request.info1 >> 32n !== 0n ||
    vmpl !== 0n ||
    (start ? !runnable || features !== host.core.control.sevFeatures : what !== DESTROY);
  if (refused) request.malformed(Ghcb.ERROR_INVALID_INPUT);
  else if (what === DESTROY) host.end({ kind: 'idle' });
  else if (what === CREATE_ON_INIT) host.initVmsa = gpa;
  else host.startFrom(gpa);
}

/** Requests of AP creation. GHCB §4.1.9. */
const CREATE_ON_INIT = 0;
const CREATE = 1;
const DESTROY = 2;
const HUGE_PAGE = 0x20_0000n;

function snpOnly(answer: EventAnswer): EventAnswer {
  return (host, request) => {
    if (host.mode === 'snp') answer(host, request);
    else request.malformed(Ghcb.ERROR_INVALID_EVENT);
  };
}

function restrictedOnly(answer: EventAnswer): EventAnswer {
  return (host, request) => {
    if (host.mode === 'snp' && host.profile.restrictedInjection) answer(host, request);
    else request.malformed(Ghcb.ERROR_INVALID_EVENT);
  };
}
