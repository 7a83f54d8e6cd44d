import { createHash } from 'node:crypto';
import * as Launch from '../../spec/launch.ts';
import { bytes as field, layout, u8, u16, u64, view } from '../../spec/layout.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { isMeasured, type LaunchPage } from './launch.ts';

/** What the digest is extended with for each page. SNP §8.17.2, PAGE_INFO. */
// biome-ignore format: a field a line
const PageInfo = layout('PageInfo', 0x70, {
  digest:     field(0x00, 48),
  contents:   field(0x30, 48),
  length:     u16(0x60),
  pageType:   u8(0x62),
  imiPage:    u8(0x63),
  vmpl1:      u8(0x65),
  vmpl2:      u8(0x66),
  vmpl3:      u8(0x67),
  gpa:        u64(0x68),
});

/**
 * The launch digest: 48 bytes that stand for `pages` in their order, under no permissions for
 * VMPL 1 to 3, as KVM launches. SNP §8.17.2.
 */
export function launchDigest(pages: Iterable<LaunchPage>): Uint8Array {
  let digest = new Uint8Array(48);
  for (const page of pages) {
    const bytes = new Uint8Array(PageInfo.size);
    const info = view(PageInfo, bytes);
    info.digest = digest;
    info.contents = contents(page);
    info.length = PageInfo.size;
    info.pageType = page.type;
    info.gpa = page.gpa;
    digest = sha384(bytes);
  }
  return digest;
}

function contents({ type, bytes }: LaunchPage): Uint8Array {
  if (!isMeasured(type)) return new Uint8Array(48);
  if (type !== Launch.VMSA) return sha384(bytes);
  // The AMD-SP sets these two itself, after LAUNCH_UPDATE, from what LAUNCH_START was told.
  const page = Uint8Array.from(bytes);
  const vmsa = view(Vmsa, page);
  vmsa.tscScale = 0n;
  vmsa.tscOffset = 0n;
  return sha384(page);
}

function sha384(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash('sha384').update(bytes).digest());
}
