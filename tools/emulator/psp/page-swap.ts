import { createCipheriv, createDecipheriv } from 'node:crypto';
import * as Launch from '../../../spec/launch.ts';
import { type View, view } from '../../../spec/layout.ts';
import { MetadataEntry } from '../../../spec/layouts/metadata-entry.ts';
import * as Status from '../../../spec/psp-status.ts';
import type { Checks } from '../checks.ts';
import type { Core, RmpEntry } from '../core.ts';
import type { GuestContext } from './guest-context.ts';
import { pageState } from './page-state.ts';

const PAGE = 4096;
const CIPHER = 'aes-256-gcm';
/** GPA that a metadata page's entry has. */
const NO_GFN = (1n << 52n) - 1n;
const LAST_IV = (1n << 64n) - 1n;

export interface SwapCommand {
  /** Frame of the guest context. */
  readonly context: number;
  /** Frame of the page that is swapped, and of the one that takes what comes of it. */
  readonly source: number;
  readonly target: number;
  /** System address of the metadata entry; 'root': the one in the guest context. */
  readonly metadata: number | 'root';
  /** SWAP_* of spec/launch.ts. */
  readonly type: number;
}

/** What the commands work with. */
export interface SwapParts {
  readonly core: Core;
  readonly checks: Pick<Checks, 'has'>;
}

/**
 * SNP_PAGE_SWAP_OUT of a 4 KiB page: its plaintext under the guest's offline key goes to `target`; the metadata
 * entry remembers number, tag, address and rights. SNP, PAGE_SWAP_OUT.
 */
export function swapOut(parts: SwapParts, context: GuestContext, command: SwapCommand): number {
  const { core } = parts;
  const { source, target, type } = command;
  const refusal = refusedEntry(core, command);
  if (refusal !== Status.SUCCESS) return refusal;
  const from = core.frames.rmp(source);
  const to = core.frames.rmp(target);
  if (from.huge || to.huge) return Status.INVALID_PAGE_SIZE;
  if (context.state === 'init') return Status.INVALID_GUEST_STATE;
  if (context.asid === 0) return Status.INACTIVE;
  const isMetadata = type === Launch.SWAP_METADATA;
  if (!isMetadata && type !== Launch.SWAP_DATA && type !== Launch.SWAP_VMSA) {
    return Status.INVALID_PAGE_STATE;
  }
  const wanted = isMetadata ? ['metadata'] : ['pre-swap', 'pre-guest'];
  if (!wanted.includes(pageState(from)) || pageState(to) !== 'firmware') {
    return Status.INVALID_PAGE_STATE;
  }
  const owner = isMetadata ? from.gfn === command.context : from.asid === context.asid;
  if (!owner) return Status.INVALID_PAGE_OWNER;
  if (context.swaps === LAST_IV) return Status.AEAD_OFLOW;

  const bytes = new Uint8Array(MetadataEntry.size);
  const entry = view(MetadataEntry, bytes);
  entry.iv = context.swaps++;
  entry.valid = 1n;
  entry.metadata = isMetadata ? 1n : 0n;
  entry.vmsa = type === Launch.SWAP_VMSA ? 1n : 0n;
  entry.gfn = isMetadata ? NO_GFN : BigInt(from.gfn);
  entry.pageValidated = from.validated ? 1n : 0n;
  if (!isMetadata) entry.permissions = packPermissions(from.permissions);
  const plaintext = core.read(source * PAGE, PAGE, isMetadata ? 0 : context.asid);
  const cipher = createCipheriv(CIPHER, context.offlineKey, ivOf(entry));
  core.write(target * PAGE, new Uint8Array(cipher.update(plaintext)), 0);
  cipher.final();
  entry.tag.set(cipher.getAuthTag());
  const left = isMetadata ? { gfn: 0, vmsa: false } : { validated: false };
  core.frames.setRmp(source, { ...from, ...left });
  writeEntry(core, context, command, bytes);
  return Status.SUCCESS;
}

/**
 * SNP_PAGE_SWAP_IN of a 4 KiB page: what was swapped out to `source` becomes the guest's page in `target` again,
 * where it was and with the rights that it had, and the metadata entry is used up. SNP, PAGE_SWAP_IN.
 */
