import { SECRETS_PAGE } from '../../boot/memory-map.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Machine } from '../../tools/emulator/machine.ts';

const { vmpck0: KEY } = SecretsPage.fields;
const CHUNK = 8;

/** The key under which the guest of `machine` talks to the AMD-SP; none where there is no secrets page. */
export function messageKey(machine: Machine): Uint8Array {
  if (machine.mode !== 'snp') return new Uint8Array(0);
  return machine.core.read(SECRETS_PAGE + KEY.offset, KEY.size, machine.asid);
}

/** Whether any eight bytes of `secret` lie in a page that the guest has written and the host can read. */
export function leaks({ core, memory }: Machine, secret: Uint8Array): boolean {
  const { frames } = core;
  for (let frame = 0; frame < frames.count; frame++) {
    if (!frames.written(frame) || frames.assigned(frame)) continue;
    const page = Buffer.from(memory.read(frame * PAGE, PAGE).buffer);
    for (let at = 0; at < secret.length; at += CHUNK) {
      if (page.includes(Buffer.from(secret.subarray(at, at + CHUNK)))) return true;
    }
  }
  return false;
}
