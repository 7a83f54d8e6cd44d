import * as Ghcb from '../../spec/ghcb.ts';
import { INFO_MASK } from '../../spec/ghcb-msr.ts';
import * as Launch from '../../spec/launch.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { Guests } from './guests.ts';
import { testRow } from './row.ts';
import { attackOn, mustEnd, mustGoOn, type Seen, Trial } from './trial.ts';

const guests = new Guests();
const MADE_UP = 0xbd;
/** RAM below the image, where nothing of the launch is. */
const FREE = 0x20;
const IMAGE_FRAMES = { first: 0x100, end: 0x200 };

testRow('B26', {
  'a page that the launch brings along, where RAM is': async (setting) =>
    mustEnd(
      await attackOn(guests, setting, ({ host }) => {
        const data = new Uint8Array(PAGE).fill(MADE_UP);
        host.onLaunch((pages) => [{ gfn: FREE, data, type: Launch.UNMEASURED }, ...pages]);
      }),
    ),
  'RAM that is full of the host’s bytes': async (setting) => {
    const seen = await attackOn(guests, setting, ({ host, machine }) => {
      const page = new Uint8Array(PAGE).fill(MADE_UP);
      for (const { gfn, pages } of machine.memory.ranges) {
        for (let frame = gfn; frame < gfn + pages; frame++) {
          const ours = frame >= IMAGE_FRAMES.first && frame < IMAGE_FRAMES.end;
          if (!ours) host.writeGuest(BigInt(frame * PAGE), page);
        }
      }
    });
    return mustGoOn(seen);
  },
});

/** What a host may rewrite and a guest not notice: of the GHCB what is no answer, of other pages all. */
function rewriteShared({ host, machine }: Trial): void {
  const { frames } = machine.core;
  const ghcb = machine.vcpu.ghcb & ~BigInt(INFO_MASK);
  const { doorbell } = machine.hypervisor.interrupts;
  for (const { gfn, frame, pages } of machine.memory.ranges) {
    for (let i = 0; i < pages; i++) {
      if (frames.key(frame + i) !== 0 || !frames.written(frame + i)) continue;
      const gpa = BigInt((gfn + i) * PAGE);
      if (gpa === doorbell) continue;
      const end = gpa === ghcb ? Ghcb.SHARED_BUFFER : PAGE;
      const from = gpa === ghcb ? KEPT : 0;
      host.writeGuest(gpa + BigInt(from), new Uint8Array(end - from).fill(1));
    }
  }
}

/** The GHCB up to and with its valid bitmap: what a request is answered in. */
const KEPT = 0x400;

testRow('B27', {
  'all that is shared and no answer rewritten at each request': async (setting) => {
    const seen = await attackOn(guests, setting, (trial) => {
      trial.host.afterEvent(() => rewriteShared(trial));
    });
    // It is enough if the guest takes any notice.
    return { won: seen.ends !== 'unharmed', ends: seen.ends };
  },
});

testRow('B28', {
  'a page lent, taken back, and then with a secret in it': async (setting) => {
    const { host, mutation } = setting;
    const entry = 'test/fixtures/attacks/reclaim-kernel.ts';
    const trial = new Trial(setting, await guests.image({ host, mutation, entry }));
    trial.launch();
    const seen: Seen = trial.run();
    return { won: seen.leaks.length > 0, ends: seen.ends };
  },
});
