import * as Launch from '../../../spec/launch.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import { DEBUG } from '../../../spec/policy.ts';
import * as Status from '../../../spec/psp-status.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import { Checks } from '../checks.ts';
import type { Core } from '../core.ts';
import { MAX_ASID } from '../cpuid/model.ts';
import type { Random } from '../random.ts';
import { applyProtection } from '../vcpu/register-protection.ts';
import { tscScale } from '../vcpu/secure-tsc.ts';
import { sanitizeCpuidPage } from './cpuid-page.ts';
import { type GuestContext, newContext } from './guest-context.ts';
import { checkIdentity, type Identity } from './id-block.ts';
import { DIGEST_SIZE, extend, sha384 } from './launch-digest.ts';
import { exchange } from './messages.ts';
import { pageState } from './page-state.ts';
import { type SwapCommand, swapIn, swapOut } from './page-swap.ts';
import { refusedPolicy } from './policy.ts';
import { secretsPage } from './secrets.ts';
import { SevFirmware } from './sev-launch.ts';

const PAGE = 4096;
const PAGES_2M = 512;

export interface LaunchUpdate {
  /** Frame of the guest context. */
  readonly context: number;
  /** First frame of the page. */
  readonly frame: number;
  readonly huge: boolean;
  /** PAGE_TYPE, spec/launch.ts. */
  readonly type: number;
  /** Rights of VMPL 1, 2 and 3. */
  readonly permissions?: readonly [number, number, number];
}

/**
 * The AMD Secure Processor: it alone knows the guests' keys. Each command answers with a status of
 * spec/psp-status.ts and takes frames of system memory, as the mailbox takes their addresses.
 */
export class Psp {
  readonly #core: Core;
  readonly #checks: Checks;
  readonly #random: Random;
  readonly #bring: (frame: number) => void;
  readonly #contexts = new Map<number, GuestContext>();
  /** What is done for a guest before SNP. */
  readonly sev: SevFirmware;

  /** `bring` is to have a frame hold what its processor knows of it, before the AMD-SP reads it. */
  constructor(
    core: Core,
    random: Random,
    checks = new Checks(core),
    bring: (frame: number) => void = () => {},
  ) {
    this.#core = core;
    this.#checks = checks;
    this.#random = random;
    this.#bring = bring;
    this.sev = new SevFirmware(core, random, checks);
  }

  /** The context in `frame`, for tests and for what else is the firmware's own. */
  context(frame: number): GuestContext | undefined {
    return this.#contexts.get(frame);
  }

  /** SNP_GCTX_CREATE: makes a guest context of a firmware page. SNP, GCTX_CREATE. */
  createContext(frame: number): number {
    const entry = this.#core.frames.rmp(frame);
    if (pageState(entry) !== 'firmware') return Status.INVALID_PAGE_STATE;
    this.#contexts.set(frame, newContext(this.#random.bytes(32)));
    this.#core.frames.setRmp(frame, { ...entry, vmsa: true });
    return Status.SUCCESS;
  }

