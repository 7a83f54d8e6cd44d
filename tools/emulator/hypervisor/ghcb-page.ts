import * as Ghcb from '../../../spec/ghcb.ts';
import { GhcbRequest } from './ghcb-request.ts';
import { PAGE } from './guest-memory.ts';
import type { Hypervisor } from './hypervisor.ts';
import { entryFor } from './rmp.ts';

/** What every event needs. GHCB §4.1. */
const ALWAYS = [Ghcb.VALID_SW_EXITCODE, Ghcb.VALID_SW_EXITINFO1, Ghcb.VALID_SW_EXITINFO2];

/** VMGEXIT with a page address in the GHCB MSR: copies the request, checks it, answers it. GHCB §4. */
export function answerGhcbPage(host: Hypervisor): void {
  const gpa = host.vcpu.ghcb;
  const spa = host.memory.spa(gpa);
  if (gpa === 0n || spa === undefined) {
    host.note('VMGEXIT:NO_GHCB');
    return;
  }
  if (entryFor(host.core.frames, Math.floor(spa / PAGE)).assigned) {
    const cause = `the GHCB page 0x${gpa.toString(16)} is private: the hypervisor cannot write it`;
    host.note('VMGEXIT:PRIVATE_GHCB');
    host.end({ kind: 'shutdown', cause });
    return;
  }
  const request = new GhcbRequest(host.memory, gpa, host.memory.read(spa, PAGE));
  host.noteEvent(request);
  answer(host, request);
  request.finish();
  host.answers.answered(host, request);
}

function answer(host: Hypervisor, request: GhcbRequest): void {
  if (host.mode === 'snp' && host.registeredGhcb !== request.gpa) {
    request.malformed(Ghcb.ERROR_NOT_REGISTERED);
    return;
  }
  host.statistics.ghcbReady();
  if (request.usage !== Ghcb.USAGE_STANDARD) {
    request.malformed(Ghcb.ERROR_INVALID_USAGE);
    return;
  }
  if (!ALWAYS.every((bit) => request.has(bit))) {
    request.malformed(Ghcb.ERROR_MISSING_INPUT);
    return;
  }
  const entry = host.answers.events.get(request.code);
  if (!entry) {
    request.malformed(Ghcb.ERROR_INVALID_EVENT);
    return;
  }
  const needs = entry.needs(request);
  if (!needs.every((bit) => request.has(bit))) {
    request.malformed(Ghcb.ERROR_MISSING_INPUT);
    return;
  }
  entry.answer(host, request);
}
