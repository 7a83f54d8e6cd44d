import * as Exit from '../../../spec/exit.ts';
import * as Event from '../../../spec/ghcb-event.ts';
import * as Request from '../../../spec/ghcb-msr.ts';
import { EXIT_LIMIT, EXIT_UNIMPLEMENTED } from '../core.ts';

/** Codes with one instruction or event each; ranges of codes are made out by {@link exitName}. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Exit)
    .filter(([name]) => name !== 'EXCP_BASE')
    .map(([name, code]) => [code, name]),
);
const EVENTS: ReadonlyMap<number, string> = new Map(
  Object.entries(Event).map(([name, code]) => [code, name]),
);
const REQUESTS: ReadonlyMap<number, string> = new Map(
  Object.entries(Request)
    .filter(([name]) => name.endsWith('_REQUEST'))
    .map(([name, code]) => [code, name]),
);

/** The name of a #VMEXIT code as the manual has it. APM2 appendix C. */
export function exitName(code: number): string {
  if (code === EXIT_LIMIT) return 'LIMIT';
  if (code === EXIT_UNIMPLEMENTED) return 'UNIMPLEMENTED';
  if (code < 0x10) return `CR${code}_READ`;
  if (code < 0x20) return `CR${code - 0x10}_WRITE`;
  if (code < 0x30) return `DR${code - 0x20}_READ`;
  if (code < 0x40) return `DR${code - 0x30}_WRITE`;
  if (code < 0x60) return `EXCP${code - 0x40}`;
  if (code >= Exit.CR0_WRITE_TRAP && code < Exit.CR0_WRITE_TRAP + 16) {
    return `CR${code - Exit.CR0_WRITE_TRAP}_WRITE_TRAP`;
  }
  return NAMES.get(code) ?? `EXIT_0x${code.toString(16)}`;
}

/** The name of an event of the GHCB page protocol: an exit code or one of software's own. GHCB §4.1. */
export function eventName(code: number): string {
  return EVENTS.get(code) ?? exitName(code);
}

/** The name of a request of the GHCB MSR protocol by its low twelve bits. GHCB §2.3.1. */
export function requestName(info: number): string {
  return REQUESTS.get(info) ?? `0x${info.toString(16).padStart(3, '0')}`;
}
