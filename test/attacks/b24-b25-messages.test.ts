import * as Event from '../../spec/ghcb-event.ts';
import * as Message from '../../spec/guest-message.ts';
import { view } from '../../spec/layout.ts';
import { KeyResponse, MessageHeader } from '../../spec/layouts/guest-message.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { Guests } from './guests.ts';
import { type Setting, testRow } from './row.ts';
import { attackOn, type Seen, type Trial } from './trial.ts';

const guests = new Guests();
/** A KeyResponse has its key from here on. */
const KEY = 0x20;

function onMessages(setting: Setting, meddle: (trial: Trial) => void): Promise<Seen> {
  return attackOn(guests, setting, meddle, { manifest: { program: 'messages.ts' } });
}

testRow('B24', {
  'busy, then another error, so that the guest says something else under the same number': async (
    setting,
  ) => {
    /** What went out under each sequence number. */
    const sent = new Map<string, Set<string>>();
    let calls = 0;
    const seen = await onMessages(setting, ({ host }) => {
      host.onEvent(Event.GUEST_REQUEST, (request) => {
        const page = Buffer.from(host.readGuest(request.info1, PAGE) ?? []);
        const number = page.subarray(0x20, 0x28).toString('hex');
        const texts = sent.get(number) ?? new Set();
        sent.set(number, texts.add(page.toString('hex')));
        const vmm = ++calls < 3 ? Message.VMM_BUSY : 0x77;
        request.succeed(BigInt(vmm) << 32n);
      });
    });
    if (calls < 3) throw new RangeError('the guest did not ask again');
    const reused = [...sent.values()].some((texts) => texts.size > 1);
    return { won: reused || seen.leaks.length > 0, ends: seen.ends };
  },
});

testRow('B25', {
  'bytes of the host’s for the AMD-SP’s': async (setting) => {
    const chosen = Buffer.alloc(KeyResponse.size, 0xbd);
    // Its status says that all is well.
    chosen.fill(0, 0, KEY);
    let trial: Trial | undefined;
    const seen = await onMessages(setting, (made) => {
      trial = made;
      made.host.onPspResponse((response) => {
        const page = response.page.slice();
        const { type } = view(MessageHeader, page);
        if (type === Message.KEY_REQUEST + 1) page.set(chosen, Message.HEADER_SIZE);
        return { ...response, page };
      });
    });
    const taken = trial?.framesWith(chosen.subarray(KEY)) ?? [];
    return { won: taken.length > 0 || seen.leaks.length > 0, ends: seen.ends };
  },
});
