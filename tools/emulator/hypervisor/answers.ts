import type { CpuidRegisters } from '../cpuid/model.ts';
import type { VmExit } from '../vcpu/vcpu.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import type { Hypervisor } from './hypervisor.ts';

/** What the hypervisor does about a #VMEXIT. */
export type ExitAnswer = (host: Hypervisor, exit: VmExit) => void;
/** The new value of the GHCB MSR; undefined leaves it as the guest set it. */
export type RequestAnswer = (host: Hypervisor, request: bigint) => bigint | undefined;
/** What the hypervisor does about an event of the GHCB page; results go into the request. */
export type EventAnswer = (host: Hypervisor, request: GhcbRequest) => void;

/** The outcome of a guest request: a status of spec/psp-status.ts, and the page with the answer. */
export interface PspResponse {
  readonly status: number;
  readonly page: Uint8Array;
}

/** An event of the GHCB page: what the guest must mark valid for it, and the answer. */
export interface EventEntry {
  /** Numbers of the valid bits, beside those that every event needs. */
  readonly needs: (request: GhcbRequest) => readonly number[];
  readonly answer: EventAnswer;
}

/**
 * Every question that a guest can ask its hypervisor, with the answer: one table, entry by entry
 * replaceable. A script that makes the hypervisor lie replaces entries, and calls those it replaced
 * where it wants the truth.
 */
export interface Answers {
  /** By exit code. */
  readonly exits: Map<number, ExitAnswer>;
  /** GHCB MSR protocol, by the low twelve bits of the request. */
  readonly requests: Map<number, RequestAnswer>;
  /** GHCB page protocol, by SW_EXITCODE. */
  readonly events: Map<number, EventEntry>;
  /** Called when the answer to a GHCB event is in the guest's page; here the page can still be changed. */
  answered: (host: Hypervisor, request: GhcbRequest) => void;
  /** What the guest gets of the AMD-SP's answer to its message. */
  pspResponse: (host: Hypervisor, response: PspResponse) => PspResponse;
  cpuid: (host: Hypervisor, leaf: number, subleaf: number) => CpuidRegisters;
  /** undefined: the guest gets #GP. */
  readMsr: (host: Hypervisor, msr: number) => bigint | undefined;
  /** False: the guest gets #GP. */
  writeMsr: (host: Hypervisor, msr: number, value: bigint) => boolean;
}
