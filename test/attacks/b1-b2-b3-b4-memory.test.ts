import { IMAGE, SECRETS_PAGE, SHIM } from '../../boot/memory-map.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Request from '../../spec/ghcb-msr.ts';
import { view } from '../../spec/layout.ts';
import { PscEntry, PscHeader } from '../../spec/layouts/ghcb.ts';
import * as Psc from '../../spec/psc.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { entryFor } from '../../tools/emulator/hypervisor/rmp.ts';
import { programSecret } from '../secret.ts';
import { Guests } from './guests.ts';
import { claimRam, type Ram } from './memory-map.ts';
import { type Setting, testRow } from './row.ts';
import { attackOn, mustEnd, mustGoOn, Trial } from './trial.ts';

const guests = new Guests();
/** All that the machine has: 4 MiB. */
const ALL: Ram = { first: 0, pages: 1024 };

/** Where the image begins, and RAM below it ends. */
const IMAGE_FRAME = SHIM / PAGE;

/** RMPUPDATE: the system frame becomes the guest's page `gfn`, not validated. */
function giveFrame({ host, machine }: Trial, frame: number, gfn: number): void {
  const own = { assigned: true, huge: false, immutable: false, asid: machine.asid, gfn };
  host.rmpUpdate(frame, own);
}

/** The frame that the victim keeps its secret in. */
async function secretFrame(setting: Setting): Promise<number> {
  const { host, mutation } = setting;
  const trial = new Trial(setting, await guests.image({ host, mutation }));
  trial.launch();
  trial.run();
  const [frame] = trial.framesWith(programSecret());
  if (frame === undefined) throw new RangeError('the victim has no secret');
  return frame;
}

testRow('B1', {
  'a page that the map has twice, with another behind it the second time': async (setting) => {
    const gfn = await secretFrame({ ...setting, mutation: undefined });
    let times = 0;
    let trial: Trial | undefined;
    const onPvalidate = (gpa: bigint) => {
      if (gpa !== BigInt(gfn * PAGE)) return;
      times++;
      if (times === 2) trial?.host.remap(gfn, gfn);
    };
    const seen = await attackOn(
      guests,
      setting,
      (made) => {
        trial = made;
        const { machine, host } = made;
        claimRam(host, [ALL, { first: gfn, pages: 1 }]);
        const other = machine.memory.allocateFrame();
        // The last that the guest touches of what it has validated first.
        const last = BigInt(IMAGE_FRAME * PAGE - 1);
        host.onAccess(last, ({ gpa }) => {
          if (gpa !== last || times !== 1) return;
          giveFrame(made, other, gfn);
          host.remap(gfn, other);
        });
        // Both pages are validated: from now on the guest has the one that the host likes best.
        made.once('open', () => host.remap(gfn, other));
      },
      { machine: { onPvalidate } },
    );
    return mustEnd(seen);
  },
});

testRow('B2', {
  'the page of the secrets in place of fresh RAM': async (setting) => {
    // A page that the victim's memory grows by.
    const gfn = (await secretFrame({ ...setting, mutation: undefined })) + 20;
    let trial: Trial | undefined;
    const take = () => {
      if (!trial) return;
      giveFrame(trial, SECRETS_PAGE / PAGE, gfn);
      trial.host.remap(gfn, SECRETS_PAGE / PAGE);
    };
    const onPvalidate = (gpa: bigint) => {
      if (gpa === BigInt((gfn - 1) * PAGE)) take();
    };
    const seen = await attackOn(
      guests,
      setting,
      (made) => {
        trial = made;
        // The machine maps anew what is around a page that changes its state.
        const keeping = <T>(honest: () => T): T => {
          const taken = made.machine.core.npt.get(gfn).frame !== gfn;
          const answer = honest();
          if (taken) made.host.remap(gfn, SECRETS_PAGE / PAGE);
          return answer;
        };
        made.host.onEvent(Event.PAGE_STATE_CHANGE, (_request, honest) => keeping(honest));
        made.host.onRequest(Request.PAGE_STATE_CHANGE_REQUEST, (_request, honest) =>
          keeping(honest),
        );
      },
      { machine: { onPvalidate } },
    );
    return mustGoOn(seen);
  },
});

testRow('B3', {
  'RAM where the image lies': async (setting) => {
    const { host, mutation } = setting;
    const trial = new Trial(setting, await guests.image({ host, mutation }));
    // The first that the guest would take are its own text and constants.
    claimRam(trial.host, [
      { first: IMAGE / PAGE, pages: 64 },
      { first: 512, pages: 512 },
    ]);
    trial.launch();
    const before = trial.guestPage(IMAGE / PAGE);
    // Without its text a guest faults for ever, which is waited for.
    const seen = trial.run(4_000_000);
    const overwritten = !trial.guestPage(IMAGE / PAGE).equals(before);
    return { won: overwritten, ends: seen.ends };
  },
  'RAM at an address that is no address': async (setting) => {
    const seen = await attackOn(guests, setting, ({ host }) => {
      const hole = 0x20;
      claimRam(host, [
        { first: 0, pages: hole },
        { first: hole + 1, pages: 1023 - hole },
        // In bytes this is the hole, if 64 bits are all there is.
        { first: (1n << 52n) + BigInt(hole), pages: 1 },
      ]);
    });
    return mustEnd(seen);
  },
});

testRow('B4', {
  'the host keeps what is shared as the guest’s own': async (setting) => {
    let kept = false;
    const seen = await attackOn(guests, setting, ({ host, machine }) => {
      const look = (frame: bigint, operation: number) => {
        const { validated } = entryFor(machine.core.frames, Number(frame));
        if (operation === Psc.SHARED) kept ||= validated;
      };
      host.onRequest(Request.PAGE_STATE_CHANGE_REQUEST, (request, honest) => {
        look((request >> 12n) & 0xff_ffff_ffffn, Number((request >> 52n) & 15n));
        return honest();
      });
      host.onEvent(Event.PAGE_STATE_CHANGE, (request, honest) => {
        const entries = request.readBuffer(PscHeader.size + PscEntry.size) ?? new Uint8Array();
        const entry = view(PscEntry, entries, PscHeader.size);
        look(entry.frame, Number(entry.operation));
        honest();
      });
    });
    return { won: kept, ends: seen.ends };
  },
});
