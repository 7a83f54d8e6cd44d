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
}

export function newContext(memoryKey: Uint8Array): GuestContext {
  return {
    state: 'init',
    asid: 0,
    policy: 0n,
    memoryKey,
    vmpcks: [],
    digest: new Uint8Array(DIGEST_SIZE),
  };
}
