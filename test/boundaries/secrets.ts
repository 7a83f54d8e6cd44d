import { SECRETS_PAGE } from '../../boot/memory-map.ts';
import { INFO_MASK } from '../../spec/ghcb-msr.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Machine } from '../../tools/emulator/machine.ts';
import { encrypted } from '../../tools/emulator/mode.ts';
import { programSecret } from '../secret.ts';

const { vmpck0, vmpck1, vmpck2, vmpck3 } = SecretsPage.fields;
/** What is looked for: any so many bytes of a secret that lie together in it. */
const CHUNK = 8;

/** The canaries of a guest, and whether its host can see them. */
export class Secrets {
  readonly #machine: Machine;
  readonly #chunks: readonly Buffer[];

  /** Those of a guest that was launched, and has not run yet. */
  constructor(machine: Machine) {
    this.#machine = machine;
    const secrets = encrypted(machine.mode) ? [programSecret(), ...messageKeys(machine)] : [];
    this.#chunks = secrets.flatMap((secret) =>
      Array.from({ length: secret.length / CHUNK }, (_, i) =>
        Buffer.from(secret.subarray(i * CHUNK, (i + 1) * CHUNK)),
      ),
    );
  }

  /** In a page that was written and that the host can read: what is held under a key reads as ciphertext. */
  areSeen(): boolean {
    if (this.#chunks.length === 0) return false;
    const { core, memory } = this.#machine;
    const { frames } = core;
    for (let frame = 0; frame < frames.count; frame++) {
      if (frames.key(frame) !== 0 || !frames.written(frame) || frames.assigned(frame)) continue;
      if (this.#areIn(memory.read(frame * PAGE, PAGE))) return true;
    }
    return false;
  }

  /** In the page of the request that the guest makes now. */
  areInRequest(): boolean {
    const { ghcb } = this.#machine.vcpu;
    if ((ghcb & BigInt(INFO_MASK)) !== 0n) return false;
    const page = this.#machine.memory.readGuest(ghcb, PAGE);
    return page !== undefined && this.#areIn(page);
  }

  #areIn(bytes: Uint8Array): boolean {
    const seen = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#chunks.some((chunk) => seen.includes(chunk));
  }
}

/** The keys under which a guest may talk to the AMD-SP; none where there is no secrets page. */
function messageKeys({ mode, core, asid }: Machine): Uint8Array[] {
  if (mode !== 'snp') return [];
  return [vmpck0, vmpck1, vmpck2, vmpck3].map(({ offset, size }) =>
    core.read(SECRETS_PAGE + offset, size, asid).slice(),
  );
}
