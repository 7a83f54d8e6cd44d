import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Launch from '../../spec/launch.ts';
import { view } from '../../spec/layout.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { publishedLaunches, qemuLaunch, qemuVmsa, VECTORS } from '../../test/qemu-launch.ts';
import { type LaunchPage, ZERO_PAGE } from './launch.ts';
import { launchDigest } from './measure.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const vmsaGpa = BigInt(Launch.VMSA_GPA);
const published = publishedLaunches();

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

describe.skipIf(published.length === 0)(`the published digests (${VECTORS})`, () => {
  it.each(published)(
    '$ovmf with $vcpus vCPUs, kernel $kernel, features $guestFeatures',
    (launch) => {
      expect(hex(launchDigest(qemuLaunch(launch)))).toBe(launch.digest);
    },
  );
});
