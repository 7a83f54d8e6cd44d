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
  readonly hostData: Uint8Array;
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
  };
}
