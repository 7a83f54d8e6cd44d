import * as Ghcb from '../../../spec/ghcb.ts';
import * as Request from '../../../spec/ghcb-msr.ts';
import * as Psc from '../../../spec/psc.ts';
import { panic } from '../termination.ts';
import type { RequestAnswer } from './answers.ts';
import type { Hypervisor } from './hypervisor.ts';

const INFO_BITS = 12n;
const NO_FRAME = 0xf_ffff_ffff_ffffn;
const REGISTERS = ['eax', 'ebx', 'ecx', 'edx'] as const;
/** As KVM answers a page-state change that it cannot make. */
const PSC_FAILED = 1n << 63n;

/** The default answers of the MSR protocol. GHCB §2.3.1. */
export const MSR_REQUESTS: readonly (readonly [number, RequestAnswer])[] = [
  [Request.SEV_INFO_REQUEST, (host) => sevInfo(host)],
  [Request.CPUID_REQUEST, cpuid],
  [Request.AP_RESET_HOLD_REQUEST, hold],
  [Request.PREFERRED_GHCB_REQUEST, snpOnly(preferred)],
  [Request.REGISTER_GHCB_REQUEST, snpOnly(register)],
  [Request.PAGE_STATE_CHANGE_REQUEST, snpOnly(changePageState)],
  [Request.HV_FEATURES_REQUEST, features],
  [Request.TERMINATE_REQUEST, terminate],
];

/** What the GHCB MSR holds after reset, and the answer to a request for it. */
export function sevInfo(host: Hypervisor): bigint {
  const versions = (BigInt(Ghcb.VERSION_MAX) << 48n) | (BigInt(Ghcb.VERSION_MIN) << 32n);
  const cBit = BigInt(host.core.control.cBit) << 24n;
  return versions | cBit | BigInt(Request.SEV_INFO_RESPONSE);
}

function cpuid(host: Hypervisor, request: bigint): bigint {
  const leaf = Number(request >> 32n);
  const register = Number((request >> 30n) & 3n);
  const value = host.answers.cpuid(host, leaf, 0)[REGISTERS[register] ?? 'eax'];
  const name = BigInt(register) << 30n;
  return (BigInt(value >>> 0) << 32n) | name | BigInt(Request.CPUID_RESPONSE);
}

/** Nobody sends INIT and SIPI to the one vCPU there is. */
function hold(host: Hypervisor): undefined {
  host.end({ kind: 'idle' });
}

function preferred(): bigint {
  return (NO_FRAME << INFO_BITS) | BigInt(Request.PREFERRED_GHCB_RESPONSE);
}

function register(host: Hypervisor, request: bigint): bigint {
  const frame = request >> INFO_BITS;
  const gpa = frame << INFO_BITS;
  const accepted = host.memory.spa(gpa) !== undefined;
  if (accepted) {
    host.registeredGhcb = gpa;
    host.statistics.ghcbReady();
  }
  const response = accepted ? frame : NO_FRAME;
  return (response << INFO_BITS) | BigInt(Request.REGISTER_GHCB_RESPONSE);
}

function changePageState(host: Hypervisor, request: bigint): bigint {
  const operation = Number((request >> 52n) & 0xfn);
  const gfn = Number((request >> INFO_BITS) & 0xff_ffff_ffffn);
  let done = false;
  if (operation === Psc.PRIVATE) done = host.pages.makePrivate(gfn, 1);
  if (operation === Psc.SHARED) done = host.pages.makeShared(gfn, 1);
  return (done ? 0n : PSC_FAILED) | BigInt(Request.PAGE_STATE_CHANGE_RESPONSE);
}

function features(host: Hypervisor): bigint {
  const offered = host.mode === 'snp' ? host.profile.features : 0n;
  return (offered << INFO_BITS) | BigInt(Request.HV_FEATURES_RESPONSE);
}

function terminate(host: Hypervisor, request: bigint): undefined {
  host.end(panic(Number((request >> 12n) & 0xfn), Number((request >> 16n) & 0xffn)));
}

/** A guest that is not SNP has no business with these: KVM ends it. */
function snpOnly(answer: RequestAnswer): RequestAnswer {
  return (host, request) => {
    if (host.mode === 'snp') return answer(host, request);
    const cause = `an SNP request (GHCB MSR 0x${request.toString(16)}) of a ${host.mode} guest`;
    host.end({ kind: 'shutdown', cause });
    return undefined;
  };
}
