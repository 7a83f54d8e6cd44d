import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as Launch from '../../spec/launch.ts';
import { view } from '../../spec/layout.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { root } from '../root.ts';
import { type LaunchPage, normalPages, PAGE_SIZE, ZERO_PAGE } from './launch.ts';
import { launchDigest } from './measure.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const vmsaGpa = BigInt(Launch.VMSA_GPA);

/**
 * The state in which QEMU starts OVMF: `resetEip` splits into CS base and RIP. EPYC-v4's signature
 * is in RDX. sev-snp-measure, vmsa.py.
 */
function qemuVmsa(resetEip: number, sevFeatures: bigint): Uint8Array {
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

describe('launchDigest', () => {
  // Computed with sev-snp-measure's GCTX, one page after the other.
  it('agrees with sev-snp-measure after each type of page', () => {
    const zero = (type: number, gpa: bigint): LaunchPage => ({ gpa, type, bytes: ZERO_PAGE });
    const vmsa = qemuVmsa(0xffff_fff0, 1n);
    expect(createHash('sha384').update(vmsa).digest('hex')).toBe(
      '77920c4c629ff47e90c0e174fc1ad0eb6fa664f88cd4739488058a8c6cb1a77b3856f55378e9518d0da99452d51c553a',
    );
    const pages = [
      zero(Launch.NORMAL, 0x0n),
      zero(Launch.ZERO, 0x1000n),
      zero(Launch.SECRETS, 0x2000n),
      zero(Launch.CPUID, 0x3000n),
      zero(Launch.UNMEASURED, 0x4000n),
      { gpa: vmsaGpa, type: Launch.VMSA, bytes: vmsa },
    ];
    const digests = pages.map((_, last) => hex(launchDigest(pages.slice(0, last + 1))));
    expect(digests).toEqual([
      '9d13634b6014bb21cf059b2dc694e7bff01a8a7137041100cd2b695f3d10fb687267b97808b27f8f471d943bc6f53a20',
      '3bb77aec4f0d90c147b6b7884b6bd5741994d2575305f89639c95186690d949261186702ef51f2fa7c0dd4c90f03ebfd',
      '0a38dc4cdc203b86ee6a64ab9f7bcc0c1e0fa47144e1e4d6fad2ce24573ef7e100d1b91f1869bcea9cd1e3dffd42a075',
      '3bbf34c2d07995525f1135e5fd8fa00fa052f455911c6484ffbb3bbb0b64efa29f7d1bc9077fe600a08375e1097438a4',
      'f33914b2b834895a05826067e93d3464b86c42f7ff2dacf165081dca9b15d2ec0b27d0d4cf3f6416465005f922f565b7',
      'a7202e8d2655614c0b757401d8fa268b4a384c56ded0d790f70fb4e168d8d875cc299bb0e69d9562bd4e7b94d3dc25ec',
    ]);
  });

  it('starts from 48 zeros', () => {
    expect(hex(launchDigest([]))).toBe('00'.repeat(48));
  });

  it('leaves out what the AMD-SP writes into a VMSA', () => {
    const scaled = qemuVmsa(0xffff_fff0, 1n);
    view(Vmsa, scaled).tscScale = 0x1_0000_0000n;
    view(Vmsa, scaled).tscOffset = 5n;
    const page = (bytes: Uint8Array) => ({ gpa: vmsaGpa, type: Launch.VMSA, bytes });
    expect(launchDigest([page(scaled)])).toEqual(launchDigest([page(qemuVmsa(0xffff_fff0, 1n))]));
  });
});

interface Published {
  readonly ovmf: string;
  readonly vcpus: number;
  readonly kernel: boolean;
  readonly append?: string;
  readonly guestFeatures: string;
  readonly digest: string;
}

const vectors = join(root, '../shared/vectors/measure');

describe.skipIf(!existsSync(vectors))('the published digests (../shared/vectors/measure)', () => {
  const { cases }: { cases: Published[] } = existsSync(vectors)
    ? JSON.parse(readFileSync(join(vectors, 'qemu.json'), 'utf8'))
    : { cases: [] };

  it.each(cases)(
    '$ovmf with $vcpus vCPUs, kernel $kernel, features $guestFeatures',
    (published) => {
      const ovmf = readFileSync(join(vectors, published.ovmf));
      const features = BigInt(published.guestFeatures);
      const vmsas = Array.from({ length: published.vcpus }, (_, i) => ({
        gpa: vmsaGpa,
        type: Launch.VMSA,
        bytes: qemuVmsa(i === 0 ? 0xffff_fff0 : apResetEip(ovmf), features),
      }));
      const pages = [
        ...normalPages(2 ** 32 - ovmf.length, ovmf),
        ...metadataPages(ovmf, published.kernel ? (published.append ?? '') : undefined),
        ...vmsas,
      ];
      expect(hex(launchDigest(pages))).toBe(published.digest);
    },
  );
});

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