export function swapIn(parts: SwapParts, context: GuestContext, command: SwapCommand): number {
  const { core, checks } = parts;
  const { source, target, type } = command;
  const refusal = refusedEntry(core, command);
  if (refusal !== Status.SUCCESS) return refusal;
  if (context.state === 'init') return Status.INVALID_GUEST_STATE;
  if (context.asid === 0) return Status.INACTIVE;
  const bytes = readEntry(core, context, command);
  const entry = view(MetadataEntry, bytes);
  const unused = entry.valid === 1n || !checks.has('swap-entry');
  if (typeOf(entry) !== type || !unused) return Status.INVALID_MDATA_ENTRY;
  const to = core.frames.rmp(target);
  if (core.frames.rmp(source).huge || to.huge || entry.huge !== 0n) {
    return Status.INVALID_PAGE_SIZE;
  }
  const isMetadata = type === Launch.SWAP_METADATA;
  if (pageState(to) !== (isMetadata ? 'firmware' : 'pre-guest')) return Status.INVALID_PAGE_STATE;
  if (!isMetadata && to.asid !== context.asid) return Status.INVALID_PAGE_OWNER;

  const decipher = createDecipheriv(CIPHER, context.offlineKey, ivOf(entry));
  decipher.setAuthTag(entry.tag);
  const plaintext = new Uint8Array(decipher.update(core.read(source * PAGE, PAGE, 0)));
  try {
    decipher.final();
  } catch {
    if (checks.has('swap-authentication')) return Status.BAD_MEASUREMENT;
  }
  core.write(target * PAGE, plaintext, isMetadata ? 0 : context.asid);
  entry.valid = 0n;
  core.frames.setRmp(target, isMetadata ? { ...to, gfn: command.context } : restored(to, entry));
  writeEntry(core, context, command, bytes);
  return Status.SUCCESS;
}

function restored(to: RmpEntry, entry: View<typeof MetadataEntry>): RmpEntry {
  return {
    ...to,
    gfn: Number(entry.gfn),
    vmsa: entry.vmsa === 1n,
    validated: entry.pageValidated === 1n,
    permissions: unpackPermissions(entry.permissions),
  };
}

/** Whether the metadata entry lies where one of this guest's can lie. */
function refusedEntry(core: Core, command: SwapCommand): number {
  const { metadata, source, target, context } = command;
  const { frames } = core;
  const frame = metadata === 'root' ? context : Math.floor(metadata / PAGE);
  if ([source, target, frame].some((at) => at < 0 || at >= frames.count)) {
    return Status.INVALID_ADDRESS;
  }
  if (metadata === 'root') return Status.SUCCESS;
  if (metadata % MetadataEntry.size !== 0) return Status.INVALID_PARAM;
  if (frame === source || frame === target) return Status.INVALID_PARAM;
  const page = frames.rmp(frame);
  if (pageState(page) !== 'metadata') return Status.INVALID_PAGE_STATE;
  return page.gfn === context ? Status.SUCCESS : Status.INVALID_PAGE_OWNER;
}

/** PAGE_TYPE of what an entry is about; undefined where no page is both. */
function typeOf(entry: View<typeof MetadataEntry>): number | undefined {
  if (entry.metadata === 1n) return entry.vmsa === 0n ? Launch.SWAP_METADATA : undefined;
  return entry.vmsa === 1n ? Launch.SWAP_VMSA : Launch.SWAP_DATA;
}

function readEntry(core: Core, context: GuestContext, { metadata }: SwapCommand): Uint8Array {
  if (metadata === 'root') return context.rootEntry.slice();
  return core.read(metadata, MetadataEntry.size, 0);
}

function writeEntry(
  core: Core,
  context: GuestContext,
  { metadata }: SwapCommand,
  bytes: Uint8Array,
): void {
  if (metadata === 'root') context.rootEntry = bytes;
  else core.write(metadata, bytes, 0);
}

function ivOf({ iv }: View<typeof MetadataEntry>): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, iv, true);
  return bytes;
}

function packPermissions(permissions: RmpEntry['permissions']): bigint {
  return permissions.reduce((all, mask, vmpl) => all | (BigInt(mask) << BigInt(8 * vmpl)), 0n);
}

function unpackPermissions(packed: bigint): RmpEntry['permissions'] {
  const mask = (vmpl: number) => Number((packed >> BigInt(8 * vmpl)) & 0xffn);
  return [mask(0), mask(1), mask(2), mask(3)];
}
