/** Launches of OVMF by QEMU whose digests were published: what they put into the guest, page by page. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Launch from '../spec/launch.ts';
import { view } from '../spec/layout.ts';
import { Vmsa } from '../spec/layouts/vmsa.ts';
import { type LaunchPage, normalPages, PAGE_SIZE, ZERO_PAGE } from '../tools/image/launch.ts';
import { root } from '../tools/root.ts';

/** Where the vectors are, from the repository's root; they are not part of it. */
export const VECTORS = '../shared/vectors/measure';
const folder = join(root, VECTORS);

/** A launch of virtee/sev-snp-measure's tests. */
export interface PublishedLaunch {
  readonly ovmf: string;
  readonly vcpus: number;
  readonly kernel: boolean;
  readonly append?: string;
  readonly guestFeatures: string;
  readonly digest: string;
}

/** The published launches; none where the vectors are absent. */
export function publishedLaunches(): PublishedLaunch[] {
  const file = join(folder, 'qemu.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : [];
}

/** The pages of a published launch in QEMU's order: OVMF, its metadata, a VMSA for each vCPU. */
export function qemuLaunch(launch: PublishedLaunch): LaunchPage[] {
  const ovmf = readFileSync(join(folder, launch.ovmf));
  const features = BigInt(launch.guestFeatures);
  const vmsas = Array.from({ length: launch.vcpus }, (_, i) => ({
    gpa: BigInt(Launch.VMSA_GPA),
    type: Launch.VMSA,
    bytes: qemuVmsa(i === 0 ? 0xffff_fff0 : apResetEip(ovmf), features),
  }));
  return [
    ...normalPages(2 ** 32 - ovmf.length, ovmf),
    ...metadataPages(ovmf, launch.kernel ? (launch.append ?? '') : undefined),
    ...vmsas,
  ];
}

/**
 * The state in which QEMU starts OVMF: `resetEip` splits into CS base and RIP. EPYC-v4's signature
 * is in RDX. sev-snp-measure, vmsa.py.
 */
export function qemuVmsa(resetEip: number, sevFeatures: bigint): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const vmsa = view(Vmsa, page);
  for (const segment of [vmsa.es, vmsa.ss, vmsa.ds, vmsa.fs, vmsa.gs]) {
    Object.assign(segment, { attributes: 0x93, limit: 0xffff });
  }
  const base = BigInt(resetEip & ~0xffff) & 0xffff_0000n;
  Object.assign(vmsa.cs, { selector: 0xf000, attributes: 0x9b, limit: 0xffff, base });
  Object.assign(vmsa.gdtr, { limit: 0xffff });
  Object.assign(vmsa.idtr, { limit: 0xffff });
  Object.assign(vmsa.ldtr, { attributes: 0x82, limit: 0xffff });
  Object.assign(vmsa.tr, { attributes: 0x8b, limit: 0xffff });
  Object.assign(vmsa, {
    efer: 0x1000n,
    cr0: 0x10n,
    cr4: 0x40n,
    dr6: 0xffff0ff0n,
    dr7: 0x400n,
    rflags: 2n,
    rip: BigInt(resetEip & 0xffff),
    gPat: 0x0007040600070406n,
    rdx: 0x800f12n,
    xcr0: 1n,
    mxcsr: 0x1f80,
    x87Fcw: 0x37f,
    sevFeatures,
  });
  return page;
}

/** Data of the entry `guid` in OVMF's table at its end, which is read backwards. */
function ovmfEntry(ovmf: Buffer, guid: string): Buffer {
  const footer = ovmf.length - 32 - 18;
  let end = footer;
  const start = footer + 18 - ovmf.readUInt16LE(footer);
  while (end > start) {
    const length = ovmf.readUInt16LE(end - 18);
    if (ovmf.subarray(end - 16, end).equals(guidBytes(guid))) {
      return ovmf.subarray(end - length, end - 18);
    }
    end -= length;
  }
  throw new Error(`no ${guid} in OVMF's table`);
}

/** A GUID's first three groups are little-endian numbers. */
function guidBytes(guid: string): Buffer {
  const [a = '', b = '', c = '', d = '', e = ''] = guid.split('-');
  const little = [a, b, c].map((group) => Buffer.from(group, 'hex').reverse());
  return Buffer.concat([...little, Buffer.from(d + e, 'hex')]);
}

const apResetEip = (ovmf: Buffer) =>
  ovmfEntry(ovmf, '00f771de-1a7e-4fcb-890e-68c77e2fb44e').readUInt32LE(0);

/** The pages of OVMF's SEV metadata; QEMU launches a section without contents as ZERO. */
function metadataPages(ovmf: Buffer, commandLine: string | undefined): LaunchPage[] {
  const offset = ovmfEntry(ovmf, 'dc886566-984a-4798-a75e-5585a7bf67cc').readUInt32LE(0);
  const descriptor = ovmf.subarray(ovmf.length - offset);
  const pages: LaunchPage[] = [];
  for (let i = 0; i < descriptor.readUInt32LE(12); i++) {
    const base = descriptor.readUInt32LE(16 + i * 12);
    const size = descriptor.readUInt32LE(20 + i * 12);
    const type = descriptor.readUInt32LE(24 + i * 12);
    if (type === 0x10 && commandLine !== undefined) {
      pages.push(kernelHashes(ovmf, base, commandLine));
      continue;
    }
    const pageType = { 2: Launch.SECRETS, 3: Launch.CPUID }[type] ?? Launch.ZERO;
    for (let at = 0; at < size; at += PAGE_SIZE) {
      pages.push({ gpa: BigInt(base + at), type: pageType, bytes: ZERO_PAGE });
    }
  }
  return pages;
}

/** The page with the hashes of command line, (empty) initrd and (empty) kernel. QEMU sev.c. */
function kernelHashes(ovmf: Buffer, gpa: number, commandLine: string): LaunchPage {
  const sha256 = (data: string) => createHash('sha256').update(data).digest();
  const entry = (guid: string, data: Buffer) => {
    const length = Buffer.from([18 + data.length, 0]);
    return Buffer.concat([guidBytes(guid), length, data]);
  };
  const entries = Buffer.concat([
    entry('97d02dd8-bd20-4c94-aa78-e7714d36ab2a', sha256(`${commandLine}\0`)),
    entry('44baf731-3a2f-4bd7-9af1-41e29169781d', sha256('')),
    entry('4de79437-abd2-427f-b835-d5b172d2045b', sha256('')),
  ]);
  const table = entry('9438d606-4f22-4cc9-b479-a793d411fd21', entries);
  const base = ovmfEntry(ovmf, '7255371f-3a3b-4b04-927b-1da6efa8d454').readUInt32LE(0);
  const bytes = new Uint8Array(PAGE_SIZE);
  bytes.set(table, base & 0xfff);
  return { gpa: BigInt(gpa), type: Launch.NORMAL, bytes };
}