  /**
   * SNP_LAUNCH_START: fixes the policy and makes the guest's keys; `tscKhz` is what a secure time stamp
   * counter is to run at. SNP, LAUNCH_START.
   */
  launchStart(frame: number, policy: bigint, tscKhz = 0): number {
    const context = this.#valid(frame);
    if (!context) return Status.INVALID_GUEST;
    if (context.state !== 'init') return Status.INVALID_GUEST_STATE;
    if (refusedPolicy(policy) !== undefined) return Status.POLICY_FAILURE;
    context.policy = policy;
    context.vmpcks = [0, 1, 2, 3].map(() => this.#random.bytes(32));
    context.reportId = this.#random.bytes(32);
    context.vmrk = this.#random.bytes(32);
    context.offlineKey = this.#random.bytes(32);
    context.tscScale = tscScale(tscKhz);
    context.state = 'launch';
    return Status.SUCCESS;
  }

  /**
   * SNP_ACTIVATE: binds the guest to an ASID, under which its key is installed. No pages may be left under it. The
   * guest cannot run before its launch is finished: {@link runs}. SNP, ACTIVATE.
   */
  activate(frame: number, asid: number): number {
    const context = this.#valid(frame);
    if (!context) return Status.INVALID_GUEST;
    if (context.state === 'init') return Status.INVALID_GUEST_STATE;
    const owned = asid > 0 && this.#core.frames.ownedBy(asid);
    if (owned && this.#checks.has('asid-pages')) return Status.INVALID_CONFIG;
    if (asid <= 0 || asid > MAX_ASID) return Status.INVALID_ASID;
    for (const other of this.#contexts.values()) if (other.asid === asid) return Status.ASID_OWNED;
    if (context.asid !== 0) return Status.ACTIVE;
    context.asid = asid;
    this.#install(asid, context.memoryKey);
    return Status.SUCCESS;
  }

  /**
   * Whether processors take `asid` for a guest's to run: from LAUNCH_FINISH, or ACTIVATE of a guest that runs, up to
   * DECOMMISSION. SNP, ACTIVATE and LAUNCH_FINISH.
   */
  runs(asid: number): boolean {
    for (const context of this.#contexts.values()) {
      if (context.asid === asid && context.state === 'running') return true;
    }
    return false;
  }

  /** SNP_LAUNCH_UPDATE: encrypts a page in place and measures it. SNP, LAUNCH_UPDATE. */
  launchUpdate(update: LaunchUpdate): number {
    const context = this.#valid(update.context);
    if (!context) return Status.INVALID_GUEST;
    const refusal = this.#refusedPage(context, update);
    if (refusal !== Status.SUCCESS) return refusal;
    const entry = this.#core.frames.rmp(update.frame);
    const permissions = update.permissions ?? [0, 0, 0];
    const count = update.huge ? PAGES_2M : 1;
    for (let i = 0; i < count; i++) {
      const taken = this.#take(context, update.type, update.frame + i);
      if (!taken) return Status.INVALID_PARAM;
      const contents = this.#checks.has('launch-content') ? taken : new Uint8Array(DIGEST_SIZE);
      const place = this.#checks.has('launch-place') ? entry.gfn + i : 0;
      const gpa = BigInt(place) * BigInt(PAGE);
      const type = this.#checks.has('launch-type') ? update.type : Launch.NORMAL;
      if (!this.#checks.has('launch-page')) continue;
      context.digest = extend(context.digest, { contents, type, gpa, permissions });
    }
    this.#core.frames.setRmp(update.frame, {
      ...entry,
      immutable: false,
      validated: true,
      vmsa: update.type === Launch.VMSA,
      permissions: [entry.permissions[0], ...permissions],
    });
    return Status.SUCCESS;
  }

  /**
   * SNP_LAUNCH_FINISH: the guest may run from now on, if the launch came to what its owner's `identity` says.
   * SNP, LAUNCH_FINISH.
   */
  launchFinish(frame: number, identity?: Identity, hostData?: Uint8Array): number {
    const context = this.#valid(frame);
    if (!context) return Status.INVALID_GUEST;
    if (context.state !== 'launch') return Status.INVALID_GUEST_STATE;
    if (context.asid === 0) return Status.INACTIVE;
    if (identity) {
      const { status, known } = checkIdentity(context, identity);
      if (status !== Status.SUCCESS && this.#checks.has('id-block')) return status;
      context.identity = known;
    }
    if (hostData) context.hostData = hostData.slice();
    context.state = 'running';
    return Status.SUCCESS;
  }

  /**
   * SNP_GUEST_REQUEST: takes the guest's message up and puts the answer into a firmware page. SNP,
   * SNP_GUEST_REQUEST.
   */
  guestRequest(frame: number, request: number, response: number): number {
    const context = this.#valid(frame);
    if (!context) return Status.INVALID_GUEST;
    const { frames } = this.#core;
    if ([request, response].some((at) => at < 0 || at >= frames.count)) {
      return Status.INVALID_ADDRESS;
    }
    if (pageState(frames.rmp(response)) !== 'firmware') return Status.INVALID_PAGE_STATE;
    if (context.state !== 'running') return Status.INVALID_GUEST_STATE;
    const page = this.#core.read(request * PAGE, PAGE, 0);
    const result = exchange(context, page, this.#checks);
    if (result.response) this.#core.write(response * PAGE, result.response, 0);
    return result.status;
  }

  /**
   * SNP_PAGE_RECLAIM: gives a page that is the firmware's back to who can RMPUPDATE it, and one that it held for a
   * guest back to that. A page that it does not hold stays as it is. SNP, PAGE_RECLAIM.
   */
  pageReclaim(frame: number, huge = false): number {
    if (frame < 0 || frame >= this.#core.frames.count) return Status.INVALID_ADDRESS;
    const entry = this.#core.frames.rmp(frame);
    if (entry.huge !== huge) return Status.INVALID_PAGE_SIZE;
    if (huge && frame % PAGES_2M !== 0) return Status.INVALID_ADDRESS;
    if (!entry.immutable) return Status.SUCCESS;
    if (!RECLAIMABLE.includes(pageState(entry))) return Status.INVALID_PAGE_STATE;
    this.#core.frames.setRmp(frame, { ...entry, immutable: false });
    return Status.SUCCESS;
  }

  /**
   * SNP_DBG_DECRYPT: puts the guest's page in `source` decrypted into the firmware page `target`, where the
   * guest's policy has it so. SNP, SNP_DBG_DECRYPT.
   */
  debugDecrypt(frame: number, source: number, target: number): number {
    const context = this.#valid(frame);
    if (!context) return Status.INVALID_GUEST;
    const { frames } = this.#core;
    if ([source, target].some((at) => at < 0 || at >= frames.count)) return Status.INVALID_ADDRESS;
    const entry = frames.rmp(source);
    if (!GUEST_PAGES.includes(pageState(entry))) return Status.INVALID_PAGE_STATE;
    if (pageState(frames.rmp(target)) !== 'firmware') return Status.INVALID_PAGE_STATE;
    if (entry.asid !== context.asid) return Status.INVALID_PAGE_OWNER;
    const debug = (context.policy & BigInt(DEBUG)) !== 0n;
    if (!debug && this.#checks.has('debug-policy')) return Status.POLICY_FAILURE;
    if (context.asid === 0) return Status.INACTIVE;
    this.#bring(source);
    const page = this.#core.read(source * PAGE, PAGE, context.asid);
    this.#core.write(target * PAGE, entry.vmsa ? applyProtection(page) : page, 0);
    return Status.SUCCESS;
  }

  /** SNP_PAGE_MD_INIT: makes a metadata page of the guest's of a firmware page. SNP, PAGE_MD_INIT. */
  metadataInit(frame: number, page: number): number {
    const context = this.#valid(frame);
    if (!context) return Status.INVALID_GUEST;
    if (page < 0 || page >= this.#core.frames.count) return Status.INVALID_ADDRESS;
    const entry = this.#core.frames.rmp(page);
    if (pageState(entry) !== 'firmware') return Status.INVALID_PAGE_STATE;
    if (context.state === 'init') return Status.INVALID_GUEST_STATE;
    this.#core.write(page * PAGE, new Uint8Array(PAGE), 0);
    this.#core.frames.setRmp(page, { ...entry, gfn: frame });
    return Status.SUCCESS;
  }

  /** SNP_PAGE_SWAP_OUT: {@link swapOut}. */
  swapOut(command: SwapCommand): number {
    const context = this.#valid(command.context);
    if (!context) return Status.INVALID_GUEST;
    return swapOut({ core: this.#core, checks: this.#checks }, context, command);
  }

  /** SNP_PAGE_SWAP_IN: {@link swapIn}. */
  swapIn(command: SwapCommand): number {
    const context = this.#valid(command.context);
    if (!context) return Status.INVALID_GUEST;
    return swapIn({ core: this.#core, checks: this.#checks }, context, command);
  }

  /** SNP_DECOMMISSION: ends a guest; its context is an ordinary firmware page again. SNP, DECOMMISSION. */
  decommission(frame: number): number {
    if (!this.#valid(frame)) return Status.INVALID_GUEST;
    this.#contexts.delete(frame);
    this.#core.frames.setRmp(frame, { ...this.#core.frames.rmp(frame), vmsa: false });
    return Status.SUCCESS;
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const contexts = [...this.#contexts].map(([frame, context]) => [frame, copy(context)] as const);
    const random = this.#random.snapshot();
    const sev = this.sev.snapshot();
    return () => {
      this.#contexts.clear();
      for (const [frame, context] of contexts) this.#contexts.set(frame, copy(context));
      random();
      sev();
    };
  }

  #valid(frame: number): GuestContext | undefined {
    if (frame < 0 || frame >= this.#core.frames.count) return undefined;
    const isContext = pageState(this.#core.frames.rmp(frame)) === 'context';
    return isContext ? this.#contexts.get(frame) : undefined;
  }

  /** A VMSA with what the features it asks for need: the counter's scale, a nonce. APM2 §15.36.18, §15.36.20. */
  #protect(context: GuestContext, page: Uint8Array): Uint8Array {
    const save = view(Vmsa, page);
    const has = (feature: bigint | number) =>
      (save.sevFeatures & (BigInt(feature) >> BigInt(SevStatus.FEATURES_SHIFT))) !== 0n;
    if (has(SevStatus.SECURE_TSC)) {
      Object.assign(save, { tscScale: context.tscScale, tscOffset: context.tscOffset });
    }
    if (!has(SevStatus.VMSA_REG_PROT)) return page;
    const nonce = this.#random.bytes(8);
    save.regProtNonce = new DataView(nonce.buffer).getBigUint64(0, true);
    return applyProtection(page);
  }

  #install(asid: number, key: Uint8Array): void {
    this.#core.setKey(asid, key.subarray(0, 16), key.subarray(16, 32));
  }

  /** The checks of LAUNCH_UPDATE, in the firmware's order. */
  #refusedPage(context: GuestContext, update: LaunchUpdate): number {
    const { frame, huge, type } = update;
    if (frame < 0 || frame >= this.#core.frames.count) return Status.INVALID_ADDRESS;
    const entry = this.#core.frames.rmp(frame);
    if (pageState(entry) !== 'pre-guest') return Status.INVALID_PAGE_STATE;
    if (entry.huge !== huge) return Status.INVALID_PAGE_SIZE;
    if (huge && frame % PAGES_2M !== 0) return Status.INVALID_ADDRESS;
    if (type < Launch.NORMAL || type > Launch.CPUID) return Status.INVALID_PARAM;
    if (huge && SMALL_TYPES.includes(type)) return Status.INVALID_PAGE_SIZE;
    if (context.state !== 'launch') return Status.INVALID_GUEST_STATE;
    if (context.asid === 0) return Status.INACTIVE;
    if (entry.asid !== context.asid) return Status.INVALID_PAGE_OWNER;
    return Status.SUCCESS;
  }

  /**
   * Makes the 4 KiB in `frame` the guest's, and gives the digest of what they hold. Undefined: the
   * hypervisor's CPUID page is no truth, and lies corrected and unencrypted in the frame.
   */
  #take(context: GuestContext, type: number, frame: number): Uint8Array | undefined {
    const spa = frame * PAGE;
    let bytes = this.#core.read(spa, PAGE, 0);
    let contents: Uint8Array = new Uint8Array(DIGEST_SIZE);
    switch (type) {
      case Launch.NORMAL:
        contents = sha384(bytes);
        break;
      case Launch.VMSA: {
        const measured = bytes.slice();
        Object.assign(view(Vmsa, measured), { tscScale: 0n, tscOffset: 0n });
        contents = sha384(measured);
        bytes = this.#protect(context, bytes);
        break;
      }
      case Launch.ZERO:
        bytes = new Uint8Array(PAGE);
        break;
      case Launch.SECRETS:
        bytes = secretsPage(context);
        break;
      case Launch.CPUID:
        if (this.#checks.has('cpuid-page') && !sanitizeCpuidPage(bytes)) {
          this.#core.write(spa, bytes, 0);
          return undefined;
        }
        break;
    }
    this.#core.write(spa, bytes, context.asid);
    return contents;
  }
}

/** A context that shares nothing with `context` that either could change. */
function copy(context: GuestContext): GuestContext {
  return {
    ...context,
    vmpcks: [...context.vmpcks],
    messages: [...context.messages],
    rootEntry: context.rootEntry.slice(),
  };
}

/** States of pages that hold a guest's bytes. SNP, page states. */
const GUEST_PAGES: readonly string[] = ['pre-guest', 'pre-swap', 'guest-invalid', 'guest-valid'];
/** States of pages that a host can have back. SNP, PAGE_RECLAIM. */
const RECLAIMABLE: readonly string[] = ['firmware', 'metadata', 'pre-guest', 'pre-swap'];
/** Types of page that are never 2 MiB. SNP, LAUNCH_UPDATE. */
const SMALL_TYPES: readonly number[] = [Launch.VMSA, Launch.SECRETS, Launch.CPUID];
