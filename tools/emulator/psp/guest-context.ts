import { MetadataEntry } from '../../../spec/layouts/metadata-entry.ts';
import type { KnownIdentity } from './id-block.ts';
import { DIGEST_SIZE } from './launch-digest.ts';

export type GuestState = 'init' | 'launch' | 'running';

/** What the AMD-SP remembers of a guest, in a page that nobody else can write. SNP, GCTX. */
export interface GuestContext {
  state: GuestState;
  asid: number;
  policy: bigint;
  /** Key and tweak key of the guest's memory. */
  readonly memoryKey: Uint8Array;
  /** Communication keys of VMPL 0 to 3; zeros until the launch starts. */
  vmpcks: Uint8Array[];
  digest: Uint8Array;
  /** Messages exchanged under each communication key. */
  readonly messages: bigint[];
  /** Names the guest in reports, from its launch to its end. */
  reportId: Uint8Array;
  /** Root of derived keys that no chip is part of. */
  vmrk: Uint8Array;
  /** GUEST_TSC_SCALE and offset of a guest with a secure TSC. APM2 §15.36.18. */
  tscScale: bigint;
  tscOffset: bigint;
  hostData: Uint8Array;
  /** What the owner's ID block says, where the launch had one. */
  identity: KnownIdentity | undefined;
  /** Key of pages that are swapped out, how many were, and the entry of the one that lies in no metadata page. */
  offlineKey: Uint8Array;
  swaps: bigint;
  rootEntry: Uint8Array;
}

export function newContext(memoryKey: Uint8Array): GuestContext {
  return {
    state: 'init',
    asid: 0,
    policy: 0n,
    memoryKey,
    vmpcks: [],
    digest: new Uint8Array(DIGEST_SIZE),
    messages: [0n, 0n, 0n, 0n],
    reportId: new Uint8Array(32),
    vmrk: new Uint8Array(32),
    tscScale: 0n,
    tscOffset: 0n,
    hostData: new Uint8Array(32),
    identity: undefined,
    offlineKey: new Uint8Array(32),
    swaps: 0n,
    rootEntry: new Uint8Array(MetadataEntry.size),
  };
}
