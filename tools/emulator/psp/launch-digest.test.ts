import { describe, expect, it } from 'vitest';
import * as Launch from '../../../spec/launch.ts';
import { qemuVmsa } from '../../../test/qemu-launch.ts';
import { DIGEST_SIZE, extend, sha384 } from './launch-digest.ts';

/**
 * Computed with sev-snp-measure (virtee/sev-snp-measure, Apache-2.0): the digest after each page of a
 * launch that begins with zeros and gives no rights to VMPL 1 to 3.
 */
const AFTER_ZEROS_AT_0 =
  '9d13634b6014bb21cf059b2dc694e7bff01a8a7137041100cd2b695f3d10fb687267b97808b27f8f471d943bc6f53a20';
const AFTER_ZERO_PAGE =
  '3bb77aec4f0d90c147b6b7884b6bd5741994d2575305f89639c95186690d949261186702ef51f2fa7c0dd4c90f03ebfd';
const AFTER_SECRETS =
  '0a38dc4cdc203b86ee6a64ab9f7bcc0c1e0fa47144e1e4d6fad2ce24573ef7e100d1b91f1869bcea9cd1e3dffd42a075';
const AFTER_CPUID =
  '3bbf34c2d07995525f1135e5fd8fa00fa052f455911c6484ffbb3bbb0b64efa29f7d1bc9077fe600a08375e1097438a4';
const AFTER_UNMEASURED =
  'f33914b2b834895a05826067e93d3464b86c42f7ff2dacf165081dca9b15d2ec0b27d0d4cf3f6416465005f922f565b7';
const AFTER_VMSA =
  'a7202e8d2655614c0b757401d8fa268b4a384c56ded0d790f70fb4e168d8d875cc299bb0e69d9562bd4e7b94d3dc25ec';
const VMSA_CONTENTS =
  '77920c4c629ff47e90c0e174fc1ad0eb6fa664f88cd4739488058a8c6cb1a77b3856f55378e9518d0da99452d51c553a';

const ZEROS: Uint8Array = new Uint8Array(DIGEST_SIZE);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function measured(digest: Uint8Array, type: number, gpa: number | bigint, contents = ZEROS) {
  return extend(digest, { contents, type, gpa: BigInt(gpa), permissions: [0, 0, 0] });
}

describe('the launch digest', () => {
  it('is that of sev-snp-measure after a page of each type', () => {
    const steps: Uint8Array[] = [measured(ZEROS, Launch.NORMAL, 0, sha384(new Uint8Array(4096)))];
    const then = (type: number, gpa: number | bigint, contents?: Uint8Array) =>
      steps.push(measured(steps.at(-1) ?? ZEROS, type, gpa, contents));
    then(Launch.ZERO, 0x1000);
    then(Launch.SECRETS, 0x2000);
    then(Launch.CPUID, 0x3000);
    then(Launch.UNMEASURED, 0x4000);
    then(Launch.VMSA, BigInt(Launch.VMSA_GPA), sha384(qemuVmsa(0xffff_fff0, 1n)));
    expect(steps.map(hex)).toEqual([
      AFTER_ZEROS_AT_0,
      AFTER_ZERO_PAGE,
      AFTER_SECRETS,
      AFTER_CPUID,
      AFTER_UNMEASURED,
      AFTER_VMSA,
    ]);
  });

  it('depends on rights, address and type of a page', () => {
    const page = { contents: ZEROS, type: Launch.ZERO, gpa: 0x1000n, permissions: [0, 0, 0] };
    const digests = [
      page,
      { ...page, permissions: [1, 0, 0] },
      { ...page, permissions: [0, 1, 0] },
      { ...page, permissions: [0, 0, 1] },
      { ...page, gpa: 0x2000n },
      { ...page, type: Launch.UNMEASURED },
    ].map((each) => hex(extend(ZEROS, { ...each, permissions: each.permissions as never })));
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('begins from a VMSA that the layout puts together as QEMU does', () => {
    expect(hex(sha384(qemuVmsa(0xffff_fff0, 1n)))).toBe(VMSA_CONTENTS);
  });
});
