import * as Ghcb from '../../../spec/ghcb.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import { PAGE } from './guest-memory.ts';
import type { Hypervisor } from './hypervisor.ts';

/** SW_EXITINFO1 of the event. GHCB, #HV doorbell page. */
const GET_PREFERRED = 0n;
const SET = 1n;
const QUERY = 2n;
const CLEAR = 3n;
const NONE = (1n << 64n) - 1n;

/** Event #HV doorbell page: where the guest wants to be told what is pending. GHCB, #HV doorbell page. */
export function doorbell(host: Hypervisor, request: GhcbRequest): void {
  switch (request.info1) {
    case GET_PREFERRED:
      request.succeed(NONE);
      return;
    case SET: {
      const gpa = request.info2;
      if (gpa % BigInt(PAGE) !== 0n || !host.memory.writable(gpa)) {
        request.malformed(Ghcb.ERROR_INVALID_INPUT);
        return;
      }
      host.interrupts.doorbell = gpa;
      request.succeed(gpa);
      return;
    }
    case QUERY:
      request.succeed(host.interrupts.doorbell ?? NONE);
      return;
    case CLEAR:
      host.interrupts.doorbell = undefined;
      request.succeed(0n);
      return;
    default:
      request.malformed(Ghcb.ERROR_INVALID_INPUT);
      return;
  }
}
