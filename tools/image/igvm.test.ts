import { describe, expect, it } from 'vitest';
import * as Igvm from '../../spec/igvm.ts';
import * as Launch from '../../spec/launch.ts';
import { sizeOf, view } from '../../spec/layout.ts';
import { CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { IgvmNativeContext, IgvmPageData, IgvmVpContext } from '../../spec/layouts/igvm.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { writeIgvm } from './igvm.ts';
import { contentOf, launchOf, maskOf, readIgvm } from './igvm-reader.ts';
import { ZERO_PAGE } from './launch.ts';

const image = {
  pages: [
    { gpa: 0x10_0000, bytes: new Uint8Array(4096).fill(7) },
    { gpa: 0x10_1000, bytes: ZERO_PAGE },
  ],
  entry: 0x10_0020,
  cpuidPage: 0x10_4000,
  secretsPage: 0x10_5000,
  memoryMapPage: 0x10_6000,
  environmentPage: 0x10_7000,
  vpCountOffset: 4,
  sevFeatures: 1n,
};
const file = readIgvm(writeIgvm(image));

const contexts = file.headers
  .filter(({ type }) => type === Igvm.VP_CONTEXT)
  .map((header) => contentOf(IgvmVpContext, header));

const stateFor = (platform: number) => {
  const mask = maskOf(file, platform) ?? 0;
  const found = contexts.filter(({ compatibilityMask }) => compatibilityMask & mask);
  expect(found).toHaveLength(1);
  return { gpa: found[0]?.gpa, bytes: file.bytes.subarray(found[0]?.fileOffset) };
};

describe('an IGVM file of an image', () => {
  it('starts vCPU 0 on each platform, with one context each', () => {
    for (const platform of [Igvm.PLATFORM_SNP, Igvm.PLATFORM_SEV_ES]) {
      const { gpa, bytes } = stateFor(platform);
      expect(gpa).toBe(BigInt(Launch.VMSA_GPA));
      const state = view(Vmsa, bytes);
      expect(state).toMatchObject({ rip: 0x10_0020n, cr0: 0x31n, efer: 0x1000n, rflags: 2n });
      expect(state.sevFeatures).toBe(platform === Igvm.PLATFORM_SNP ? 1n : 0n);
      expect(state.cs).toMatchObject({ attributes: 0xc9b, limit: 0xffff_ffff, base: 0n });
      expect(state.ss).toMatchObject({ attributes: 0xc93, limit: 0xffff_ffff, base: 0n });
      expect(state.tr).toMatchObject({ attributes: 0x8b, limit: 0x67 });
    }
    for (const platform of [Igvm.PLATFORM_SEV, Igvm.PLATFORM_NATIVE]) {
      const { gpa, bytes } = stateFor(platform);
      expect(gpa).toBe(0n);
      expect(view(IgvmNativeContext, bytes)).toMatchObject({
        rip: 0x10_0020n,
        cr0: 0x11n,
        codeAttributes: 0xc09b,
        dataAttributes: 0xc093,
      });
      expect(bytes.subarray(IgvmNativeContext.size, 4096).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('sets in a VMSA only what QEMU lets a file set (target/i386/sev.c, check_vmsa_supported)', () => {
    const { fields } = Vmsa;
    const { es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr, efer, cr0, cr3, cr4, xcr0 } = fields;
    const { dr6, dr7, rax, rsp, rip, rflags, gPat, x87Fcw, mxcsr, sevFeatures } = fields;
    const allowed = [
      ...[es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr, efer, cr0, cr3, cr4, xcr0],
      ...[dr6, dr7, rax, rsp, rip, rflags, gPat, x87Fcw, mxcsr, sevFeatures],
    ];
    const page = Uint8Array.from(stateFor(Igvm.PLATFORM_SNP).bytes.subarray(0, 4096));
    for (const field of allowed) page.fill(0, field.offset, field.offset + sizeOf(field));
    expect(page).toEqual(ZERO_PAGE);
  });

  it('launches parameters, then CPUID and secrets, then the image, then the VMSA', () => {
    const pages = launchOf(file);
    expect(pages.map(({ gpa, type }) => [gpa, type])).toEqual([
      [0x10_6000n, Launch.UNMEASURED],
      [0x10_7000n, Launch.UNMEASURED],
      [0x10_4000n, Launch.CPUID],
      [0x10_5000n, Launch.SECRETS],
      [0x10_0000n, Launch.NORMAL],
      [0x10_1000n, Launch.NORMAL],
      [BigInt(Launch.VMSA_GPA), Launch.VMSA],
    ]);
    expect(pages[4]?.bytes).toEqual(image.pages[0]?.bytes);
  });

  it('asks for CPUID functions without answering them', () => {
    const page = view(CpuidPage, launchOf(file)[2]?.bytes ?? ZERO_PAGE);
    const asked = page.functions.slice(0, page.count);
    expect(asked.map(({ eaxIn }) => eaxIn)).toContain(0x8000_001f);
    expect(new Set(asked.map(({ eaxIn, ecxIn }) => `${eaxIn}.${ecxIn}`)).size).toBe(page.count);
    expect(asked.every(({ eax, ebx, ecx, edx }) => (eax | ebx | ecx | edx) === 0)).toBe(true);
  });

  it('keeps CPUID and secrets pages to SNP', () => {
    const snp = maskOf(file, Igvm.PLATFORM_SNP);
    const special = file.headers
      .filter(({ type }) => type === Igvm.PAGE_DATA)
      .map((header) => contentOf(IgvmPageData, header))
      .filter(({ dataType }) => dataType !== Igvm.DATA_NORMAL);
    expect(special.map(({ compatibilityMask }) => compatibilityMask)).toEqual([snp, snp]);
  });

  it('has no header that QEMU does not know, and every parameter before every page', () => {
    const types = file.headers.map(({ type }) => type);
    const known = [
      Igvm.SUPPORTED_PLATFORM,
      Igvm.GUEST_POLICY,
      Igvm.PARAMETER_AREA,
      Igvm.MEMORY_MAP,
      Igvm.VP_COUNT,
      Igvm.ENVIRONMENT_INFO,
      Igvm.PARAMETER_INSERT,
      Igvm.PAGE_DATA,
      Igvm.VP_CONTEXT,
    ];
    expect(types.filter((type) => !known.includes(type))).toEqual([]);
    expect(types.lastIndexOf(Igvm.PARAMETER_INSERT)).toBeLessThan(types.indexOf(Igvm.PAGE_DATA));
  });
});
