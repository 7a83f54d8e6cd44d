import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Igvm from '../../../spec/igvm.ts';
import { view } from '../../../spec/layout.ts';
import { CpuidPage } from '../../../spec/layouts/cpuid-page.ts';
import { SecretsPage } from '../../../spec/layouts/secrets.ts';
import { identityFor, igvmIdentity } from '../../../test/id-block.ts';
import { UserError } from '../../errors.ts';
import { entryFor } from '../hypervisor/rmp.ts';
import { createMachine, type MachineOptions } from '../machine.ts';
import type { Mode } from '../mode.ts';
import { launchIgvm } from './igvm.ts';
import {
  igvmFile,
  POLICY,
  pageData,
  publishedFile,
  SNP_PLATFORM,
  type TestHeader,
  vpContext,
} from './test-images.ts';

/** Of the published file: zero pages launched as NORMAL ones, as QEMU and KVM do. */
const PUBLISHED_DIGEST =
  '9f5126910f912171bc632af8b3cae2e6655df1b83a9b086366c426941f9e79e9dbfd3592817bc03650688c2574cd9b06';

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

function launched(file: Uint8Array, options: Partial<MachineOptions> = {}) {
  const machine = createMachine({ mode: 'snp', ...options });
  launchIgvm(machine, file);
  return machine;
}

/** A file of `headers` for SNP, with a page of 0xAA and an empty VMSA behind them. */
function file(...headers: readonly TestHeader[]): Uint8Array {
  const all = (at: number) => [SNP_PLATFORM, POLICY, ...headers, vpContext(at + 4096)];
  const data = new Uint8Array(8192).fill(0xaa, 0, 4096);
  return igvmFile(all(igvmFile(all(0), new Uint8Array(0)).length), data);
}

const area = (index: number): TestHeader => [Igvm.PARAMETER_AREA, 4096, 0, index, 0];
const insert = (gpa: number, index: number): TestHeader => [
  Igvm.PARAMETER_INSERT,
  gpa,
  0,
  1,
  index,
];

const identityHeader = (digest: Uint8Array): TestHeader => {
  const block = igvmIdentity(identityFor({ digest, policy: 0x3_0000n }));
  return [Igvm.SNP_ID_BLOCK, ...new Uint32Array(block.buffer)];
};

