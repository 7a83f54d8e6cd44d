import { createHash, type Hash } from 'node:crypto';
import { SEV_NODBG } from '../../../spec/policy.ts';
import * as Status from '../../../spec/psp-status.ts';
import type { Checks } from '../checks.ts';
import type { Core } from '../core.ts';
import { MAX_ASID } from '../cpuid/model.ts';
import type { Random } from '../random.ts';

/** Bytes that the memory controller encrypts at a time: what the commands' addresses and lengths are multiples of. */
const BLOCK = 16;
const PAGE = 4096;

/** What the AMD-SP does for a guest before SNP; there is at most one. SEV. */
export class SevFirmware {
  readonly #core: Core;
  readonly #random: Random;
  readonly #checks: Pick<Checks, 'has'>;
  /** SHA-256 over all that was encrypted for the guest, while more can be. */
  #digest: Hash | undefined;
  #asid = 0;
  #policy = 0;

  constructor(core: Core, random: Random, checks: Pick<Checks, 'has'>) {
    this.#core = core;
    this.#random = random;
    this.#checks = checks;
  }

  /** LAUNCH_START, and ACTIVATE: a new key for `asid`. SEV §6.2. */
  launchStart(asid: number, policy = 0): number {
    if (asid <= 0 || asid > MAX_ASID) return Status.INVALID_ASID;
    const key = this.#random.bytes(32);
    this.#core.setKey(asid, key.subarray(0, 16), key.subarray(16, 32));
    this.#asid = asid;
    this.#policy = policy;
    this.#digest = createHash('sha256');
    return Status.SUCCESS;
  }

  /**
   * LAUNCH_UPDATE_DATA or LAUNCH_UPDATE_VMSA: encrypts `length` bytes from `spa` on in place, and measures them;
   * not where they are. SEV §6.3.
   */
  launchUpdate(spa: number, length: number): number {
    if (!this.#digest) return Status.INVALID_GUEST_STATE;
    if (spa % BLOCK !== 0) return Status.INVALID_ADDRESS;
    if (length % BLOCK !== 0 || length <= 0) return Status.INVALID_LENGTH;
    if (spa < 0 || spa + length > this.#core.frames.count * PAGE) return Status.INVALID_ADDRESS;
    const bytes = this.#core.read(spa, length, 0);
    this.#digest.update(bytes);
    this.#core.write(spa, bytes, this.#asid);
    return Status.SUCCESS;
  }

  /** LAUNCH_MEASURE: the digest of what was encrypted; nothing can be added after. SEV §6.5. */
  launchMeasure(): Uint8Array | undefined {
    const digest = this.#digest?.digest();
    this.#digest = undefined;
    return digest && new Uint8Array(digest);
  }

  /** DBG_DECRYPT: `length` bytes of the guest's from `source` on go to `target` in the clear. SEV §7.1. */
  debugDecrypt(source: number, target: number, length: number): number {
    if (source % BLOCK !== 0 || target % BLOCK !== 0) return Status.INVALID_ADDRESS;
    if (length % BLOCK !== 0) return Status.INVALID_LENGTH;
    if (this.#asid === 0) return Status.INVALID_GUEST;
    const refused = (this.#policy & SEV_NODBG) !== 0;
    if (refused && this.#checks.has('debug-policy')) return Status.POLICY_FAILURE;
    this.#core.write(target, this.#core.read(source, length, this.#asid), 0);
    return Status.SUCCESS;
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const [asid, policy, digest] = [this.#asid, this.#policy, this.#digest?.copy()];
    return () => {
      this.#asid = asid;
      this.#policy = policy;
      this.#digest = digest?.copy();
    };
  }
}
