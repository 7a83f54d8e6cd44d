import { describe, expect, it } from 'vitest';
import * as SevStatus from '../../spec/sev-status.ts';
import { sevFeatures } from './features.ts';

describe('sevFeatures', () => {
  it('asks KVM for SNP alone, and a host of the hv build for restricted injection too', () => {
    expect(sevFeatures('kvm')).toMatchObject({ required: 0x7n, vmsa: 0x1n });
    expect(sevFeatures('hv')).toMatchObject({ required: 0x27n, vmsa: 0x9n });
  });

  it.each(['kvm', 'hv'] as const)(
    'allows what only takes from the host, and what the kernel serves, for %s',
    (host) => {
      const { required, allowed } = sevFeatures(host);
      expect(allowed & required).toBe(required);
      expect(allowed & BigInt(SevStatus.SMT_PROTECTION)).not.toBe(0n);
      expect(allowed & BigInt(SevStatus.SECURE_TSC)).not.toBe(0n);
      const { VTOM, REFLECT_VC, ALTERNATE_INJECTION, SECURE_AVIC } = SevStatus;
      for (const refused of [VTOM, REFLECT_VC, ALTERNATE_INJECTION, SECURE_AVIC]) {
        expect(allowed & BigInt(refused)).toBe(0n);
      }
    },
  );
});
