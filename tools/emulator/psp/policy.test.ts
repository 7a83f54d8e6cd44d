import { expect, it } from 'vitest';
import { refusedPolicy } from './policy.ts';

it('accepts the policy that QEMU uses by default', () => {
  expect(refusedPolicy(0x3_0000n)).toBeUndefined();
});

it.each([
  ['bit 17 is clear', 0x1_0000n, /bit 17/],
  ['SMT is forbidden on a host that has it on', 0x2_0000n, /SMT/],
  ['reserved bits are set', 0x8000_0000_0003_0000n, /reserved/],
  ['newer firmware is asked for', 0x3_02ffn, /firmware 2\.255/],
  ['a newer minor version is asked for', 0x3_0138n, /firmware 1\.56/],
])('refuses a policy where %s', (_why, policy, reason) => {
  expect(refusedPolicy(policy)).toMatch(reason);
});
