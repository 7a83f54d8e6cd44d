import { TOP } from '../../boot/memory-map.ts';
import * as Apic from '../../spec/apic.ts';
import * as Injection from '../../spec/event-injection.ts';
import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Request from '../../spec/ghcb-msr.ts';
import { X2APIC } from '../../spec/msr.ts';
import type { HostileHost } from '../../tools/emulator/hostile.ts';
import type { GhcbRequest } from '../../tools/emulator/hypervisor/ghcb-request.ts';
import { Guests } from './guests.ts';
import { type Attack, testRow } from './row.ts';
import { attackOn, attackOnBatches, mustEnd } from './trial.ts';

const guests = new Guests();
const VALID_BITMAP = 0x3f0n;
const CURRENT_COUNT = BigInt(X2APIC + (Apic.CURRENT_COUNT >> 4));

/** Changes answers of the kind that `wanted` tells, once they are in the guest's page. */
function afterAnswers(
  wanted: (request: GhcbRequest) => boolean,
  edit: (host: HostileHost, request: GhcbRequest) => void,
): Attack {
  return async (setting) =>
    mustEnd(
      await attackOn(guests, setting, ({ host }) => {
        host.afterEvent((request) => {
          if (wanted(request)) edit(host, request);
        });
      }),
    );
}

const isPort = ({ code }: GhcbRequest) => code === Exit.IOIO;

function put(host: HostileHost, { gpa }: GhcbRequest, bit: number, value: bigint): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  host.writeGuest(gpa + BigInt(bit * 8), bytes);
}

/** The answer is that the guest should raise `event`. */
function raise(event: number): Attack {
  return afterAnswers(isPort, (host, request) => {
    put(host, request, Ghcb.VALID_SW_EXITINFO1, BigInt(Ghcb.RESULT_EXCEPTION));
    put(host, request, Ghcb.VALID_SW_EXITINFO2, BigInt((event | Injection.VALID) >>> 0));
  });
}

const EXCEPTION = Injection.TYPE_EXCEPTION << Injection.TYPE_SHIFT;

testRow('B16', {
  'a page fault': raise(14 | EXCEPTION),
  'a non-maskable interrupt': raise(2 | (Injection.TYPE_NMI << Injection.TYPE_SHIFT)),
  '#GP for a request that no instruction stands behind': raise(13 | EXCEPTION),
});

/** Takes the valid bit of a field away. */
function invalidate(host: HostileHost, { gpa }: GhcbRequest, bit: number): void {
  const at = gpa + VALID_BITMAP + BigInt(bit >> 3);
  const [byte = 0] = host.readGuest(at, 1) ?? [];
  host.writeGuest(at, Uint8Array.of(byte & ~(1 << (bit & 7))));
}

testRow('B17', {
  'a value that is not there': afterAnswers(
    (request) => request.code === Exit.MSR && request.get(Ghcb.VALID_RCX) === CURRENT_COUNT,
    (host, request) => invalidate(host, request, Ghcb.VALID_RAX),
  ),
  'a result that is not there': afterAnswers(isPort, (host, request) =>
    invalidate(host, request, Ghcb.VALID_SW_EXITINFO1),
  ),
});

testRow('B18', {
  'another header of page-state changes at a second look': async (setting) => {
    let looks = 0;
    let changed = false;
    const seen = await attackOnBatches(guests, setting, ({ host, machine }) => {
      let watched = false;
      host.onEvent(Event.PAGE_STATE_CHANGE, (request, honest) => {
        honest();
        looks = 0;
        if (watched) return;
        watched = true;
        const header = request.gpa + BigInt(Ghcb.SHARED_BUFFER);
        host.onAccess(request.gpa, ({ gpa, write }) => {
          if (gpa !== header) return;
          looks = write ? 0 : looks + 1;
          if (looks !== 2) return;
          changed = true;
          machine.memory.writeGuest(header, Uint8Array.of(0xff, 0x7f));
        });
      });
    });
    return { won: changed && seen.wentOn, ends: seen.ends };
  },
});

/** Answers `request` of the MSR protocol, once the kernel runs, with what `answer` makes of the truth. */
function answering(request: number, answer: (truth: bigint) => bigint): Attack {
  return async (setting) =>
    mustEnd(
      await attackOn(guests, setting, ({ host }) => {
        host.onRequest(request, (_request, honest) => {
          const truth = honest() ?? 0n;
          return host.rip >= TOP ? answer(truth) : truth;
        });
      }),
    );
}

testRow('B19', {
  'another kind of answer': answering(Request.SEV_INFO_REQUEST, (truth) => truth ^ 2n),
  'no version in common': answering(
    Request.SEV_INFO_REQUEST,
    (truth) => (truth & 0xffff_ffffn) | (3n << 48n) | (3n << 32n),
  ),
  'a feature less': answering(Request.HV_FEATURES_REQUEST, (truth) => truth & 0xfffn),
  'another page than was offered': answering(
    Request.REGISTER_GHCB_REQUEST,
    (truth) => truth + 0x1000n,
  ),
  'a page of the host’s choice': answering(
    Request.PREFERRED_GHCB_REQUEST,
    (truth) => (truth & 0xfffn) | 0x5000n,
  ),
});
