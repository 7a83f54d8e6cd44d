import * as Cpu from '../../spec/cpu.ts';
import * as Injection from '../../spec/event-injection.ts';
import * as Exit from '../../spec/exit.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import type { HostName } from '../../tools/emulator/hypervisor/host-profile.ts';
import { type Mode, protectedState } from '../../tools/emulator/mode.ts';
import { refusedEvent } from '../../tools/emulator/vcpu/checks.ts';

const VECTORS = 256;
const VALID = BigInt(Injection.VALID);
const ERROR_VALID = BigInt(Injection.ERROR_VALID);
const RESTRICTED = BigInt(SevStatus.RESTRICTED_INJECTION) >> BigInt(SevStatus.FEATURES_SHIFT);
/** In EVENTINJ with the type: no NMI has another vector. */
const TYPES = [
  Injection.TYPE_INTERRUPT,
  Injection.TYPE_NMI,
  Injection.TYPE_EXCEPTION,
  Injection.TYPE_SOFTWARE,
];

/** #HV, as a host with restricted injection injects it. */
export const HV = event(Cpu.VECTOR_HV, Injection.TYPE_EXCEPTION);

/** EVENTINJ for `vector`, with an error code if one is given. APM2 §15.20. */
export function event(vector: number, type: number, errorCode?: number): bigint {
  const word = BigInt(vector | (type << Injection.TYPE_SHIFT)) | VALID;
  return errorCode === undefined ? word : word | ERROR_VALID | (BigInt(errorCode) << 32n);
}

/** Error codes that a #VC is tried with: every exit code there is. */
const VC_CODES = [...new Set(Object.values(Exit))];

/** Error codes that an event is tried with, undefined for none. An INT instruction has none. */
function errorCodes(vector: number, type: number, mode: Mode): readonly (number | undefined)[] {
  if (type === Injection.TYPE_SOFTWARE) return [undefined];
  const codes = vector === Cpu.VECTOR_VC && protectedState(mode) ? VC_CODES : [0];
  return [undefined, ...codes];
}

/** What can be written into EVENTINJ: each vector by each type, with and without an error code. */
function everyEvent(mode: Mode): bigint[] {
  const all: bigint[] = [];
  for (const type of TYPES) {
    for (let vector = 0; vector < VECTORS; vector++) {
      if (type === Injection.TYPE_NMI && vector !== Cpu.VECTOR_NMI) continue;
      for (const code of errorCodes(vector, type, mode)) all.push(event(vector, type, code));
    }
  }
  return all;
}

/** The events of {@link everyEvent} by whether VMRUN lets them into a guest. */
export function eventsFor(mode: Mode, host: HostName): { allowed: bigint[]; refused: bigint[] } {
  const features = mode === 'snp' && host === 'hv' ? RESTRICTED : 0n;
  const allowed: bigint[] = [];
  const refused: bigint[] = [];
  for (const one of everyEvent(mode)) {
    const why = refusedEvent(one, features, protectedState(mode));
    (why === undefined ? allowed : refused).push(one);
  }
  return { allowed, refused };
}

/** An event in words. */
export function eventName(word: bigint): string {
  const type = Number((word >> BigInt(Injection.TYPE_SHIFT)) & 7n);
  const code = (word & ERROR_VALID) === 0n ? '' : `, error 0x${(word >> 32n).toString(16)}`;
  return `vector ${word & 0xffn} type ${type}${code}`;
}
