import * as Launch from '../../spec/launch.ts';

/**
 * A page that the launch puts into guest memory, in the terms of the AMD-SP's LAUNCH_UPDATE.
 * The launch as a list of these is what makes the digest, and what a loader carries out.
 */
export interface LaunchPage {
  /** A multiple of 4096. */
  readonly gpa: bigint;
  /** spec/launch.ts. */
  readonly type: number;
  /** 4096 bytes; those of types other than NORMAL and VMSA do not enter the digest. */
  readonly bytes: Uint8Array;
}

export const PAGE_SIZE = 4096;

/** A page of zeros. */
export const ZERO_PAGE: Uint8Array = new Uint8Array(PAGE_SIZE);

/** Whether the bytes of a page of this type enter the digest. SNP §8.17.2. */
export function isMeasured(type: number): boolean {
  return type === Launch.NORMAL || type === Launch.VMSA;
}

/** Cuts `bytes` into NORMAL pages from `gpa` on, the last one filled up with zeros. */
export function normalPages(gpa: number, bytes: Uint8Array): LaunchPage[] {
  const pages: LaunchPage[] = [];
  for (let offset = 0; offset < bytes.length; offset += PAGE_SIZE) {
    const page = new Uint8Array(PAGE_SIZE);
    page.set(bytes.subarray(offset, offset + PAGE_SIZE));
    pages.push({ gpa: BigInt(gpa + offset), type: Launch.NORMAL, bytes: page });
  }
  return pages;
}
