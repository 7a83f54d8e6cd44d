import { createHash } from 'node:crypto';

/** What a page contributes to the launch digest. SNP, PAGE_INFO. */
export interface MeasuredPage {
  /** Digest of the content, or zeros where the type has none. */
  readonly contents: Uint8Array;
  readonly type: number;
  readonly gpa: bigint;
  /** Rights of VMPL 1, 2 and 3. */
  readonly permissions: readonly [number, number, number];
}

export const DIGEST_SIZE = 48;
const PAGE_INFO_SIZE = 0x70;

export function sha384(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(bytes).digest());
}

/** The digest after `page`: SHA-384 of its PAGE_INFO, which holds the digest before. SNP, LAUNCH_UPDATE. */
export function extend(digest: Uint8Array, page: MeasuredPage): Uint8Array {
  const info = new Uint8Array(PAGE_INFO_SIZE);
  info.set(digest, 0x00);
  info.set(page.contents, 0x30);
  const data = new DataView(info.buffer);
  data.setUint16(0x60, PAGE_INFO_SIZE, true);
  data.setUint8(0x62, page.type);
  page.permissions.forEach((mask, i) => {
    data.setUint8(0x65 + i, mask);
  });
  data.setBigUint64(0x68, page.gpa, true);
  return sha384(info);
}
