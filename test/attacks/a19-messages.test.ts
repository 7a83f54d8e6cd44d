import { join } from 'node:path';
import * as Event from '../../spec/ghcb-event.ts';
import { HEADER_SIZE } from '../../spec/guest-message.ts';
import * as Status from '../../spec/psp-status.ts';
import { HostileHost } from '../../tools/emulator/hostile.ts';
import type { PspResponse } from '../../tools/emulator/hypervisor/answers.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { launchIgvm } from '../../tools/emulator/launch/igvm.ts';
import { createMachine } from '../../tools/emulator/machine.ts';
import { root } from '../../tools/root.ts';
import { Guests } from './guests.ts';
import { type Attack, type Outcome, testRow } from './row.ts';
import type { Surface } from './verdict.ts';

const LIMIT = 100_000_000;
/** Exit codes of the program, test/fixtures/attest/order.ts. */
const FIRST_AGAIN = 97;
const SOMETHING_ELSE = 99;
/** REPORT_DATA begins a request's payload, and lies further on in that of its answer. */
const ASKED = HEADER_SIZE;
const ANSWERED = HEADER_SIZE + 0x20 + 0x50;

const guests = new Guests();
const manifest = { folder: join(root, 'test/fixtures/attest'), program: 'order.ts' };

const SURFACES: ReadonlyMap<number, Surface> = new Map([
  [Status.BAD_MEASUREMENT, 'AEAD'],
  [Status.AEAD_OFLOW, 'AEAD'],
]);

/** What the host makes of the `nth` message, from 1, and of its answer. */
interface Meddling {
  readonly request?: (page: Uint8Array, nth: number) => Uint8Array;
  readonly response?: (page: Uint8Array, nth: number) => Uint8Array;
  readonly won: (result: {
    /** What the AMD-SP said to each message. */
    readonly statuses: readonly number[];
    readonly code: number | undefined;
  }) => boolean;
}

/** A guest that asks for two reports, by way of a host that changes what it passes on. */
function between({ request, response, won }: Meddling): Attack {
  return async ({ mode, host: hostName, without, mutation }): Promise<Outcome> => {
    const image = await guests.image({ host: hostName, mutation, manifest });
    const machine = createMachine({ mode, host: hostName, without, memory: 8 << 20 });
    const host = new HostileHost(machine);
    const statuses: number[] = [];
    let nth = 0;
    host.onEvent(Event.GUEST_REQUEST, (asked, honest) => {
      nth++;
      const message = host.readGuest(asked.info1, PAGE) ?? new Uint8Array(PAGE);
      if (request) host.writeGuest(asked.info1, request(message, nth));
      honest();
    });
    host.onPspResponse((answer): PspResponse => {
      statuses.push(answer.status);
      return { ...answer, page: response?.(answer.page, nth) ?? answer.page };
    });
    launchIgvm(machine, image);
    const end = machine.hypervisor.run(LIMIT);
    const code = end.kind === 'exit' ? end.code : undefined;
    const said = statuses.map((status) => SURFACES.get(status)).find((one) => one !== undefined);
    const closed =
      code !== undefined && code !== 0 && ![FIRST_AGAIN, SOMETHING_ELSE].includes(code);
    return { won: won({ statuses, code }), surface: said ?? (closed ? 'AEAD' : undefined) };
  };
}

const flip = (page: Uint8Array, at: number) =>
  page.map((byte, i) => (i === at ? byte ^ 0xff : byte));

/** Keeps the first page that it is given, and gives it in the place of the second. */
function repeater(): (page: Uint8Array, nth: number) => Uint8Array {
  let first = new Uint8Array(PAGE);
  return (page, nth) => {
    if (nth === 1) first = page.slice();
    return nth === 2 ? first : page;
  };
}

testRow('A19', {
  'changing a request': between({
    request: (page, nth) => (nth === 1 ? flip(page, ASKED) : page),
    won: ({ code }) => code === SOMETHING_ELSE,
  }),
  'sending a request again': (setting) =>
    between({
      request: repeater(),
      // The AMD-SP would say twice what it may say once, under the same nonce.
      won: ({ statuses }) => statuses[1] === Status.SUCCESS,
    })(setting),
  'changing a response': between({
    response: (page, nth) => (nth === 1 ? flip(page, ANSWERED) : page),
    won: ({ code }) => code === SOMETHING_ELSE,
  }),
  'giving a response again': (setting) =>
    between({ response: repeater(), won: ({ code }) => code === FIRST_AGAIN })(setting),
});
