import * as Ghcb from '../../spec/ghcb.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as MsrRequest from '../../spec/ghcb-msr.ts';
import * as Psc from '../../spec/psc.ts';
import type { GhcbRequest } from '../../tools/emulator/hypervisor/ghcb-request.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { programSecret } from '../secret.ts';
import { Guests } from './guests.ts';
import { type Attack, type Setting, testRow } from './row.ts';
import { attackOn, attackOnBatches, mustEnd, mustGoOn, Trial } from './trial.ts';

const guests = new Guests();

/** Where a page-state change by MSR has the address of its page. GHCB §2.3.1. */
const FRAME_BITS = 0xf_ffff_ffff_f000n;

/** The header of a batch: its current entry, its last, and what is reserved. */
interface Header {
  current: number;
  end: number;
  reserved: number;
}

/** An attack that changes the header of the `nth` answer to a page-state change; `entries` are done in each. */
function withHeader(edit: (header: Header) => void, nth = 1, entries?: number): Attack {
  return async (setting) => {
    let answers = 0;
    const seen = await attackOnBatches(guests, setting, ({ host }) => {
      if (entries !== undefined) host.stopPageStateChangesAfter(entries);
      host.afterEvent((request, write) => {
        if (request.code !== Event.PAGE_STATE_CHANGE || ++answers !== nth) return;
        const page = host.readGuest(request.gpa, PAGE) ?? new Uint8Array(PAGE);
        const data = new DataView(page.buffer);
        const at = Ghcb.SHARED_BUFFER;
        const header = {
          current: data.getUint16(at, true),
          end: data.getUint16(at + 2, true),
          reserved: data.getUint32(at + 4, true),
        };
        edit(header);
        data.setUint16(at, header.current, true);
        data.setUint16(at + 2, header.end, true);
        data.setUint32(at + 4, header.reserved, true);
        write(at, page.slice(at, at + 8));
      });
    });
    return mustEnd(seen);
  };
}

testRow('B5', {
  'stops half-way': async (setting) => {
    const seen = await attackOn(guests, setting, ({ host }) => host.stopPageStateChangesAfter(7));
    // The attack is on the guest's patience: it wins if the guest takes half for the whole.
    return { won: seen.ends !== 'unharmed', ends: seen.ends };
  },
  'goes back': withHeader(
    (header) => {
      header.current = 1;
    },
    3,
    10,
  ),
  'moves the end': withHeader((header) => {
    header.end++;
  }),
  'sets reserved bits': withHeader((header) => {
    header.reserved = 1;
  }),
  'says that it failed, and yet is done': async (setting) => {
    const seen = await attackOnBatches(guests, setting, ({ host }) => {
      host.onEvent(Event.PAGE_STATE_CHANGE, (request: GhcbRequest, honest) => {
        honest();
        request.succeed(1n << 32n);
      });
    });
    return mustEnd(seen);
  },
});

/** Where the victim keeps its secret. */
async function secretAddress(setting: Setting): Promise<number> {
  const { host } = setting;
  const image = await guests.image({ host, mutation: undefined });
  const trial = new Trial({ ...setting, mutation: undefined }, image);
  trial.launch();
  trial.run();
  const [gfn = 0] = trial.framesWith(programSecret());
  return gfn * PAGE + trial.guestPage(gfn).indexOf(programSecret());
}

testRow('B6', {
  'lines of the host’s written back over what the guest has there': async (setting) => {
    const line = (await secretAddress(setting)) & ~63;
    let evicted = -1;
    const seen = await attackOn(guests, setting, (trial) => {
      trial.host.keepLine(BigInt(line), new Uint8Array(64).fill(0xbd));
      trial.once('open', () => {
        evicted = trial.host.evictLines();
      });
    });
    if (evicted < 0) throw new RangeError('the guest has said nothing');
    return mustGoOn(seen);
  },
  'the same on a page that was lent': async (setting) => {
    const { host, mutation } = setting;
    const entry = 'test/fixtures/attacks/reclaim-kernel.ts';
    const trial = new Trial(setting, await guests.image({ host, mutation, entry }));
    let kept = false;
    trial.host.onRequest(MsrRequest.PAGE_STATE_CHANGE_REQUEST, (request, honest) => {
      if (((request >> 52n) & 0xfn) === BigInt(Psc.PRIVATE)) {
        trial.host.keepLine(request & FRAME_BITS, new Uint8Array(64).fill(0xbd));
        kept = true;
      }
      return honest();
    });
    trial.launch();
    const seen = trial.run();
    if (!kept) throw new RangeError('the guest has taken nothing back');
    trial.host.evictLines();
    return { won: trial.framesWith(programSecret()).length === 0, ends: seen.ends };
  },
});