describe('the launch of an IGVM file', () => {
  it('measures the published file as published', () => {
    expect(hex(launched(publishedFile()).launchDigest)).toBe(PUBLISHED_DIGEST);
  });

  it('fails where it does not come to what the file’s ID block says, and else is known by it', () => {
    const digest = launched(file(pageData(0, 0))).launchDigest ?? new Uint8Array();
    const machine = launched(file(pageData(0, 0), identityHeader(digest)));
    const context = machine.psp.context(machine.hypervisor.guestContext ?? -1);
    expect(context?.identity).toMatchObject({ authorKey: true });
    expect(hex(machine.launchDigest)).toBe(hex(digest));
    const other = file(pageData(0x1000, 0), identityHeader(digest));
    expect(() => launched(other)).toThrow(/LAUNCH_FINISH.*BAD_MEASUREMENT/);
  });

  it('measures the features that the host chooses', () => {
    const digest = hex(launched(publishedFile(), { host: 'hv' }).launchDigest);
    expect(digest).not.toBe(PUBLISHED_DIGEST);
  });

  it('leaves pages of the image validated, and the rest as the host has it', () => {
    const states = (host: 'kvm' | 'hv') => {
      const { core } = launched(publishedFile(), { host });
      return [0x10, 0x14, 0x400].map((frame) => {
        const { assigned, validated, huge } = entryFor(core.frames, frame);
        return { assigned, validated, huge };
      });
    };
    const image = { assigned: true, validated: true, huge: false };
    const hosts = { assigned: false, validated: false, huge: false };
    const guests = { assigned: true, validated: false };
    expect(states('kvm')).toEqual([image, hosts, hosts]);
    expect(states('hv')).toEqual([image, { ...guests, huge: false }, { ...guests, huge: true }]);
  });

  it('fills the secrets page and the CPUID page, and lets nobody read them', () => {
    const machine = launched(publishedFile());
    const own = (gpa: number) => machine.core.read(gpa, 4096, machine.asid);
    const secrets = view(SecretsPage, own(0x1_2000));
    expect(secrets.version).toBe(3);
    expect(new Set([0, 1, 2, 3].map((n) => hex(secrets[`vmpck${n as 0}`]))).size).toBe(4);
    const table = view(CpuidPage, own(0x1_3000));
    expect(table.count).toBeGreaterThan(10);
    const found = table.functions.find(({ eaxIn }) => eaxIn === 0x8000_001f);
    expect([found?.eax, (found?.ebx ?? 0) & 0x3f]).toEqual([0x1a, 51]);
    expect(hex(machine.memory.read(0x1_2000, 4096))).not.toBe(hex(own(0x1_2000)));
  });

  it('tells the guest about the machine in unmeasured parameters', () => {
    const image = file(
      area(0),
      [Igvm.MEMORY_MAP, 0, 0],
      area(1),
      [Igvm.VP_COUNT, 1, 0],
      [Igvm.ENVIRONMENT_INFO, 1, 4],
      insert(0x2_0000, 0),
      insert(0x2_1000, 1),
    );
    const small = launched(image, { memory: 2 ** 23 });
    const map = Buffer.from(small.core.read(0x2_0000, 48, small.asid));
    expect([map.readBigUint64LE(0), map.readBigUint64LE(8), map.readUint16LE(16)]).toEqual([
      0n,
      2048n,
      0,
    ]);
    expect(map.readBigUint64LE(32)).toBe(0n);
    const general = (machine: typeof small) =>
      Buffer.from(machine.core.read(0x2_1000, 8, machine.asid)).toString('hex');
    expect(general(small)).toBe('0100000001000000');
    const privately = launched(image, { memory: 2 ** 24, host: 'hv' });
    expect(general(privately)).toBe('0100000000000000');
    expect(hex(launched(image, { memory: 2 ** 24 }).launchDigest)).toBe(hex(small.launchDigest));
  });

  it.each<[string, Uint8Array, Partial<MachineOptions>, RegExp]>([
    ['has no platform for the mode', file(), { mode: 'sev' }, /no platform for mode sev/],
    ['loads where there is no memory', file(pageData(0x800_0000, 0)), {}, /no memory/],
    ['loads a page twice', file(pageData(0x1000, 0), pageData(0x1000, 0)), {}, /twice/],
    [
      'requires more memory than there is',
      file([Igvm.REQUIRED_MEMORY, 0x400_0000, 0, 1, 4096, 0, 0]),
      {},
      /--memory/,
    ],
    ['has no context', igvmFile([SNP_PLATFORM, POLICY], new Uint8Array(8)), {}, /no VP_CONTEXT/],
    [
      'has a parameter that does not fit',
      file(area(0), [Igvm.MEMORY_MAP, 0, 4090], insert(0, 0)),
      {},
      /does not fit/,
    ],
    [
      'has a policy that is refused',
      igvmFile(
        [SNP_PLATFORM, [Igvm.GUEST_POLICY, 0, 0, 1, 0], vpContext(0xa0)],
        new Uint8Array(8192),
      ),
      {},
      /policy 0x0 is refused/,
    ],
  ])('fails with a clear message if the file %s', (_why, image, options, message) => {
    expect(() => launched(image, options)).toThrow(UserError);
    expect(() => launched(image, options)).toThrow(message);
  });

  it('refuses a VMSA with what KVM cannot express', () => {
    const image = publishedFile();
    image[0x10e8 + 0x3c8] = 1;
    expect(() => launched(image)).toThrow(/offset 0x3c8/);
  });

  it.each<Mode>(['sev', 'sev-es'])(
    'encrypts the pages of a %s guest and measures them in order',
    (mode) => {
      const type = mode === 'sev' ? Igvm.PLATFORM_SEV : Igvm.PLATFORM_SEV_ES;
      const headers = (at: number): TestHeader[] => [
        [Igvm.SUPPORTED_PLATFORM, 1, 0x0001_0000 | (type << 8), 0, 0],
        pageData(0x1_0000, at),
        pageData(0x1_1000, 0),
        [Igvm.VP_CONTEXT, 0, 0, 1, at + 4096, 0],
      ];
      const data = new Uint8Array(8192).fill(0xaa, 0, 4096);
      const image = igvmFile(headers(igvmFile(headers(0), new Uint8Array(0)).length), data);
      const machine = launched(image, { mode });
      const content = Buffer.from(machine.core.read(0x1_0000, 8192, machine.asid));
      expect(content.every((byte, i) => byte === (i < 4096 ? 0xaa : 0))).toBe(true);
      expect(Buffer.from(machine.memory.read(0x1_0000, 4096))).not.toEqual(
        content.subarray(0, 4096),
      );
      const measured = createHash('sha256').update(content);
      if (mode === 'sev-es') {
        const vmsa = new Uint8Array(4096);
        new DataView(vmsa.buffer).setBigUint64(0xd0, 0x1000n, true);
        measured.update(vmsa);
      }
      expect(hex(machine.launchDigest)).toBe(measured.digest('hex'));
    },
  );
});
