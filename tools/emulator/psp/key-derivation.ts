import { createHmac } from 'node:crypto';

const LABEL = Buffer.from('gmsg-keyreq', 'ascii');
const KEY_BITS = 256;

/** What a derived key may depend on. SNP, MSG_KEY_REQ. */
export interface KeyMix {
  /** Bit 0: the root is the VMRK; bits 2:1 the ID block's key. */
  readonly root: number;
  /** Which of the fields below from `guestSvn` to `measurement` are mixed in. */
  readonly fields: bigint;
  readonly vmpl: number;
  readonly guestSvn: number;
  readonly tcb: bigint;
  readonly policy: bigint;
  readonly imageId: Uint8Array;
  readonly familyId: Uint8Array;
  /** Of its 48 bytes the firmware mixes 32 in. */
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  /** Digest of the key that the ID block goes back to, of which 32 bytes are mixed in; zeros if there is none. */
  readonly keyDigest: Uint8Array;
}

/** GUEST_FIELD_SELECT. SNP, MSG_KEY_REQ. */
export const FIELD_POLICY = 0x01n;
export const FIELD_IMAGE_ID = 0x02n;
export const FIELD_FAMILY_ID = 0x04n;
export const FIELD_MEASUREMENT = 0x08n;
export const FIELD_GUEST_SVN = 0x10n;
export const FIELD_TCB = 0x20n;
export const FIELDS_ALL = 0x3fn;

const MIX_SIZE = 168;

/** A key of 32 bytes from `root`: SP800-108 in counter mode with HMAC-SHA-256. SNP, MSG_KEY_REQ. */
export function deriveKey(root: Uint8Array, mix: KeyMix): Uint8Array {
  const counter = Buffer.alloc(4);
  counter.writeUInt32LE(1);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(KEY_BITS);
  const mac = createHmac('sha256', root);
  for (const part of [counter, LABEL, Buffer.of(0), context(mix), length]) mac.update(part);
  return new Uint8Array(mac.digest());
}

function context(mix: KeyMix): Uint8Array {
  const bytes = new Uint8Array(MIX_SIZE);
  const data = new DataView(bytes.buffer);
  const has = (field: bigint) => (mix.fields & field) !== 0n;
  data.setUint32(0x00, mix.root, true);
  data.setBigUint64(0x08, mix.fields, true);
  data.setUint32(0x10, mix.vmpl, true);
  if (has(FIELD_GUEST_SVN)) data.setUint32(0x14, mix.guestSvn, true);
  if (has(FIELD_TCB)) data.setBigUint64(0x18, mix.tcb, true);
  if (has(FIELD_POLICY)) data.setBigUint64(0x20, mix.policy, true);
  if (has(FIELD_IMAGE_ID)) bytes.set(mix.imageId, 0x28);
  if (has(FIELD_FAMILY_ID)) bytes.set(mix.familyId, 0x38);
  if (has(FIELD_MEASUREMENT)) bytes.set(mix.measurement.subarray(0, 32), 0x48);
  bytes.set(mix.hostData, 0x68);
  bytes.set(mix.keyDigest.subarray(0, 32), 0x88);
  return bytes;
}
